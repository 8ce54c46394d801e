"""Settings as a caller of the Python API gives them: by name, as keyword arguments.

    def train(..., **settings: Unpack[TrainingOptions])

`normalize_options` turns what is convenient to write (`time="2m"`, `units=256`) into the values
that the settings hold (`120.0`, `(256,)`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from textgen.errors import SettingsError
from textgen.settings.values import to_python_value

_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smh]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
_SEVERAL = ("units", "sample_temperatures", "label")  # one may be given instead of a tuple


class CorpusOptions(TypedDict, total=False):
    """The settings of CorpusConfig, all optional.

    `documents` may also be the documents themselves, as in `textgen.train(documents=[...])`.
    """

    encoding: str
    lowercase: bool
    normalize: str | None
    min_count: int
    glob: Sequence[str]
    decoding_errors: str
    documents: str | Iterable[str]
    separator: str
    input_format: str
    column: str
    label: str | Sequence[str]
    label_from: str
    delimiter: str
    header: str
    bad_rows: str
    tokens: str


class WindowOptions(TypedDict, total=False):
    """The settings of WindowConfig, all optional."""

    maxlen: int
    step: int
    targets: str
    validation: float
    test: float


class ModelOptions(TypedDict, total=False):
    """The settings of ModelConfig that do not follow from the corpus, all optional."""

    cell: str
    units: int | Sequence[int]
    embedding: int
    dropout: float
    drop_connect: float
    init_stddev: float


class TrainingOptions(WindowOptions, ModelOptions, total=False):
    """Every setting of a training, all optional: also those of WindowConfig and ModelConfig."""

    optimizer: str
    learning_rate: float
    schedule: str
    weight_decay: float
    clip_norm: float
    clip_value: float
    batch_size: int
    time: float | str
    epochs: int
    patience: int
    carry_state: bool
    state_reset: float
    noise: float
    loss_reduction: str
    loss_smoothing: float
    sample_temperatures: float | Sequence[float]
    sample_length: int
    precision: str
    random_seed: int


class DecodingOptions(TypedDict, total=False):
    """The settings of Decoding, all optional."""

    temperature: float | str
    top_k: int
    top_p: float
    min_p: float
    match: str | None
    ban: str
    only: str | None
    repetition_penalty: float
    no_repeat: int


class StreamOptions(DecodingOptions, total=False):
    """The settings of Decoding and the labels of a document, all optional."""

    label: str | Sequence[str] | Mapping[str, str] | None


class FilterOptions(TypedDict, total=False):
    """The settings of DocumentFilters, all optional."""

    unique: bool
    novel: bool
    max_copy: int | None
    min_length: int
    max_length: int | None
    tries: int


class GenerateOptions(StreamOptions, FilterOptions, total=False):
    """The settings of Decoding and DocumentFilters and the labels of documents, all optional.

    `best_of` is the number of texts to generate for each one.
    """

    best_of: int


def parse_duration(text: str) -> float:
    """The seconds of a duration such as 90, 90s, 5m or 1.5h.

    Raises:
        ValueError: it is no duration, or is 0.

    Example:
        >>> parse_duration("2m")
        120.0
    """
    match = _DURATION.fullmatch(text)
    if match is None or not float(match[1]):
        raise ValueError(f"{text!r} is not a time, such as 90s, 5m or 1h")
    return float(match[1]) * _SECONDS[match[2]]


def normalize_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by name in the types in which textgen keeps them; bounds are checked later.

    A duration becomes seconds; one number, where several may be given, a tuple; a list a tuple;
    NumPy's numbers become Python's.

    Raises:
        SettingsError: the time is a text and no duration.

    Example:
        >>> normalize_options({"time": "2m", "units": 256, "glob": ["*.txt"]})
        {'time': 120.0, 'units': (256,), 'glob': ('*.txt',)}
    """
    values = {name: to_python_value(value) for name, value in options.items()}
    if isinstance(values.get("time"), str):
        try:
            values["time"] = parse_duration(values["time"])
        except ValueError:
            raise SettingsError(
                "time", f"must be seconds, or a time such as 90s, 5m or 1h, not {values['time']!r}"
            ) from None
    for name in _SEVERAL:
        if isinstance(values.get(name), int | float | str) and not isinstance(values[name], bool):
            values[name] = (values[name],)
    return values
