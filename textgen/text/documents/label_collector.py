"""The labels of all documents, collected while tasks read them: which ids their values have."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.errors import CorpusError
from textgen.text.documents.labels import COMBINATIONS, RARE, LabelField, Labels
from textgen.text.documents.records import LABEL_CODES, LabelValues, load_records, save_records

LABEL_IDS, GROUPS = "label_ids", "groups"  # files of each part
_MOST_VALUES = 1 << 20  # of a kind of labels
_MOST_GROUPS = 1 << 17  # different combinations of labels

_SHOWN = 3  # rare values in a note

LabelIds = npt.NDArray[Any]


class LabelCollector:
    """Collects the values of the labels of all tasks, in any order of the tasks.

    Args:
        names: The name of each kind of label.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._numbers: list[dict[str, int]] = [{} for _ in names]  # in order of appearance
        self._counts = [np.zeros(0, np.int64) for _ in names]
        self._tasks: dict[int, list[npt.NDArray[np.int64]]] = {}

    def add(self, result: LabelValues) -> None:
        """Add the values of a task.

        Raises:
            CorpusError: there are too many different ones.
        """
        self._tasks[result.task] = []
        for field, (values, counts) in enumerate(zip(result.values, result.counts, strict=True)):
            numbers = self._numbers[field]
            task = np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int64)
            if len(numbers) > _MOST_VALUES:
                raise CorpusError(
                    f"the label {self.names[field]!r} has more than {_MOST_VALUES:,} different "
                    "values; name another --label"
                )
            self._tasks[result.task].append(task)
            total = np.zeros(len(numbers), np.int64)
            total[: len(self._counts[field])] = self._counts[field]
            total[task] += counts
            self._counts[field] = total

    def fields(self) -> tuple[LabelField, ...]:
        """The kinds of labels with their values.

        Raises:
            CorpusError: no document has one, or all of them are rare.
        """
        fields = []
        for name, numbers, counts in zip(self.names, self._numbers, self._counts, strict=True):
            field = build_field(name, dict(zip(numbers, counts.tolist(), strict=True)))
            if not field.values and not field.rare:
                raise CorpusError(
                    f"the label {name!r} is empty in every document; leave it out, or name another"
                )
            if not field.values:
                raise CorpusError(
                    f"every value of the label {name!r} is rare: none of {field.rare_values:,} has "
                    f"{RARE} documents or more, so nothing can be learned about one; leave the "
                    "label out, or name another"
                )
            fields.append(field)
        return tuple(fields)

    def describe_rare(self) -> str:
        """Which values are rare, for people; empty if none are."""
        notes = []
        for name, numbers, counts in zip(self.names, self._numbers, self._counts, strict=True):
            values = dict(zip(numbers, counts.tolist(), strict=True))
            rare = sorted(
                (count, value) for value, count in values.items() if value and count < RARE
            )
            shown = [
                f"{value!r} ({count} document{'s' * (count != 1)})"
                for count, value in rare[:_SHOWN]
            ]
            if rare:
                more = ", ..." if len(rare) > _SHOWN else ""
                few = "value" if len(rare) == 1 else "values"
                notes.append(
                    f"{name}: {len(rare):,} {few} of fewer than {RARE} documents learned as one: "
                    f"{', '.join(shown)}{more}"
                )
        return "; ".join(notes)

    def write_ids(self, tasks: Sequence[int], paths: Sequence[Path]) -> "LabelGroups":
        """Write the ids of the labels of all documents, and the group of each document.

        Args:
            tasks: The task of each temporary file.
            paths: The temporary files, in order.

        Raises:
            CorpusError: as `fields` does.
        """
        fields = self.fields()
        ids_of = [
            np.array([field.find(value) for value in numbers], np.int64)
            for field, numbers in zip(fields, self._numbers, strict=True)
        ]
        dtype = np.min_scalar_type(max(field.size for field in fields) - 1)
        groups = LabelGroups(fields)
        for task, path in zip(tasks, paths, strict=True):
            codes = load_records(path, LABEL_CODES)
            label_ids = np.empty(codes.shape, dtype)
            for field, numbers in enumerate(self._tasks[task]):
                label_ids[:, field] = ids_of[field][numbers[codes[:, field]]]
            save_records(path, LABEL_IDS, label_ids)
            save_records(path, GROUPS, groups.number(label_ids))
        places = groups.sort()
        for path in paths:
            save_records(path, GROUPS, places[load_records(path, GROUPS)])
        return groups


class LabelGroups:
    """The groups of documents that have the same labels, numbered in order of appearance.

    After `sort`, they are numbered in the order of their labels, which does not depend on the order
    of the documents; so the split does not, either.

    Attributes:
        fields: The kinds of labels.
        rows: The ids of the labels of each group. All groups after a great number of them are one,
            which has no row here.
    """

    def __init__(self, fields: tuple[LabelField, ...]) -> None:
        self.fields = fields
        self.rows: dict[tuple[int, ...], int] = {}

    def __len__(self) -> int:
        return len(self.rows) + (len(self.rows) == _MOST_GROUPS)

    def number(self, label_ids: LabelIds) -> npt.NDArray[np.uint32]:
        """The group of each document.

        Args:
            label_ids: The ids of their labels, shape (documents, fields).
        """
        if not len(label_ids):
            return np.zeros(0, np.uint32)
        codes, first = np.zeros(len(label_ids), np.int64), np.zeros(1, np.int64)
        for field, ids in zip(self.fields, label_ids.T, strict=True):
            codes = codes * field.size + ids
            _, first, codes = np.unique(codes, return_index=True, return_inverse=True)
        numbers = np.empty(len(first), np.uint32)
        for place in np.argsort(first):  # in order of appearance
            row = tuple(label_ids[first[place]].tolist())
            if row not in self.rows and len(self.rows) < _MOST_GROUPS:
                self.rows[row] = len(self.rows)
            numbers[place] = self.rows.get(row, _MOST_GROUPS)
        return numbers[codes]

    def sort(self) -> npt.NDArray[np.uint32]:
        """Number the groups in the order of their labels; gives the new number of each."""
        found = sorted(self.rows)
        places = np.full(len(self), len(found), np.uint32)
        places[[self.rows[row] for row in found]] = np.arange(len(found))
        self.rows = {row: place for place, row in enumerate(found)}
        return places

    def labels(self, training: npt.NDArray[np.int64]) -> Labels:
        """The labels of the corpus.

        Args:
            training: How many documents for training are in each group.
        """
        rows = zip(self.rows, training.tolist(), strict=False)
        found = sorted((-count, row) for row, count in rows if count)
        combinations = tuple((row, -count) for count, row in found[:COMBINATIONS])
        return Labels(self.fields, combinations)


def build_field(name: str, counts: dict[str, int]) -> LabelField:
    """A kind of labels from how many documents have each value; an empty one is no label.

    Example:
        >>> build_field("genre", {"horror": 9, "": 2, "poem": 1}).values
        ('horror',)
    """
    counts = dict(counts)
    unlabelled = counts.pop("", 0)
    values = sorted(value for value in counts if counts[value] >= RARE)
    rare = [count for count in counts.values() if count < RARE]
    numbers = tuple(counts[value] for value in values)
    return LabelField(name, tuple(values), numbers, unlabelled, sum(rare), len(rare))
