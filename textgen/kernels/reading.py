"""Reading given tokens in texts side by side, compiled: their log-probabilities, or logits."""

from typing import Any

import numpy as np

from textgen.kernels.choosing import log_probability
from textgen.kernels.network import advance, copy, make_space
from textgen.kernels.simd import compiled
from textgen.kernels.weights import STATE_WIDTH, VOCABULARY

ROWS_TOGETHER = 64  # whose arrays are in a cache together


@compiled
def read(
    network: Any,
    states: Any,
    tokens: Any,
    resets: Any,
    labels: Any,
    logs: Any,
    logits: Any,
    first: int,
    last: int,
) -> None:
    """Read tokens in some rows.

    Args:
        network: `weights.PackedNetwork`.
        states: Before the first token, shape (rows, width of a state or more); takes those after
            the last one.
        tokens: The ids; those whose log-probability is wanted after each, or -1 for none; and which
            labels each is read with, or -1; int32 of shape (3, rows, tokens).
        resets: Whether the state is zero before each token, shape (rows, tokens).
        labels: What labels add to the gates of the first layer, shape (any, gates).
        logs: Takes the log-probabilities, 0 where none is wanted; shape (rows, tokens).
        logits: Takes the logits after the last token, shape (rows, vocabulary); or of shape
            (0, any).
        first, last: The rows, from `first` to the one before `last`.
    """
    together = min(last - first, ROWS_TOGETHER)
    space = make_space(network, together)
    now = np.empty((2, together), np.int32)
    results = np.empty(16, np.float32)
    width, vocabulary = network.sizes[STATE_WIDTH], network.sizes[VOCABULARY]
    parts = (last - first + ROWS_TOGETHER - 1) // ROWS_TOGETHER
    start = first
    for part in range(parts):  # of nearly as many rows each
        end = first + (last - first) * (part + 1) // parts
        count = end - start
        for row in range(count):
            copy(states[start + row], space.states[row, :width])
        for token in range(tokens.shape[2]):
            for row in range(count):
                now[0, row] = tokens[0, start + row, token]
                now[1, row] = tokens[2, start + row, token]
                if resets[start + row, token]:
                    for place in range(width):
                        space.states[row, place] = 0
            advance(network, now[0], labels, now[1], space, count)
            for row in range(count):
                target = np.int64(tokens[1, start + row, token])
                logs[start + row, token] = 0
                if target >= 0:
                    log_probability(space.logits[row, :vocabulary], target, results)
                    logs[start + row, token] = results[0]
        for row in range(count):
            copy(space.states[row], states[start + row, :width])
            if len(logits) > 0:
                copy(space.logits[row], logits[start + row])
        start = end
