"""Labels of documents: what is known about a document apart from its text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from textgen import storage
from textgen.errors import SettingsError
from textgen.settings import CorpusConfig, check_integer
from textgen.text.vocabulary import check_text

RARE = 5  # documents; a label of fewer is too rare to learn, and shares its embedding with others
NO_LABEL = 0
_SHOWN = 8  # values in a message
COMBINATIONS = 10_000  # recorded, at most


@dataclass(frozen=True)
class LabelField:
    """One kind of label, such as `genre`, and its values.

    Ids: 0 without a label, 1 and following the values in order, then one id for all rare values.

    Attributes:
        name: The column, or `folder` or `file`.
        values: The values that RARE documents or more have, sorted.
        counts: How many documents have each.
        unlabelled: Documents without a label.
        rare: Documents with rarer values.
        rare_values: How many rarer values there are.

    Example:
        >>> field = LabelField("genre", ("comedy", "horror"), (7, 9))
        >>> field.encode("horror"), field.decode(1), field.size
        (2, 'comedy', 3)
    """

    name: str
    values: tuple[str, ...]
    counts: tuple[int, ...]
    unlabelled: int = 0
    rare: int = 0
    rare_values: int = 0

    @property
    def size(self) -> int:
        """Number of ids."""
        return 1 + len(self.values) + (self.rare > 0)

    @property
    def rare_id(self) -> int | None:
        """The id of all rare values."""
        return 1 + len(self.values) if self.rare else None

    @cached_property
    def _id_of(self) -> dict[str, int]:
        return {value: number for number, value in enumerate(self.values, 1)}

    def encode(self, value: str) -> int:
        """The id of a value; no label for an empty one.

        Raises:
            SettingsError: no document had it, or too few.
        """
        if not value:
            return NO_LABEL
        if value not in self._id_of:
            shown = ", ".join(self.values[:_SHOWN]) + (", ..." if len(self.values) > _SHOWN else "")
            raise SettingsError("label", f"{self.name} has no value {value!r}; it has {shown}")
        return self._id_of[value]

    def find(self, value: str) -> int:
        """The id of a value of a text that is read: also of rare and of unknown ones."""
        if not value:
            return NO_LABEL
        return self._id_of.get(value, self.rare_id or NO_LABEL)

    def decode(self, label_id: int) -> str:
        """The value of an id; empty without a label and for rare ones."""
        return self.values[label_id - 1] if 1 <= label_id <= len(self.values) else ""


@dataclass(frozen=True)
class Labels:
    """All kinds of labels of a corpus.

    Attributes:
        fields: The kinds of labels.
        combinations: Ids of all fields that occur together and how many training documents have
            them, the most frequent first; 10,000 at most.

    Example:
        >>> labels = Labels((LabelField("genre", ("comedy", "horror"), (7, 9)),), (((2,), 9),))
        >>> labels.parse_named(["genre=horror"])
        {0: 2}
    """

    fields: tuple[LabelField, ...]
    combinations: tuple[tuple[tuple[int, ...], int], ...] = ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of ids of each field."""
        return tuple(field.size for field in self.fields)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each field."""
        return tuple(field.name for field in self.fields)

    def parse_named(self, named: Iterable[str] | Mapping[str, str]) -> dict[int, int]:
        """Ids of labels that a user named, by the number of the field.

        Args:
            named: Values by name, or texts such as `genre=horror`, or `horror` if only one field
                has that value.

        Raises:
            SettingsError: an unknown name or value, or one field named twice.
        """
        pairs = (
            [(self._find(name, f"{name}={value}"), value) for name, value in named.items()]
            if isinstance(named, Mapping)
            else map(self._split, named)
        )
        ids: dict[int, int] = {}
        for field, value in pairs:
            if field in ids:
                name = self.fields[field].name
                raise SettingsError("label", f"names a label twice: {name}; give it once")
            ids[field] = self.fields[field].encode(value)
        return ids

    def _split(self, text: str) -> tuple[int, str]:
        """The field that a text such as `genre=horror` names, and the value."""
        for name in sorted(self.names, key=len, reverse=True):  # a name may contain a =
            if text.startswith(f"{name}="):
                return self._find(name, text), text.removeprefix(f"{name}=")
        having = [number for number, field in enumerate(self.fields) if text in field.values]
        if len(having) == 1:
            return having[0], text
        if len(self.fields) == 1 and "=" not in text:
            return 0, text
        return self._find("", text), text

    def _find(self, name: str, text: str) -> int:
        if name not in self.names:
            names = " or ".join(f"{name}=VALUE" for name in self.names)
            raise SettingsError("label", f"must be {names}, not {text!r}")
        return self.names.index(name)

    def decode(self, label_ids: Sequence[int]) -> dict[str, str]:
        """The value of each field by its name; fields without a label are left out."""
        values = {
            field.name: field.decode(int(label_id))
            for field, label_id in zip(self.fields, label_ids, strict=True)
        }
        return {name: value for name, value in values.items() if value}

    def to_bytes(self) -> bytes:
        """The content of labels.json."""
        return storage.encode_json(asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Labels":
        """The labels that `to_bytes` wrote.

        Raises:
            DamageError, SettingsError: it is something else.
        """
        loaded = storage.parse_json(data, dict)
        fields = tuple(map(_parse_field, storage.get_item(loaded, "fields", list)))
        combinations = []
        for item in storage.get_item(loaded, "combinations", list):
            if not isinstance(item, list) or len(item) != 2 or not isinstance(item[0], list):
                raise storage.DamageError("not a combination of labels")
            ids = tuple(check_integer("combinations", label_id, at_least=0) for label_id in item[0])
            sizes = tuple(field.size for field in fields)
            if len(ids) != len(sizes) or any(a >= b for a, b in zip(ids, sizes, strict=True)):
                raise storage.DamageError("a combination of labels that do not exist")
            combinations.append((ids, check_integer("combinations", item[1], at_least=1)))
        if not fields or not combinations:
            raise storage.DamageError("no labels")
        return cls(fields, tuple(combinations[:COMBINATIONS]))


def label_names(config: CorpusConfig) -> tuple[str, ...]:
    """The name of each kind of label that documents have, in order.

    Example:
        >>> label_names(CorpusConfig(documents="files", label_from="folder"))
        ('folder',)
    """
    columns = config.label if config.documents == "rows" else ()
    return (*columns, *filter(None, [config.label_from]))


def _parse_field(data: Any) -> LabelField:
    if not isinstance(data, dict):
        raise storage.DamageError("not a field of labels")
    values = tuple(storage.get_item(data, "values", list))
    counts = tuple(
        check_integer("counts", count, at_least=1)
        for count in storage.get_item(data, "counts", list)
    )
    if not all(isinstance(value, str) for value in values) or len(values) != len(counts):
        raise storage.DamageError("not the values of a label")
    name = storage.get_item(data, "name", str)
    check_text("".join([name, *values]))
    if list(values) != sorted(set(values)):
        raise storage.DamageError("the values of a label must be distinct and sorted")
    numbers = (
        check_integer(key, data.get(key), at_least=0)
        for key in ("unlabelled", "rare", "rare_values")
    )
    return LabelField(name, values, counts, *numbers)
