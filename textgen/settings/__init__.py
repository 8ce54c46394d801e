"""Every setting of textgen: its default with the reason for it, and what values it may take.

Knows names, defaults, bounds and presets; knows nothing of files, Keras or the command line.
Anything wrong raises `SettingsError`, which names the setting.
"""

import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, ClassVar, Self, TypeVar

from textgen import __version__
from textgen.errors import NewerVersionError, SettingsError, option_name
from textgen.settings.options import (
    CorpusOptions,
    ModelOptions,
    TrainingOptions,
    WindowOptions,
    normalize_options,
    parse_duration,
)
from textgen.settings.values import to_python_value

__all__ = [
    "AUTO_ENCODING",
    "BACKENDS",
    "CELLS",
    "CHECKPOINT_INTERVAL",
    "CONTEXTS",
    "DECODING_ERRORS",
    "DEFAULT_MODEL",
    "DEVICES",
    "EXPORT_FORMATS",
    "JOIN_TIMEOUT",
    "NORMALIZATIONS",
    "OPTIMIZERS",
    "PRECISIONS",
    "PRESETS",
    "REDUCTIONS",
    "SCHEDULES",
    "TARGETS",
    "Config",
    "CorpusConfig",
    "CorpusOptions",
    "Decoding",
    "ModelConfig",
    "ModelOptions",
    "NoveltyConfig",
    "SampleConfig",
    "Settings",
    "TrainConfig",
    "TrainingOptions",
    "WindowConfig",
    "WindowOptions",
    "added_in",
    "build_config",
    "check_choice",
    "check_integer",
    "check_random_seed",
    "is_newer",
    "normalize_options",
    "parse_duration",
    "resolve_settings",
    "to_python_value",
]

TARGETS = ("last", "sequence")
CELLS = ("lstm", "gru", "rnn")
OPTIMIZERS = ("rmsprop", "adam", "adamw", "adagrad", "sgd")
SCHEDULES = ("constant", "cosine")
REDUCTIONS = ("mean", "sum")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
NORMALIZATIONS = ("NFC", "NFKC")
AUTO_ENCODING = "auto"  # the encoding that stands for the one detected in each file
DECODING_ERRORS = ("strict", "replace", "skip")
DEVICES = ("auto", "cpu", "gpu")
BACKENDS = ("tensorflow", "jax", "torch")
CONTEXTS = ("carry", "window")
DEFAULT_MODEL = "textgen-model"
EXPORT_FORMATS = ("onnx", "litert", "saved-model", "numpy")
JOIN_TIMEOUT = 300.0  # seconds: hosts are started by hand, one after the other
CHECKPOINT_INTERVAL = 60.0  # seconds of training that a crash may cost; writing one takes far less
_LENGTH_AT_LEAST = 4  # the shortest n-gram that novelty is told of
_CHARACTERS_AT_MOST = 1_000_000  # of samples to look for copies in: half a gigabyte
_TINY, _HUGE = 1e-30, 3.4e38  # what single precision can hold, products with small factors too
_TIME_AT_MOST = 1_000_000_000  # seconds: 32 years
_WIDTH_BELOW = 2**31  # units: more than any memory holds, and few enough for every framework
_MAXLEN_AT_MOST = 10_000  # back-propagation reaches nowhere near; sampling keeps a state for each


def added_in(version: str, default: Any, *, before: Any, training_only: bool = False) -> Any:
    """Declare a setting that textgen 0.1.0 did not have.

    A file that lacks the setting was written without it, so there it means `before`. For the same
    reason a setting whose value is `before` is not written, and older versions can read the file.

    Args:
        version: The first version of textgen that has the setting.
        default: Its default in new trainings.
        before: What textgen did before it had the setting. Never change this value.
        training_only: Whether a setting of windows or model affects nothing but training, so that
            older versions may sample from the model without it.

    Example:
        >>> @dataclass(frozen=True)
        ... class Example(Config):
        ...     zoneout: float = added_in("0.2.0", 0.1, before=0.0)
        >>> Example(), Example.from_json({}), Example.from_json({}).to_json()
        (Example(zoneout=0.1), Example(zoneout=0.0), {})
    """
    about = {"added": version, "before": before, "training_only": training_only}
    return field(default=default, metadata=about)


# As Python's packages are numbered: 0.2.0, 0.2.0.dev1, 0.2.0rc1.
_VERSION = re.compile(r"(\d{1,6}(?:\.\d{1,6}){1,3})(?:\.?[a-z]{1,4}\d{1,6}){0,3}")


def _release(version: Any) -> tuple[int, ...]:
    """The numbers of a version, such as (0, 2, 0) of 0.2.0.dev1; none where it is no version."""
    found = _VERSION.fullmatch(version) if isinstance(version, str) else None
    return tuple(map(int, found[1].split("."))) if found else ()


def is_newer(version: Any) -> bool:
    """Whether a file says that it was written by a newer version of textgen than this one."""
    return _release(version) > _release(__version__)


class Config:
    """What all settings share: they are written to JSON, and read from it and checked.

    Attributes:
        REMOVED: Settings of older versions that this one does not have, each with the value that
            means what this version does; a file with another value is refused.
    """

    REMOVED: ClassVar[Mapping[str, Any]] = {}

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            object.__setattr__(self, name, to_python_value(value))  # frozen, and not yet handed out

    def to_json(self) -> dict[str, Any]:
        """The settings as a JSON object, tuples as lists.

        A setting whose value is what textgen did before it had the setting is left out.
        """
        before = self.legacy_defaults()
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()  # type: ignore[call-overload]
            if name not in before or before[name] != value
        }

    @classmethod
    def from_json(cls, data: Any, version: Any = None, ignored: Collection[str] = ()) -> Self:
        """Settings from what `to_json` gave, in this version of textgen or another.

        A setting that the data lack means what it meant before it existed.

        Args:
            data: A JSON object.
            version: The version of textgen that wrote it, where that is known.
            ignored: Names of settings that may be unknown here.

        Raises:
            NewerVersionError: a newer version wrote a setting, or a value, that is unknown here.
            SettingsError: a name is missing or unknown, or a value is out of its bounds.
        """
        values, unknown = cls._sort(data)
        for name in sorted(unknown.keys() - set(ignored)):
            if is_newer(version):
                raise NewerVersionError(_unknown(version, name))
            raise SettingsError(name, "is missing or unknown")
        try:
            return cls(**values)
        except SettingsError as error:
            if is_newer(version):
                raise NewerVersionError(_refused(version, error)) from error
            raise

    @classmethod
    def partly_from_json(
        cls, data: Any, version: Any, needed: Collection[str]
    ) -> tuple[Self, dict[str, Any]]:
        """Settings of which only some are needed, from a file of this or another version.

        Args:
            data, version: As `from_json` takes them.
            needed: Names of the settings that must be understood.

        Returns:
            The settings, with the default for each value of a newer version that is unknown here;
            and what is unknown, by name: settings of newer and older versions, and such values.

        Raises:
            NewerVersionError, SettingsError: as `from_json` does.
        """
        values, unknown = cls._sort(data)
        if not is_newer(version):
            removed = unknown.keys() & cls.REMOVED.keys()
            return cls.from_json(data, version, removed), {name: unknown[name] for name in removed}
        defaults = {one.name: one.default for one in fields(cls)}  # type: ignore[arg-type]
        while True:
            try:
                return cls(**values), unknown
            except SettingsError as error:
                refused = [
                    name for name in values if option_name(name) == option_name(error.option)
                ]
                if not refused or refused[0] in unknown or refused[0] in needed:
                    raise NewerVersionError(_refused(version, error)) from error
                unknown[refused[0]] = values[refused[0]]
                values[refused[0]] = defaults[refused[0]]

    @classmethod
    def legacy_defaults(cls) -> dict[str, Any]:
        """What each setting that 0.1.0 did not have means where it is missing."""
        return {
            one.name: one.metadata["before"]
            for one in fields(cls)  # type: ignore[arg-type]
            if "before" in one.metadata
        }

    @classmethod
    def _sort(cls, data: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Values of all settings by name, and what a file has besides."""
        if not isinstance(data, dict):
            raise SettingsError(cls.__name__, f"must be an object, not {data!r}")
        names = {one.name for one in fields(cls)}  # type: ignore[arg-type]
        values = {name: to_python_value(value) for name, value in data.items() if name in names}
        values = {**cls.legacy_defaults(), **values}
        for name in sorted(names - values.keys()):
            raise SettingsError(name, "is missing or unknown")
        unknown = {
            name: value
            for name, value in data.items()
            if name not in names
            and not (name in cls.REMOVED and cls.REMOVED[name] == to_python_value(value))
        }
        return values, unknown


def _unknown(version: str, name: str) -> str:
    shown = name if name.isidentifier() else repr(name)
    return (
        f"written by textgen {version}, which has a setting {shown} that this version "
        f"({__version__}) does not know; install keras-textgen>={version}"
    )


def _refused(version: str, error: SettingsError) -> str:
    return (
        f"written by textgen {version}, and for this version ({__version__}) {error}; install "
        f"keras-textgen>={version}"
    )


C = TypeVar("C", bound=Config)


@dataclass(frozen=True)
class CorpusConfig(Config):
    """How files become text.

    Attributes:
        encoding: Name of a Python text codec, or `auto` to detect that of each file.
        lowercase: Turn the text to lower case.
        normalize: Unicode normalization form, or None to leave the text as it is.
        min_count: Characters that occur fewer times than this become the unknown id.
        glob: Patterns for the names of files taken from directories.
        decoding_errors: What to do with bytes that are not text in the encoding: `strict` raises
            an error, `replace` puts U+FFFD in their place, `skip` leaves them out.
    """

    encoding: str = "utf-8"  # what nearly all text is in today
    lowercase: bool = False  # the text is the user's; changing it is for the user to ask
    normalize: str | None = None  # for the same reason
    min_count: int = 1  # every character is learned and can be written
    glob: tuple[str, ...] = ("*",)  # a directory named on the command line is meant whole
    decoding_errors: str = added_in("0.2.0", "strict", before="strict")  # nothing is lost unnoticed

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            if self.encoding != AUTO_ENCODING:
                b"a".decode(self.encoding)
        except (LookupError, TypeError, ValueError) as error:
            if not isinstance(error, UnicodeError):
                raise SettingsError(
                    "encoding", f"must be a text encoding that Python knows, not {self.encoding!r}"
                ) from None
        _flag("lowercase", self.lowercase)
        if self.normalize is not None:
            check_choice("normalize", self.normalize, NORMALIZATIONS)
        check_integer("min_count", self.min_count, at_least=1)
        _several("glob", self.glob)
        if not self.glob or not all(isinstance(pattern, str) and pattern for pattern in self.glob):
            raise SettingsError("glob", "must be one or more file name patterns, such as '*.txt'")
        check_choice("decoding_errors", self.decoding_errors, DECODING_ERRORS)


@dataclass(frozen=True)
class WindowConfig(Config):
    """How a text becomes windows and targets.

    Attributes:
        maxlen: Characters in a window.
        step: Characters from the start of one window to the start of the next.
        targets: `last` (the character after the window) or `sequence` (one at every position).
        validation: Share of the text, from its end, that is never trained on.
    """

    maxlen: int = 40  # the window of the Keras example, long enough for a few words
    step: int = 3  # that example's step: neighbours that overlap by 37 characters add little
    targets: str = "sequence"  # every position carries a loss: far more learned per minute
    validation: float = 0.1  # the split that published figures for small corpora use

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("maxlen", self.maxlen, at_least=1)
        if self.maxlen > _MAXLEN_AT_MOST:
            raise SettingsError("maxlen", f"must be at most {_MAXLEN_AT_MOST:,}, not {self.maxlen}")
        check_integer("step", self.step, at_least=1)
        _number("step", self.step, at_most=1_000_000_000)
        check_choice("targets", self.targets, TARGETS)
        _number("validation", self.validation, at_least=0, below=1)


@dataclass(frozen=True)
class ModelConfig(Config):
    """The network.

    Attributes:
        cell: Kind of recurrent layer.
        units: Units of each recurrent layer, first to last.
        embedding: Width of the trained embedding; 0 feeds one-hot vectors.
        dropout: Share of each recurrent layer's outputs dropped in training.
        drop_connect: Share of each recurrent layer's recurrent weights left out of a training
            step (DropConnect; Wan et al. 2013, on recurrent weights Merity, Keskar and Socher
            2018).
        init_stddev: Draw every weight matrix from a normal distribution of this standard
            deviation and set every bias to zero; 0 leaves Keras's initializers.
    """

    cell: str = "lstm"  # the best of the three on text, and the one with a GPU kernel everywhere
    units: tuple[int, ...] = (256,)  # what two cores train well in two minutes
    embedding: int = 64  # learns sooner than one-hot input, and costs less
    dropout: float = 0.2  # a text is read several times: some is needed against rote
    drop_connect: float = 0.0  # slows learning; what suits is in training/automatic.py
    init_stddev: float = 0.0  # Keras's own: orthogonal recurrent weights, forget bias 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("cell", self.cell, CELLS)
        _several("units", self.units)
        if not self.units:
            raise SettingsError("units", "must name one or more layers, such as 256 or 512,512")
        for units in self.units:
            check_integer("units", units, at_least=1, below=_WIDTH_BELOW)
        check_integer("embedding", self.embedding, at_least=0, below=_WIDTH_BELOW)
        _number("dropout", self.dropout, at_least=0, below=1)
        _number("drop_connect", self.drop_connect, at_least=0, below=1)
        _number("init_stddev", self.init_stddev, at_least=0)


@dataclass(frozen=True)
class TrainConfig(Config):
    """How the network is trained.

    Attributes:
        optimizer: Keras optimizer.
        learning_rate: Its highest learning rate.
        schedule: `constant`, or `cosine`: a short warm-up, then a cosine decay to near zero at
            the end of the training.
        weight_decay: Share of the weights taken off at each step, times the learning rate; for
            adamw only.
        clip_norm: Bound on the norm of all gradients together; 0 for no bound.
        clip_value: Bound on every gradient element; 0 for no bound. Excludes the other.
        batch_size: Windows, or parallel streams with carried state, in a step.
        time: Seconds that the whole training may take, from the program's start to its end; 0
            for no such bound.
        epochs: Times the training text is read; 0 for as many as the time allows.
        patience: Reports (after each epoch, or ten at most in a training by time) without a better
            validation loss after which training stops; 0 for never.
        carry_state: Consecutive batches continue the same streams of text and the recurrent
            state goes on from one to the next. Needs sequence targets.
        state_reset: Probability with which each row's carried state is set to zero before the last
            step of a training, which teaches the network to start from any seed (Melis, Dyer and
            Blunsom 2018, "On the State of the Art of Evaluation in Neural Language Models").
            Before that it grows with the cube of the share of the training that is done; where
            a row starts with a line, it is thirty times as high, up to 1.
        noise: Share of the characters read in training that are replaced by others, drawn by
            chance from their row of the batch (unigram noising; Xie et al. 2017, "Data Noising
            as Smoothing in Neural Network Language Models"). Targets stay as they are.
        loss_reduction: Whether a step's loss is the mean or the sum over its positions; the sum
            makes gradients, and what clipping does, larger by their number.
        loss_smoothing: Show an exponential moving average of the loss with this factor, from
            ln(vocabulary size) on; 0 shows the mean since the last report.
        sample_temperatures: Temperatures of the samples drawn at each report.
        sample_length: Characters in each of them.
        precision: What recurrent layers compute in: `float32`, `bfloat16`, `float16`, or `auto`
            for what is quicker here, and float32 in a training by epochs.
        random_seed: Makes a run by epochs repeatable; one by time reads as much text as the
            machine has time for.
    """

    optimizer: str = "adamw"  # Adam with decoupled weight decay: the least fussy of the five
    learning_rate: float = 6e-3  # high, for small LSTMs; warm-up and clipping make it safe
    schedule: str = "cosine"  # the decay at the end is worth several epochs
    weight_decay: float = 0.01  # little, but it was never worse
    clip_norm: float = 1.0  # keeps the rare exploding gradient from undoing the run
    clip_value: float = 0.0  # the older way to do the same
    batch_size: int = 32  # more steps per epoch beat larger steps on texts of a few megabytes
    time: float = 600.0  # what people wait for; a megabyte is read some fifteen times
    epochs: int = 0  # what counts for whoever waits is the time
    patience: int = 0  # with a decaying rate the last epochs are the best ones
    carry_state: bool = True  # context beyond the window, and no character read twice
    state_reset: float = added_in("0.2.0", 0.1, before=0.0)  # for every start to be learned
    noise: float = 0.0  # for texts read often; what suits is in training/automatic.py
    loss_reduction: str = "mean"  # the learning rate then suits any batch size
    loss_smoothing: float = 0.0  # an epoch's mean is what other programs show
    sample_temperatures: tuple[float, ...] = (0.5,)  # readable, and not yet repeating itself
    sample_length: int = 200  # a few lines: enough to see progress
    precision: str = "auto"  # which one is quicker depends on the processor and the size
    random_seed: int = 0  # a run is repeatable without asking for it

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        _number("learning_rate", self.learning_rate, above=0)
        check_choice("schedule", self.schedule, SCHEDULES)
        _number("clip_norm", self.clip_norm, at_least=0)
        _number("clip_value", self.clip_value, at_least=0)
        if self.clip_norm and self.clip_value:
            raise SettingsError("clip_value", "and clip_norm exclude each other; give one of them")
        check_integer("batch_size", self.batch_size, at_least=1)
        _number("weight_decay", self.weight_decay, at_least=0, below=1)
        _number("time", self.time, at_least=0)
        check_integer("epochs", self.epochs, at_least=0)
        if self.time and self.epochs:
            raise SettingsError("epochs", "and time exclude each other; give one of them")
        if not self.time and not self.epochs:
            raise SettingsError(
                "time", "must be above 0, or epochs 1 or more: a training ends by one of them"
            )
        check_choice("precision", self.precision, PRECISIONS)
        check_integer("patience", self.patience, at_least=0)
        _flag("carry_state", self.carry_state)
        _number("state_reset", self.state_reset, at_least=0, at_most=1)
        _number("noise", self.noise, at_least=0, below=1)
        check_choice("loss_reduction", self.loss_reduction, REDUCTIONS)
        _number("loss_smoothing", self.loss_smoothing, at_least=0, below=1)
        _several("sample_temperature", self.sample_temperatures)
        for temperature in self.sample_temperatures:
            _temperature("sample_temperature", temperature)
        check_integer("sample_length", self.sample_length, at_least=0)
        check_random_seed(self.random_seed)


@dataclass(frozen=True)
class Decoding(Config):
    """How the next character is chosen.

    Attributes:
        temperature: Logits are divided by it; 0 takes the likeliest character.
        top_k: Choose among the k likeliest characters; 0 for all.
        top_p: Choose among the fewest characters that together have this probability.
        min_p: Choose among characters at least this many times as likely as the likeliest.
    """

    temperature: float = 0.5  # readable, and not yet repeating itself
    top_k: int = 0  # the temperature alone: with few characters, cutting the tail gains little
    top_p: float = 1.0
    min_p: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _temperature("temperature", self.temperature)
        check_integer("top_k", self.top_k, at_least=0)
        _number("top_p", self.top_p, above=0, at_most=1)
        _number("min_p", self.min_p, at_least=0, at_most=1)


@dataclass(frozen=True)
class SampleConfig(Config):
    """What `textgen sample` writes.

    Attributes:
        temperatures: One or more, each for texts of its own.
        top_k, top_p, min_p: As in Decoding.
        length: Characters to write after the seed, at most, where `until` or `lines` may end a
            text sooner; 0 for no end; None for 400, or 10,000 with `until` or `lines`.
        until: Texts that end the text: it stops after the first one that is written.
        lines: Line ends after which the text stops; 0 for no such end.
        samples: Texts to write for each temperature and seed.
        random_seed: Makes the texts repeatable; None draws a new one.
        context: `carry` or `window`; None for what the model was trained with.
    """

    temperatures: tuple[float, ...] = (Decoding.temperature,)
    top_k: int = Decoding.top_k
    top_p: float = Decoding.top_p
    min_p: float = Decoding.min_p
    length: int | None = None
    until: tuple[str, ...] = ()
    lines: int = 0
    samples: int = 1
    random_seed: int | None = None  # people who ask again want another text
    context: str | None = None  # what it was trained with is what it predicts best with

    def __post_init__(self) -> None:
        super().__post_init__()
        _temperatures(self.temperatures)
        for temperature in self.temperatures:
            self.decoding(temperature)
        if self.length is not None:
            check_integer("length", self.length, at_least=0)
        _several("until", self.until)
        if not all(isinstance(text, str) and text for text in self.until):
            raise SettingsError("until", "must be a text of one or more characters")
        check_integer("lines", self.lines, at_least=0)
        check_integer("samples", self.samples, at_least=1)
        if self.random_seed is not None:
            check_random_seed(self.random_seed)
        if self.context is not None:
            check_choice("context", self.context, CONTEXTS)

    def decoding(self, temperature: float) -> Decoding:
        """How characters are chosen at one of the temperatures."""
        return Decoding(temperature, self.top_k, self.top_p, self.min_p)

    @property
    def at_most(self) -> int | None:
        """Characters to write at most; None for no end."""
        if self.length is None:
            # A screenful of verse, and what the Keras example writes; with another end in sight,
            # a bound against a model that never writes it.
            return 10_000 if self.until or self.lines else 400
        return self.length or None


@dataclass(frozen=True)
class NoveltyConfig(Config):
    """What `textgen novelty` writes to look for copies in.

    Attributes:
        temperatures: One or more, each for texts of its own.
        samples: Texts to write for each temperature.
        length: Characters of each, after the seed.
        random_seed: Makes the texts repeatable.
    """

    # What `textgen sample` writes, and what the model itself finds likely.
    temperatures: tuple[float, ...] = (Decoding.temperature, 1.0)
    samples: int = 20  # from as many places of the corpus, and written in seconds
    length: int = 1000  # long enough to come upon a passage and to stay in it
    random_seed: int = 0  # figures that are to be compared must not change from call to call

    def __post_init__(self) -> None:
        super().__post_init__()
        _temperatures(self.temperatures)
        for temperature in self.temperatures:
            _temperature("temperature", temperature)
        check_integer("samples", self.samples, at_least=1)
        check_integer("length", self.length, at_least=_LENGTH_AT_LEAST)
        characters = len(self.temperatures) * self.samples * self.length
        if characters > _CHARACTERS_AT_MOST:
            raise SettingsError(
                "samples",
                f"must be fewer, or shorter: {characters:,} characters in all are more than the "
                f"{_CHARACTERS_AT_MOST:,} that are held in memory",
            )
        check_random_seed(self.random_seed)

    def decoding(self, temperature: float) -> Decoding:
        """How characters are chosen at one of the temperatures."""
        return Decoding(temperature)


# What sampling and evaluating need of the settings of a training.
_NEEDED = ("carry_state",)
_TRAINING_ONLY = "training_only"


@dataclass(frozen=True)
class Settings:
    """All settings of a training.

    Attributes:
        windows, model, training: The settings, by what they are about.
        unknown: What a newer version of textgen wrote that only training needs and that this
            version does not know: settings by name, and values of settings.
    """

    PARTS: ClassVar[dict[str, Any]] = {
        "windows": WindowConfig,
        "model": ModelConfig,
        "training": TrainConfig,
    }
    KEYS: ClassVar[frozenset[str]] = frozenset({*PARTS, _TRAINING_ONLY})

    windows: WindowConfig
    model: ModelConfig
    training: TrainConfig
    unknown: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        """The parts as JSON objects, by name.

        With them is a list `training_only`, where it is not empty: settings of windows and model
        that older versions may ignore, since they affect nothing but training.
        """
        parts = {part: getattr(self, part).to_json() for part in self.PARTS}
        ignorable = [
            one.name
            for part in ("windows", "model")
            for one in fields(self.PARTS[part])
            if one.metadata.get(_TRAINING_ONLY) and one.name in parts[part]
        ]
        return {**parts, **({_TRAINING_ONLY: ignorable} if ignorable else {})}

    @classmethod
    def from_json(cls, data: Any, version: Any = None) -> Self:
        """Settings from what `to_json` gave, to train with: all of them must be understood.

        Args:
            data: A JSON object.
            version: The version of textgen that wrote it, where that is known.

        Raises:
            NewerVersionError: a newer version wrote a setting, or a value, that is unknown here.
            SettingsError: a part has a name missing or unknown, or a value out of its bounds.
            KeyError, TypeError: a part is missing, or the data are no object.
        """
        return cls(
            **{part: config.from_json(data[part], version) for part, config in cls.PARTS.items()}
        )

    @classmethod
    def from_model(cls, data: Any, version: Any) -> Self:
        """Settings of a trained model: what only training needs may be unknown here.

        Args:
            data: A JSON object with what `to_json` gave, and maybe more.
            version: The version of textgen that wrote it.

        Raises:
            As `from_json` does.
        """
        ignorable = set(map(str, data.get(_TRAINING_ONLY, ()))) if is_newer(version) else set()
        windows, model = data["windows"], data["model"]
        training, unknown = cls.PARTS["training"].partly_from_json(
            data["training"], version, _NEEDED
        )
        found = cls(
            cls.PARTS["windows"].from_json(windows, version, ignorable),
            cls.PARTS["model"].from_json(model, version, ignorable),
            training,
        )
        more = {**windows, **model}
        unknown |= {name: more[name] for name in more if name not in found.by_name()}
        return replace(found, unknown=unknown)

    @classmethod
    def legacy_defaults(cls) -> dict[str, Any]:
        """What each setting that 0.1.0 did not have means where it is missing, by name."""
        return {
            name: value
            for part in cls.PARTS.values()
            for name, value in part.legacy_defaults().items()
        }

    def by_name(self) -> dict[str, Any]:
        """Every setting's value, by name; no name is in two parts."""
        parts = {**vars(self.windows), **vars(self.model), **vars(self.training)}
        return {**parts, **self.unknown}


# Three sizes that do not depend on the corpus and the time, and what the two programs that people
# have copied for ten years do, in textgen's words. Sources of those: the Keras example
# "Character-level text generation with LSTM" (keras.io/examples/generative/
# lstm_character_level_text_generation), and min-char-rnn.py by A. Karpathy (2015,
# gist.github.com/karpathy/d4dee566867f8291f086).
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "small": {"maxlen": 64, "units": (128,), "dropout": 0.1, "learning_rate": 8e-3},
    "medium": {"maxlen": 64, "units": (320,), "dropout": 0.3, "learning_rate": 6e-3},
    "large": {"maxlen": 64, "units": (512,), "dropout": 0.4, "learning_rate": 4e-3},
    "keras-example": {
        "maxlen": 40,
        "step": 3,
        "targets": "last",
        "carry_state": False,
        "cell": "lstm",
        "units": (128,),
        "embedding": 0,
        "dropout": 0.0,
        "optimizer": "rmsprop",
        "learning_rate": 0.01,
        "schedule": "constant",
        "clip_norm": 0.0,
        "batch_size": 128,
        "epochs": 40,
        "sample_temperatures": (0.2, 0.5, 1.0, 1.2),
        "sample_length": 400,
    },
    "min-char-rnn": {
        "maxlen": 25,
        "targets": "sequence",
        "carry_state": True,
        "cell": "rnn",
        "units": (100,),
        "embedding": 0,
        "dropout": 0.0,
        "init_stddev": 0.01,
        "optimizer": "adagrad",
        "learning_rate": 0.1,
        "schedule": "constant",
        "clip_norm": 0.0,
        "clip_value": 5.0,
        "batch_size": 1,
        "state_reset": 0.0,
        "epochs": 10,
        "loss_reduction": "sum",
        "loss_smoothing": 0.999,
        "sample_temperatures": (1.0,),
    },
}


# Of each pair one replaces the other: whichever the nearer word asks for.
_EXCLUSIVE = (("clip_norm", "clip_value"), ("time", "epochs"))


def resolve_settings(
    explicit: Mapping[str, Any],
    preset: str | None = None,
    recorded: WindowConfig | None = None,
    automatic: Mapping[str, Any] | None = None,
) -> Settings:
    """All settings of a training; the nearer word wins.

    Args:
        explicit: Settings by name, as the user gave them; these win over everything.
        preset: Name of a preset, which wins over what a prepared corpus recorded.
        recorded: The windows recorded in a prepared corpus, which win over the defaults.
        automatic: Settings that suit the corpus and the time, which win over both.

    Raises:
        SettingsError: an unknown name or preset, a value out of bounds, or two settings that
            contradict each other.

    Example:
        >>> resolve_settings({"units": (512, 512)}, preset="keras-example").model.units
        (512, 512)
    """
    if preset is not None:
        check_choice("preset", preset, tuple(PRESETS))
    explicit = normalize_options(explicit)
    layers = (explicit, PRESETS.get(preset or "", {}), automatic or {})  # the nearest word first
    chosen = {**layers[2], **layers[1], **layers[0]}
    for pair in _EXCLUSIVE:
        for layer in layers:
            asked = [name for name in pair if layer.get(name)]
            if asked:
                chosen |= {name: explicit.get(name, 0) for name in pair if name not in asked}
                break
    parts: dict[str, Any] = {
        "windows": recorded or WindowConfig(),
        "model": ModelConfig(),
        "training": TrainConfig(),
    }
    home = {field.name: part for part, config in parts.items() for field in fields(config)}
    for name in chosen:
        if name not in home:
            raise SettingsError(name, "is not a setting of textgen")
    parts = {
        part: replace(config, **{name: chosen[name] for name in chosen if home[name] == part})
        for part, config in parts.items()
    }
    if parts["windows"].targets == "last" and parts["training"].carry_state:
        if chosen.get("carry_state"):
            raise SettingsError("carry_state", "needs targets sequence, not last")
        parts["training"] = replace(parts["training"], carry_state=False)
    found = Settings(**parts)
    _check_sizes(found)
    return found


def build_config(config: type[C], given: C | Mapping[str, Any] | None) -> tuple[C, tuple[str, ...]]:
    """Settings of one kind, and which of them the user chose.

    Args:
        config: The kind.
        given: Settings by name, which chooses just those; or an object, which chooses all of its
            settings; None for none.

    Raises:
        SettingsError: an unknown name, or a value out of its bounds.

    Example:
        >>> build_config(WindowConfig, {"maxlen": 40})[1]
        ('maxlen',)
    """
    names = [one.name for one in fields(config)]  # type: ignore[arg-type]
    if isinstance(given, Config):
        return given, tuple(names)
    chosen = normalize_options(given or {})
    for name in chosen:
        if name not in names:
            raise SettingsError(name, "is not a setting of textgen")
    return config(**chosen), tuple(name for name in names if name in chosen)


def check_integer(name: str, value: Any, *, at_least: int, below: int = 2**63) -> int:
    """A setting's value as Python's own int.

    Raises:
        SettingsError: it is not a whole number (of Python, NumPy or another library), or is out
            of its bounds.
    """
    number = to_python_value(value)
    if isinstance(number, bool) or not isinstance(number, int) or number < at_least:
        raise SettingsError(name, f"must be a whole number, {at_least} or more, not {value!r}")
    if number >= below:
        raise SettingsError(name, f"must be below {below:,}")
    return number


def _check_sizes(settings: Settings) -> None:
    """Raise `SettingsError` where a new training could not compute with a number.

    Settings that are read from files are not checked so: older versions took what they have.
    """
    _number("time", settings.training.time, at_most=_TIME_AT_MOST)
    for name in ("learning_rate", "clip_norm", "clip_value", "init_stddev"):
        _check_size(name, settings.by_name()[name])


def _check_size(name: str, value: float) -> None:
    """Raise `SettingsError` where single precision would make 0 or infinity of a number."""
    if value and not _TINY <= value <= _HUGE:
        raise SettingsError(
            name,
            f"must be between {_TINY:g} and {_HUGE:g}, which single precision can tell from 0 and "
            f"from infinity, not {value!r}",
        )


def _number(
    name: str,
    value: Any,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> None:
    bounds = [
        text
        for text, bound in (
            (f"{at_least} or more", at_least),
            (f"above {above}", above),
            (f"at most {at_most:,}" if at_most is not None else "", at_most),
            (f"below {below}", below),
        )
        if bound is not None
    ]
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not abs(value) <= sys.float_info.max  # also of integers that are larger than any float
        or (at_least is not None and value < at_least)
        or (at_most is not None and value > at_most)
        or (above is not None and value <= above)
        or (below is not None and value >= below)
    ):
        raise SettingsError(name, f"must be a number, {' and '.join(bounds)}, not {value!r}")


def _several(name: str, value: Any) -> None:
    """A text would be taken for its characters."""
    if not isinstance(value, list | tuple):
        raise SettingsError(name, f"must be a list or tuple, not {value!r}")


def _temperatures(values: Any) -> None:
    _several("temperature", values)
    if not values:
        raise SettingsError("temperature", "must be given at least once")


def _temperature(name: str, value: Any) -> None:
    _number(name, value, at_least=0, at_most=1_000_000)  # single precision tells no more apart


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Raise `SettingsError` unless a setting is one of its choices."""
    if value not in choices:
        raise SettingsError(name, f"must be one of {', '.join(choices)}, not {value!r}")


def _flag(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise SettingsError(name, f"must be true or false, not {value!r}")


def check_random_seed(value: Any) -> int:
    """A random seed as Python's own int.

    Raises:
        SettingsError: it is not a whole number, 0 or more and below 2**32.
    """
    number = check_integer("random_seed", value, at_least=0)
    if number >= 2**32:  # NumPy's and TensorFlow's global generators take 32 bits
        raise SettingsError("random_seed", f"must be below 2**32, not {number}")
    return number
