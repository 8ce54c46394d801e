"""Writing text with a trained network, in NumPy alone.

    network.py    the recurrent network: weights, states, one step
    context.py    what the network remembers: carried state, or exactly the last maxlen characters
    decoding.py   how the next character is chosen from logits
    sampler.py    seeds in, text out: the loop

Nothing here imports a deep-learning framework, reads a file or prints.
"""

from textgen.sampling.sampler import Sampler

__all__ = ["Sampler"]
