"""Settings to keras.Model, and the model directory.

build.py            the network in Keras
initial_weights.py  the weights that training starts from
model_dir.py        reading and saving a model directory
record.py           what a model directory says about its model, apart from the weights
weights.py          the weights in its `.keras` file
compact.py          copies of model directories with float16 weights
starters.py         the pretrained models that come with textgen
known_documents.py  looks texts up in the corpus that a model was trained on
paths.py            where its files are
"""
