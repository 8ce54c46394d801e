"""The model as JavaScript: an engine for browsers and Node, and a page that generates with it.

engine/          the engine: ES modules in readable source, without any library
kernels.wat      its matrix products in WebAssembly; kernels.wasm is made from it by wat2wasm
bundle.py        joins the engine's modules into one
page/            the page: HTML, style sheet and modules
page.py          joins the page into one HTML file
model_file.py    writes the model that the engine loads
costs.py         what each way to store the weights adds to the loss
export.py        the export as a whole: write, check, measure, put in place
check.py         runs a model file in the engine (check.js), and compares it with textgen
runtimes.py      Node, or a browser without a window
"""
