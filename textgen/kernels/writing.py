"""Writing texts side by side, many tokens at a call, compiled."""

from typing import Any, NamedTuple

import numpy as np

from textgen.kernels.choosing import BLOCK, choose, log_probability
from textgen.kernels.network import advance, copy, make_space
from textgen.kernels.simd import compiled
from textgen.kernels.text_table import (
    AT_LENGTH,
    CURRENT,
    END_ID,
    GROUP,
    HAS_SCORES,
    IS_EMPTY,
    LENGTH,
    LINE_END_ID,
    LINE_ENDS,
    LINES,
    LOG_PROBABILITY,
    MAX_LENGTH,
    MIN_P,
    POSITION,
    RUNNING,
    SEED_END,
    SEED_POSITION,
    STATUS,
    STOPPED,
    TEMPERATURE,
    UNTIL_FIRST,
    UNTIL_LAST,
)
from textgen.kernels.vectors import keep_apart
from textgen.kernels.weights import STATE_WIDTH, VOCABULARY


class _Workspace(NamedTuple):
    """Arrays of one thread to choose a token in."""

    logits: Any
    weights: Any
    results: Any


@compiled
def _is_stopped(texts: Any, row: int, token: int) -> bool:
    """Whether a text ends with the token that it just wrote, whatever its length."""
    keep_apart()
    values = texts.integers[:, row]
    if token == texts.settings[END_ID]:
        return True
    if values[LINES] > 0 and token == texts.settings[LINE_END_ID]:
        values[LINE_ENDS] += 1
        if values[LINE_ENDS] >= values[LINES]:
            return True
    for number in range(values[UNTIL_FIRST], values[UNTIL_LAST]):
        until = texts.until[number]
        place, written = len(until) - 1, values[LENGTH] - 1  # compared from the end
        while place >= 0 and written >= 0 and texts.ids[row, written] == until[place]:
            place, written = place - 1, written - 1
        if place < 0 or until[place] < 0:
            return True
    return False


@compiled
def _write(texts: Any, row: int, logits: Any, work: Any) -> None:
    """Choose the next token of a text, and write it, or end the text."""
    keep_apart()
    values, fractions = texts.integers[:, row], texts.fractions[:, row]
    end_id = texts.settings[END_ID]
    is_long = values[LENGTH] >= values[MAX_LENGTH]
    if is_long and end_id < 0:
        values[STATUS] = AT_LENGTH
        return
    copy(logits, work.logits)
    if values[GROUP] >= 0:
        mask = texts.masks[values[GROUP]]
        for column in range(len(mask)):
            work.logits[column] += mask[column]
    if values[LENGTH] == 0 and values[IS_EMPTY] != 0:
        work.logits[end_id] = -np.inf
    lowest = np.float32(np.log(fractions[MIN_P])) if fractions[MIN_P] > 0 else np.float32(-np.inf)
    temperature, number = np.float32(fractions[TEMPERATURE]), texts.numbers[row, values[POSITION]]
    values[POSITION] += 1
    token = choose(work.logits, temperature, lowest, number, work.weights, work.results)
    if is_long and token != end_id:  # a document that gets too long: this token is left out
        values[STATUS] = AT_LENGTH
        return
    if texts.settings[HAS_SCORES] != 0:
        log_probability(logits, token, work.results)
        fractions[LOG_PROBABILITY] += np.float64(work.results[0])
    texts.ids[row, values[LENGTH]] = token
    values[LENGTH] += 1
    values[CURRENT] = token
    if _is_stopped(texts, row, token):
        values[STATUS] = STOPPED
    elif end_id < 0 and values[LENGTH] >= values[MAX_LENGTH]:
        values[STATUS] = AT_LENGTH


@compiled
def run(
    network: Any, states: Any, labels: Any, texts: Any, tokens: int, first: int, last: int
) -> None:
    """Read and write tokens in some rows.

    Args:
        network: `weights.PackedNetwork`.
        states: Of all texts, shape (rows, width of a state or more).
        labels: What each row's labels add to the gates of the first layer, shape (rows, gates);
            or of shape (0, any) for a network without labels.
        texts: `text_table.TableArrays`.
        tokens: How many tokens to read in each row, at most.
        first, last: The rows, from `first` to the one before `last`.
    """
    together = last - first
    space = make_space(network, together)
    vocabulary, width = network.sizes[VOCABULARY], network.sizes[STATE_WIDTH]
    blocks = (vocabulary + BLOCK - 1) // BLOCK
    work = _Workspace(
        np.empty(vocabulary, np.float32),
        np.zeros((blocks, BLOCK), np.float32),
        np.empty(16 + blocks, np.float32),
    )
    rows, now = np.empty(together, np.int64), np.empty((2, together), np.int32)
    values, count = texts.integers, np.int64(0)
    for row in range(first, last):
        if values[STATUS, row] == RUNNING:
            copy(states[row], space.states[count, :width])
            rows[count] = row
            count += 1
    for _ in range(tokens):
        for place in range(count - 1, -1, -1):  # the last takes the place of one that waits
            row = rows[place]
            is_full = values[LENGTH, row] == texts.ids.shape[1]
            is_waiting = is_full or values[POSITION, row] == texts.numbers.shape[1]
            if is_waiting and values[SEED_POSITION, row] == values[SEED_END, row]:
                copy(space.states[place], states[row, :width])
                count -= 1
                rows[place] = rows[count]
                copy(space.states[count], space.states[place, :width])
        if count == 0:
            break
        for place in range(count):
            now[0, place] = values[CURRENT, rows[place]]
            now[1, place] = rows[place] if len(labels) > 0 else -1
        advance(network, now[0], labels, now[1], space, count)
        for place in range(count - 1, -1, -1):
            row = rows[place]
            position = values[SEED_POSITION, row]
            if position < values[SEED_END, row]:
                values[CURRENT, row] = texts.seed_ids[position]
                values[SEED_POSITION, row] = position + 1
                continue
            _write(texts, row, space.logits[place, :vocabulary], work)
            if values[STATUS, row] != RUNNING:  # the last takes its place
                count -= 1
                rows[place] = rows[count]
                copy(space.states[count], space.states[place, :width])
    for place in range(count):
        copy(space.states[place], states[rows[place], :width])
