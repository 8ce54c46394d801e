"""Writing text with a trained network, in NumPy alone.

    cells.py      one step of a recurrent layer
    network.py    the network: which weights, how layers stand on each other
    context.py    what it remembers: carried state, or exactly the last maxlen characters
    decoding.py   how the next character is chosen from logits
    ending.py     when a text is over
    writing.py    the loops: one text as it comes, many side by side
    seeds.py      seeds from files
    scoring.py    how probable a text is
    sampler.py    a trained model that writes: seeds in, text out

Nothing here imports a deep-learning framework, reads a file or prints.
"""

from textgen.sampling.sampler import Sampler

__all__ = ["Sampler"]
