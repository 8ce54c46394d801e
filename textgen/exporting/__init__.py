"""A trained model for other programs: one step of the network, states in and out.

    signature.py  what goes into a step and what comes out: names, types, shapes
    onestep.py    that step as a network of stock Keras layers
    plain.py      that step in NumPy alone, from an archive of arrays
    formats.py    how each format is written, and run where it will run
    run.py        the whole way: write, verify, put in place

Keras is imported when something is exported to a format that needs it, by onestep.py.
"""

from textgen.exporting.run import export

__all__ = ["export"]
