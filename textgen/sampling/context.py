"""What the network remembers while it writes: carried state, or a window of characters.

Knows how states are kept from one character to the next; knows nothing of how characters are
chosen. Each function gives a step: ids of shape (rows,) in, logits of shape (rows, vocabulary)
for the characters that follow out.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.sampling.network import Floats, Network

Step = Callable[[npt.NDArray[Any]], Floats]


def carried(network: Network, rows: int) -> Step:
    """The state goes on for ever: how a model trained with carried state predicts."""
    state = network.zero_state(rows)
    return lambda ids: network.logits(network.advance(ids, state))


def window(network: Network, rows: int, maxlen: int) -> Step:
    """The last `maxlen` characters, read from a zero state, and while they are fewer, all of them.

    That is how a model trained on windows predicts. Instead of reading the window again for every
    character, `maxlen` states are kept for each row, each begun one character after the other.
    Every character advances all of them in one batched step; the one that has by then read just
    `maxlen` characters gives the logits and begins anew with the next character.
    """
    state = network.zero_state(rows * maxlen)
    count = 0

    def step(ids: npt.NDArray[Any]) -> Floats:
        nonlocal count
        begins = count % maxlen
        for arrays in state:
            for array in arrays:
                array.reshape(rows, maxlen, -1)[:, begins] = 0
        hidden = network.advance(np.repeat(ids, maxlen), state)
        count += 1
        oldest = count % maxlen if count >= maxlen else 0
        return network.logits(hidden.reshape(rows, maxlen, -1)[:, oldest])

    return step
