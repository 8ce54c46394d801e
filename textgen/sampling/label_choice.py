"""Which labels documents are generated with: those that a user named, the others drawn."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from textgen.errors import SettingsError
from textgen.text.documents.labels import NO_LABEL, Labels

LabelOption = str | Sequence[str] | Mapping[str, str] | None


class LabelChoice:
    """Draws labels in proportion to how often documents have them together.

    Args:
        labels: All labels.
        named: Ids that the user chose, by the number of the field.

    Example:
        >>> from textgen.text.documents.labels import LabelField
        >>> genre = LabelField("genre", ("comedy", "horror"), (7, 9))
        >>> author = LabelField("author", ("Ann", "Bob"), (7, 9))
        >>> labels = Labels((genre, author), (((2, 2), 9), ((1, 1), 7)))
        >>> LabelChoice(labels, {0: 1}).draw([5])
        (1, 1)
    """

    def __init__(self, labels: Labels, named: Mapping[int, int]):
        combinations = [
            (ids, count)
            for ids, count in labels.combinations
            if all(ids[field] == label_id for field, label_id in named.items())
        ]
        if len(named) == len(labels.fields) or not combinations:
            combinations = [(fill_labels(labels, named), 1)]
        self._ids = [ids for ids, _ in combinations]
        self._bounds = np.cumsum([count for _, count in combinations], dtype=np.float64)

    def draw(self, entropy: Sequence[int]) -> tuple[int, ...]:
        """Ids of all fields; `entropy` is as for `np.random.SeedSequence`."""
        if len(self._ids) == 1:
            return self._ids[0]
        place = np.random.default_rng(entropy).random() * self._bounds[-1]
        number = int(np.searchsorted(self._bounds, place, side="right"))
        return self._ids[min(number, len(self._ids) - 1)]


def choose_labels(labels: Labels | None, label: LabelOption) -> LabelChoice | None:
    """The labels of the documents to generate; None for a model without labels.

    Args:
        labels: Those of the model.
        label: `horror`, `genre=horror`, a list of such, or the values by name; None to draw all.
            Fields that are not named are drawn; an empty value is no label.

    Raises:
        SettingsError: the model has no labels, or not these.
    """
    named = name_labels(labels, label)
    return None if labels is None else LabelChoice(labels, named)


def fill_labels(labels: Labels, named: Mapping[int, int]) -> tuple[int, ...]:
    """Ids of all fields: those that were named, and no label for the others."""
    return tuple(named.get(field, NO_LABEL) for field in range(len(labels.fields)))


def name_labels(labels: Labels | None, label: LabelOption) -> dict[int, int]:
    """The ids of labels that a user named, by the number of the field; as in `choose_labels`."""
    if label is None:
        return {}
    if labels is None:
        raise SettingsError("label", "cannot be chosen: the model was trained without labels")
    named = [label] if isinstance(label, str) else label
    texts = named.values() if isinstance(named, Mapping) else named
    if not isinstance(named, Iterable) or not all(isinstance(text, str | None) for text in texts):
        raise SettingsError("label", f"must be a text, or several, not {label!r}")
    return labels.parse_named(named)
