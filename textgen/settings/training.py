"""The settings of a training: how text is read, cut into windows, modelled and trained on.

Each default has its reason next to it.
"""

from dataclasses import dataclass

from textgen.errors import SettingsError
from textgen.settings.base import Config, added_in
from textgen.settings.checks import (
    check_choice,
    check_flag,
    check_integer,
    check_number,
    check_random_seed,
    check_sequence,
    check_temperature,
)
from textgen.settings.choices import (
    AUTO_ENCODING,
    BAD_ROWS,
    CELLS,
    DECODING_ERRORS,
    DOCUMENTS,
    HEADERS,
    INPUT_FORMATS,
    LABEL_SOURCES,
    NORMALIZATIONS,
    OPTIMIZERS,
    PRECISIONS,
    REDUCTIONS,
    SCHEDULES,
    TARGETS,
)
from textgen.settings.tokens import parse_tokens

_MAX_MAXLEN = 10_000  # longer than back-propagation is useful; sampling has a state for each
_UNITS_BELOW = 2**31  # more than any memory holds, and few enough for every framework


@dataclass(frozen=True)
class CorpusConfig(Config):
    """How files become text.

    Attributes:
        encoding: Name of a Python text codec, or `auto` to detect the encoding of each file.
        lowercase: Turn the text to lower case.
        normalize: Unicode normalization form, or None to leave the text as it is.
        min_count: Characters that occur fewer times than this become the unknown id.
        glob: Patterns for the names of files taken from directories.
        decoding_errors: What to do with bytes that are not text in the encoding: `strict` raises
            an error, `replace` puts U+FFFD in their place, `skip` leaves them out.
        documents: What is a document: `lines`, `paragraphs`, `files`, or `none` for one continuous
            text; `auto` for files where there are several, rows of tables, else `none`.
        separator: Text between the documents of a file, instead of `documents`.
        input_format: `text`, `csv`, `tsv` or `jsonl`; `auto` for what a file's name says.
        column: The column of a table, or the key of JSON objects, that has the text.
        label: Columns with labels.
        label_from: Where else a label is taken from: the `folder` or the `file` of each document.
        delimiter: What separates the fields of a row; empty to detect it.
        header: Whether the first row names the columns: `yes`, `no`, or `auto` to find out.
        bad_rows: What to do with rows that cannot be read: `error`, or `skip` to leave them out.
        tokens: What the network reads and predicts in one step: `characters`; `bpe` for subwords,
            as many as suit the text and the time; `bpe:N` for N tokens, characters and subwords
            together; `auto` for whichever reaches fewer bits per character.
    """

    encoding: str = "utf-8"  # what nearly all text is in today
    lowercase: bool = False  # the text is the user's, and changes only on request
    normalize: str | None = None  # for the same reason
    min_count: int = 1  # every character is learned and can be generated
    glob: tuple[str, ...] = ("*",)  # all files of a directory
    decoding_errors: str = added_in("0.2.0", "strict", before="strict")  # no text is lost silently
    documents: str = added_in("0.2.0", "auto", before="none")  # several files are several texts
    separator: str = added_in("0.2.0", "", before="")  # few files have one
    input_format: str = added_in("0.2.0", "auto", before="text")  # names of files are reliable
    column: str = added_in("0.2.0", "", before="")  # only the user knows
    label: tuple[str, ...] = added_in("0.2.0", (), before=())  # only the user knows
    label_from: str = added_in("0.2.0", "", before="")  # folders are often arbitrary
    delimiter: str = added_in("0.2.0", "", before="")  # can be detected
    header: str = added_in("0.2.0", "auto", before="auto")  # most tables have one
    bad_rows: str = added_in("0.2.0", "error", before="error")  # no text is lost silently
    tokens: str = added_in("0.2.0", "characters", before="characters")  # every text has them

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
        check_flag("lowercase", self.lowercase)
        if self.normalize is not None:
            check_choice("normalize", self.normalize, NORMALIZATIONS)
        check_integer("min_count", self.min_count, at_least=1)
        check_sequence("glob", self.glob)
        if not self.glob or not all(isinstance(pattern, str) and pattern for pattern in self.glob):
            raise SettingsError("glob", "must be one or more file name patterns, such as '*.txt'")
        check_choice("decoding_errors", self.decoding_errors, DECODING_ERRORS)
        self._check_documents()

    def _check_documents(self) -> None:
        # Prepared corpora also record `rows` and `separator`, which follow from other settings.
        check_choice("documents", self.documents, (*DOCUMENTS, "rows", "separator"))
        if self.separator and self.documents not in ("auto", "separator"):
            raise SettingsError("separator", "and documents exclude each other; give one of them")
        for name in ("separator", "column", "delimiter"):
            if not isinstance(getattr(self, name), str):
                raise SettingsError(name, f"must be a text, not {getattr(self, name)!r}")
        if len(self.delimiter) > 1 or (self.delimiter and self.delimiter in '"\n\r'):
            raise SettingsError("delimiter", "must be one character, no quote and no line end")
        check_choice("input_format", self.input_format, INPUT_FORMATS)
        check_sequence("label", self.label)
        if not all(isinstance(column, str) and column for column in self.label):
            raise SettingsError("label", "must be the name of a column, or several")
        if self.label_from:
            check_choice("label_from", self.label_from, LABEL_SOURCES)
        names = [*self.label, self.label_from]
        for number, name in enumerate(names):
            if name in names[:number]:
                raise SettingsError("label", f"names a label twice: {name}; give it once")
        check_choice("header", self.header, HEADERS)
        check_choice("bad_rows", self.bad_rows, BAD_ROWS)
        parse_tokens(self.tokens)


@dataclass(frozen=True)
class WindowConfig(Config):
    """How a text becomes windows and targets.

    Attributes:
        maxlen: Tokens in a window.
        step: Tokens from the start of one window to the start of the next.
        targets: `last` (the token after the window) or `sequence` (the next token at each place).
        validation: Share of the text that is never trained on and chooses the best model: the end
            of a continuous text, random documents of others.
        test: Share of the text that is not used for anything; after the validation text.
    """

    maxlen: int = 40  # the window of the Keras example, long enough for a few words
    step: int = 3  # that example's step: neighbours that overlap by 37 characters add little
    targets: str = "sequence"  # every position carries a loss: far more learned per minute
    validation: float = 0.1  # as in published results on small corpora
    test: float = added_in("0.2.0", 0.0, before=0.0)  # for those who publish figures

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("maxlen", self.maxlen, at_least=1)
        if self.maxlen > _MAX_MAXLEN:
            raise SettingsError("maxlen", f"must be at most {_MAX_MAXLEN:,}, not {self.maxlen}")
        check_integer("step", self.step, at_least=1)
        check_number("step", self.step, at_most=1_000_000_000)
        check_choice("targets", self.targets, TARGETS)
        check_number("validation", self.validation, at_least=0, below=1)
        check_number("test", self.test, at_least=0, below=1)
        if self.validation + self.test >= 1:
            raise SettingsError("test", "and validation must be less than 1 together")


@dataclass(frozen=True)
class ModelConfig(Config):
    """The network.

    Attributes:
        cell: Kind of recurrent layer.
        units: Units of each recurrent layer, first to last.
        embedding: Width of the trained embedding; 0 feeds one-hot vectors.
        dropout: Share of each recurrent layer's outputs that training drops.
        drop_connect: Share of each recurrent layer's recurrent weights that a training step leaves
            out (DropConnect; Wan et al. 2013, on recurrent weights Merity, Keskar and Socher
            2018).
        init_stddev: Draw every weight matrix from a normal distribution of this standard
            deviation and set every bias to zero; 0 keeps Keras's initializers.
        has_document_end: Whether the vocabulary's last id ends a document. This and the next one
            follow from the corpus.
        label_sizes: Rows of the embedding of each label.
    """

    cell: str = "lstm"  # the best of the three on text, and the one with a GPU kernel everywhere
    units: tuple[int, ...] = (256,)  # what two cores train well in two minutes
    embedding: int = 64  # learns faster than one-hot input, and costs less
    dropout: float = 0.2  # a text is read several times: less overfitting
    drop_connect: float = 0.0  # slows learning; training/automatic.py chooses more for some texts
    init_stddev: float = 0.0  # Keras's: orthogonal recurrent weights, forget bias 1
    has_document_end: bool = added_in("0.2.0", default=False, before=False)
    label_sizes: tuple[int, ...] = added_in("0.2.0", (), before=())

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("cell", self.cell, CELLS)
        check_sequence("units", self.units)
        if not self.units:
            raise SettingsError("units", "must name one or more layers, such as 256 or 512,512")
        for units in self.units:
            check_integer("units", units, at_least=1, below=_UNITS_BELOW)
        check_integer("embedding", self.embedding, at_least=0, below=_UNITS_BELOW)
        check_number("dropout", self.dropout, at_least=0, below=1)
        check_number("drop_connect", self.drop_connect, at_least=0, below=1)
        check_number("init_stddev", self.init_stddev, at_least=0)
        check_flag("has_document_end", self.has_document_end)
        check_sequence("label_sizes", self.label_sizes)
        for size in self.label_sizes:
            check_integer("label_sizes", size, at_least=1, below=_UNITS_BELOW)


@dataclass(frozen=True)
class TrainConfig(Config):
    """How the network is trained.

    Attributes:
        optimizer: Keras optimizer.
        learning_rate: The highest learning rate of the schedule.
        schedule: `constant`, or `cosine`: a short warm-up, then a cosine decay to near zero at
            the end of the training.
        weight_decay: Share of the weights subtracted at each step, times the learning rate; for
            adamw only.
        clip_norm: Bound on the norm of all gradients together; 0 for no bound.
        clip_value: Bound on every gradient element; 0 for no bound. Excludes `clip_norm`.
        batch_size: Windows (with carried state: parallel streams of text) in a step.
        time: Seconds that the whole training may take, from the program's start to its end; 0
            for no such bound.
        epochs: Times the training text is read; 0 for as many as the time allows.
        patience: Training stops after this many validations without a better loss; 0 for never. A
            training validates after each epoch, or by time at most ten times.
        carry_state: Consecutive batches continue the same streams of text, and the recurrent state
            carries over from each batch to the next (stateful). Needs targets `sequence`.
        state_reset: Probability with which each row's carried state is set to zero before the last
            step of a training, which teaches the network to start from any seed (Melis, Dyer and
            Blunsom 2018, "On the State of the Art of Evaluation in Neural Language Models").
            During the training it grows with the cube of the share that is done. Where a row
            begins at the start of a line, it is thirty times as high, up to 1.
        noise: Share of the tokens read in training that are replaced by others, drawn at random
            from their row of the batch (unigram noising; Xie et al. 2017, "Data Noising
            as Smoothing in Neural Network Language Models"). Targets stay as they are.
        loss_reduction: Whether a step's loss is the mean or the sum over its positions. The sum
            multiplies gradients by their number, so clipping has more effect.
        loss_smoothing: Show an exponential moving average of the loss with this factor, from
            ln(vocabulary size) on; 0 shows the mean since the last validation.
        sample_temperatures: Temperatures of the samples drawn at each validation.
        sample_length: Characters in each of these samples.
        precision: What recurrent layers compute in: `float32`, `bfloat16`, `float16`, or `auto`
            for the fastest on this machine, and float32 in a training by epochs.
        random_seed: Makes a training by epochs repeatable; a training by time reads as much text as
            the machine has time for.
    """

    optimizer: str = "adamw"  # Adam with decoupled weight decay: works for most settings
    learning_rate: float = 6e-3  # high, for small LSTMs; warm-up and clipping make it safe
    schedule: str = "cosine"  # the decay at the end is worth several epochs
    weight_decay: float = 0.01  # little, but it was never worse
    clip_norm: float = 1.0  # a rare exploding gradient does no harm
    clip_value: float = 0.0  # the older way to do the same
    batch_size: int = 32  # more steps per epoch beat larger steps on texts of a few megabytes
    time: float = 600.0  # what people wait for; training/automatic.py chooses less for short texts
    epochs: int = 0  # people wait for a time, not for epochs
    patience: int = 0  # with a decaying rate the last epochs are the best ones
    carry_state: bool = True  # context beyond the window, and no character read twice
    state_reset: float = added_in("0.2.0", 0.1, before=0.0)  # makes every seed work
    noise: float = 0.0  # for texts read often; training/automatic.py chooses it then
    loss_reduction: str = "mean"  # the learning rate then fits any batch size
    loss_smoothing: float = 0.0  # an epoch's mean is what other programs show
    sample_temperatures: tuple[float, ...] = (0.5,)  # readable, and not yet repeating itself
    sample_length: int = 200  # a few lines: enough to see progress
    precision: str = "auto"  # which one is fastest depends on the processor and the size
    random_seed: int = 0  # every run by epochs is repeatable

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_number("learning_rate", self.learning_rate, above=0)
        check_choice("schedule", self.schedule, SCHEDULES)
        check_number("clip_norm", self.clip_norm, at_least=0)
        check_number("clip_value", self.clip_value, at_least=0)
        if self.clip_norm and self.clip_value:
            raise SettingsError("clip_value", "and clip_norm exclude each other; give one of them")
        check_integer("batch_size", self.batch_size, at_least=1)
        check_number("weight_decay", self.weight_decay, at_least=0, below=1)
        check_number("time", self.time, at_least=0)
        check_integer("epochs", self.epochs, at_least=0)
        if self.time and self.epochs:
            raise SettingsError("epochs", "and time exclude each other; give one of them")
        if not self.time and not self.epochs:
            raise SettingsError(
                "time", "must be above 0, or epochs 1 or more: a training ends by one of them"
            )
        check_choice("precision", self.precision, PRECISIONS)
        check_integer("patience", self.patience, at_least=0)
        check_flag("carry_state", self.carry_state)
        check_number("state_reset", self.state_reset, at_least=0, at_most=1)
        check_number("noise", self.noise, at_least=0, below=1)
        check_choice("loss_reduction", self.loss_reduction, REDUCTIONS)
        check_number("loss_smoothing", self.loss_smoothing, at_least=0, below=1)
        check_sequence("sample_temperature", self.sample_temperatures)
        for temperature in self.sample_temperatures:
            check_temperature("sample_temperature", temperature)
        check_integer("sample_length", self.sample_length, at_least=0)
        check_random_seed(self.random_seed)
