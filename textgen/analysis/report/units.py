"""Which properties of a text the single units of a network track.

After Karpathy, Johnson and Fei-Fei 2015 (Visualizing and Understanding Recurrent Networks, arXiv
1506.02078), who coloured texts by single cells and named what they saw. Here each name has a score:
Pearson's correlation of a unit's activation after each character with a property of the text up to
that character.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True)
class Tracking:
    """How well units track properties of a text.

    Attributes:
        properties: The properties' names.
        correlations: For each layer, float32 of shape (properties, units); 0 for a unit or a
            property that never changes.
    """

    properties: tuple[str, ...]
    correlations: Sequence[Floats]

    def best_property(self, layer: int, number: int) -> tuple[str, float]:
        """The property that a unit tracks best, and the correlation."""
        values = self.correlations[layer][:, number]
        place = int(np.abs(values).argmax())
        return self.properties[place], float(values[place])

    def best_units(self, count: int) -> list[tuple[str, list[tuple[int, int, float]]]]:
        """For each property the units that track it best: layer, number and correlation.

        The property that is tracked best comes first; one that no unit tracks is left out.
        """
        best = []
        for place, name in enumerate(self.properties):
            candidates = [
                (layer, number, float(value))
                for layer, values in enumerate(self.correlations)
                for number, value in enumerate(values[place])
                if value
            ]
            candidates.sort(key=lambda unit: -abs(unit[2]))
            if candidates:
                best.append((name, candidates[:count]))
        return sorted(best, key=lambda item: -abs(item[1][0][2]))


def track(text: str, activations: Sequence[Floats]) -> Tracking:
    r"""Correlate every unit with every property of a text.

    Args:
        text: A text.
        activations: For each layer its units' activations after each character, float of shape
            (characters, units).

    Example:
        >>> text = "ab\ncd\n"
        >>> unit = np.array([[character == "\n"] for character in text], np.float32)
        >>> track(text, [unit]).best_property(0, 0)
        ('line end', 1.0)
    """
    by_name = properties(text)
    columns = _standardise(np.stack(list(by_name.values()), axis=1).astype(np.float32))
    correlations = [columns.T @ _standardise(layer) / len(text) for layer in activations]
    return Tracking(tuple(by_name), correlations)


def properties(text: str) -> dict[str, Floats]:
    """The properties of each place of a text that depend only on the text up to it.

    Returns:
        For each property its values, float64 of shape (characters,).

    Example:
        >>> properties("a(b)c")["inside brackets"].tolist()
        [0.0, 1.0, 1.0, 0.0, 0.0]
    """
    lines = re.split("(?<=\n)", text)
    words = re.findall(r"\w+|\W", text)
    lists = {
        "position in line": [place for line in lines for place in range(len(line))],
        "position in word": [place for word in words for place in _in_word(word)],
        "indentation": [depth for line in lines for depth in _indentation(line)],
        "line end": [character == "\n" for character in text],
        "space": [character == " " for character in text],
        "blank line": [text[place - 1 : place + 1] == "\n\n" for place in range(len(text))],
        "upper case": [character.isupper() for character in text],
        "digit": [character.isdigit() for character in text],
        "punctuation": [not (c.isalnum() or c.isspace()) for c in text],
        "vowel": [character in "aeiouAEIOU" for character in text],
        "inside quotes": _inside_quotes(text),
        "inside brackets": _depths(text),
        "line in capitals": [flag for line in lines for flag in _capitals(line)],
    }
    return {name: np.asarray(values, np.float64) for name, values in lists.items()}


def _in_word(word: str) -> Iterable[int]:
    """The position from 1 of each letter in a word; 0 outside words."""
    return range(1, len(word) + 1) if re.match(r"\w", word) else (0,)


def _indentation(line: str) -> list[int]:
    """The white space at the beginning of the line, up to each place."""
    width = len(line) - len(line.lstrip(" \t"))
    return [min(place + 1, width) for place in range(len(line))]


def _inside_quotes(text: str) -> list[bool]:
    """Double quotes; one that is never closed ends with the paragraph."""
    inside, flags = False, []
    for place, character in enumerate(text):
        if character in "\u201c\u00ab":
            inside = True
        elif character in "\u201d\u00bb":
            inside = False
        elif character == '"':
            inside = not inside
        elif character == "\n" and text[place - 1 : place] == "\n":
            inside = False
        flags.append(inside)
    return flags


def _depths(text: str) -> list[int]:
    """How many brackets are open at each place, 0 or more."""
    changes = ((c in _OPENING) - (c in _CLOSING) for c in text)
    return list(accumulate(changes, lambda depth, change: max(0, depth + change), initial=0))[1:]


def _capitals(line: str) -> list[bool]:
    """Whether a line up to each place has two or more letters, all of them capitals."""
    letters, small, flags = 0, False, []
    for character in line:
        letters += character.isalpha()
        small = small or character.islower()
        flags.append(letters > 1 and not small)
    return flags


def _standardise(values: Floats) -> Floats:
    """Columns scaled to mean 0 and deviation 1; constant columns become 0."""
    centred = values - values.mean(axis=0, dtype=np.float64).astype(values.dtype)
    deviation = np.sqrt(np.square(centred).mean(axis=0))
    return np.asarray(
        np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 1e-6)
    )
