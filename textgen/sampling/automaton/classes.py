"""Classes of characters: those that no part of an expression tells apart are one class."""

from collections.abc import Sequence

import numpy as np

from textgen.sampling.automaton.syntax import Flags


class Classes:
    """A partition of characters by the sets that they are in.

    Args:
        sets: Sets of characters, one or more, each of shape (characters,).

    Attributes:
        of: The class of each character.
        count: How many there are.
        masks: Of each set a number whose bit c is 1 if class c is in the set.

    Example:
        >>> sets = [np.array([True, True, False]), np.array([True, False, False])]
        >>> classes = Classes(sets)
        >>> classes.count, classes.of[0] != classes.of[1]
        (3, True)
    """

    def __init__(self, sets: Sequence[Flags]):
        members = np.packbits(np.stack(sets), axis=0).T
        numbers: dict[bytes, int] = {}
        self.of = [numbers.setdefault(each.tobytes(), len(numbers)) for each in members]
        self.count = len(numbers)
        examples = [0] * self.count
        for character, number in enumerate(self.of):
            examples[number] = character
        self.masks = [
            sum(1 << number for number, example in enumerate(examples) if each[example])
            for each in sets
        ]
