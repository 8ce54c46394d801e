"""What is known of texts that are written side by side: arrays with a row or number for each.

Needs no Numba.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

RUNNING, STOPPED, AT_LENGTH = 0, 1, 2  # of a text's status: it ended by its condition, or length
# Rows of the array of integers, and of that of fractions; see `TextTable`.
STATUS, CURRENT, SEED_POSITION, SEED_END, IS_EMPTY, LENGTH, MAX_LENGTH = range(7)
POSITION, GROUP, LINES, LINE_ENDS, UNTIL_FIRST, UNTIL_LAST = range(7, 13)
TEMPERATURE, MIN_P, LOG_PROBABILITY = range(3)
HAS_SCORES, END_ID, LINE_END_ID = range(3)  # places in the array of settings


class TableArrays(NamedTuple):
    """The arrays of `TextTable` for compiled code."""

    integers: Any
    fractions: Any
    settings: Any
    seed_ids: Any
    ids: Any
    numbers: Any
    masks: Any
    until: Any


class TextTable:
    """Texts side by side, for compiled code, which changes what says so.

    A text first reads its `current` token and the rest of its seed; then it chooses a token, writes
    it, and reads it before the next. It waits where its random numbers are used up, or its row of
    `ids` is full.

    Args:
        rows: How many texts. At first there are none: all have stopped, with all settings off.
        capacity: Tokens that fit into a row of `ids`.
        numbers: Random numbers in a row, all of them used up.
        vocabulary: Tokens in the vocabulary.

    Attributes:
        status: RUNNING; STOPPED or AT_LENGTH where the text has ended. Changes. This array and
            those that follow have an int64 for each row.
        current: The token to read next. Changes.
        seed_position, seed_end: Where in `seed_ids` the next token of each row's seed is, and where
            the seed ends; equal after its last token was taken as `current`. The position changes.
        is_empty: 1 if the document end cannot be the first token, or 0.
        length: How many tokens were written. Changes.
        max_length: The most, without the document end.
        position: Where in `numbers` the next one of each row is. Changes.
        group: Which of the masks is added to the logits, or -1.
        lines: Line ends to stop after; 0 to ignore them.
        line_ends: How many were written, where they are counted. Changes.
        until_first, until_last: Which of `until` end the text.
        temperature: 0 for the most likely token; a float64 for each row, as the two that follow.
        min_p: 0 for no bound.
        log_probability: The sum over all written tokens, at temperature 1 and without masks.
            Changes if `has_scores`.
        seed_ids: All tokens of seeds, int32 of shape (any,).
        ids: The written tokens, with the document end, int32 of shape (rows, capacity). Changes.
        numbers: Random numbers in [0, 1), float64 of shape (rows, any).
        masks: 0, and -inf for tokens that are never chosen: float32 of shape (any, vocabulary).
        until: Texts to stop after: int32 of shape (any, longest), filled up with -1 at the left.
        has_scores: Whether to compute log-probabilities.
        end_id: Of the document end; -1 for none.
        line_end_id: Of the line end; -1 for none.
    """

    def __init__(self, rows: int, capacity: int, numbers: int, vocabulary: int):
        self._integers = np.zeros((13, rows), np.int64)
        self._fractions = np.zeros((3, rows))
        self.status, self.current, self.seed_position, self.seed_end = self._integers[:4]
        self.is_empty, self.length, self.max_length = self._integers[4:7]
        self.position, self.group, self.lines, self.line_ends = self._integers[7:11]
        self.until_first, self.until_last = self._integers[11:13]
        self.temperature, self.min_p, self.log_probability = self._fractions
        self.status[:], self.position[:], self.group[:] = STOPPED, numbers, -1
        self.temperature[:] = 1
        self.seed_ids = np.zeros(0, np.int32)
        self.ids = np.zeros((rows, capacity), np.int32)
        self.numbers: npt.NDArray[np.float64] = np.zeros((rows, numbers))
        self.masks = np.zeros((0, vocabulary), np.float32)
        self.until = np.zeros((0, 1), np.int32)
        self.has_scores, self.end_id, self.line_end_id = False, -1, -1

    def arrays(self) -> TableArrays:
        """The arrays for compiled code, which writes into those of this object."""
        settings = np.array([self.has_scores, self.end_id, self.line_end_id], np.int64)
        parts = self.seed_ids, self.ids, self.numbers, self.masks, self.until
        return TableArrays(self._integers, self._fractions, settings, *parts)

    def grow(self) -> None:
        """Double the room for written tokens."""
        self.ids = np.concatenate([self.ids, np.zeros_like(self.ids)], axis=1)

    def move(self, source: int, target: int) -> None:
        """Copy a text into another row."""
        self._integers[:, target] = self._integers[:, source]
        self._fractions[:, target] = self._fractions[:, source]
        for array in (self.ids, self.numbers):
            array[target] = array[source]
