"""Models for other programs: one step of the network, with its states as inputs and outputs.

    signature.py         inputs and outputs of a step: names, types, shapes
    step_keras.py        the step as a network of stock Keras layers
    step_numpy.py        the step in NumPy alone, from an archive of arrays
    formats.py           how each format is written, and run in its own runtime
    vocabulary_files.py  how other programs turn text into ids and ids into text
    verification.py      comparing an exported model with textgen's own network
    step_export.py       the export of a step as a whole: write, verify, describe
    result.py            what an export wrote
    exporter.py          the function for all formats

Keras is imported only when a model is exported to a format that needs it.
"""

from textgen.exporting.exporter import export

__all__ = ["export"]
