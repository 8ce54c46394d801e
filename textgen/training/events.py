"""Events: what a training sends to its display.

Losses are in nats per character. The end of a document counts as a character: the network predicts
it, too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from textgen.text.reading_report import ReadingReport


@dataclass(frozen=True)
class ProcessesJoined:
    """The processes that train together have found each other. Each of them gets this event."""


@dataclass(frozen=True)
class Preparing:
    """The corpus is being read.

    Attributes:
        stage: A stage of `prepare`.
        bytes_done: Bytes that this stage has processed.
        bytes_total: Bytes that it has to process; None if that is not known.
    """

    stage: str
    bytes_done: int
    bytes_total: int | None


@dataclass(frozen=True)
class CorpusOpened:
    """The prepared corpus is open.

    Attributes:
        vocabulary_size: Distinct characters, with the unknown one and the document end.
        subwords: Tokens of several characters; 0 where each character is a token.
        tokens: Tokens of the whole text.
        offers_subwords: Whether subwords may be better, and the user has not chosen characters.
        from_cache: Whether the corpus was read before.
        reading: What was detected and changed when the text was read.
        test_characters: Characters that are held out for a test.
        training_documents, validation_documents, test_documents: Documents of each part; 0 for a
            continuous text.
        labels: How many values each kind of label has, by its name.
    """

    characters: int
    training_characters: int
    validation_characters: int
    unknown_characters: int
    vocabulary_size: int
    from_cache: bool
    reading: ReadingReport = field(default_factory=ReadingReport)
    test_characters: int = 0
    training_documents: int = 0
    validation_documents: int = 0
    test_documents: int = 0
    labels: Mapping[str, int] = field(default_factory=dict)
    subwords: int = 0
    tokens: int = 0
    offers_subwords: bool = False

    @property
    def documents(self) -> int:
        """Documents of all parts."""
        return self.training_documents + self.validation_documents + self.test_documents


@dataclass(frozen=True)
class StarterChecked:
    """A starter was tried on the validation text: on request, or because the text is short.

    Attributes:
        requested: Whether the user left it to textgen to begin with a starter. If not, this event
            is sent only where a starter knows the language.
        starter: The starter that predicts the text best; empty if none has the chosen shape.
        knows_language: Whether it knows the language of the text. If requested, training begins
            with it then.
        loss: Its loss on excerpts of the validation text, in nats per character, before any
            training.
        ngram_loss: That of an n-gram model of the training text.
        expected_gain: By how many nats per character the starter would lower the loss.
    """

    requested: bool
    starter: str = ""
    knows_language: bool = False
    loss: float = 0.0
    ngram_loss: float = 0.0
    expected_gain: float = 0.0


@dataclass(frozen=True)
class TrainingStarted:
    """The network is built, and the first step is next.

    Attributes:
        precision: What the recurrent layers compute in.
        slowdown: How many times as long as in float32 a step takes, if the user chose this
            precision and it is slower; else 0.
        no_cudnn_reason: Why a GPU computes the recurrent layers without cuDNN. Empty if it uses
            cuDNN or textgen's own LSTM, which is faster, and on a CPU.
        replaces_cudnn: Whether that is textgen's own LSTM, if it is a GPU and there is no reason.
        steps_per_epoch: Steps that read the text once.
        epochs: Times the text is read; 0 in a training by time.
        time: Seconds that the training may take in all; 0 in a training by epochs.
        batch_size: Windows or streams in a step.
        resumed_at_epoch: Epochs read before, in a resumed training; None in a new one.
        best_epoch: Epoch of the best model so far; None if there is none.
        best_loss: Its loss; None if there is none.
        processes: How many processes train together.
        process: The index of this one. Processes other than 0 get no event after this one.
        init_from: The model that training began with: a directory or a starter; empty for none.
        subwords: Whether tokens are subwords, and not just characters.
    """

    backend: str
    device: str
    precision: str
    slowdown: float
    no_cudnn_reason: str
    replaces_cudnn: bool
    layers: str
    parameters: int
    steps_per_epoch: int
    epochs: int
    time: float
    batch_size: int
    maxlen: int
    carry_state: bool
    targets: str
    resumed_at_epoch: float | None = None
    best_epoch: float | None = None
    best_loss: float | None = None
    processes: int = 1
    process: int = 0
    init_from: str = ""
    subwords: bool = False


@dataclass(frozen=True)
class StepDone:
    """A step is done.

    Attributes:
        epoch: How many times the text was read so far.
        fraction_done: Completed share of the training, 0 to 1.
        loss: The loss to show: the mean since the last validation, or a moving average, as the
            settings say.
        characters: Characters read by this step.
        step_loss: The loss of this step alone.
        seconds: Time since the training's first step began.
    """

    epoch: float
    fraction_done: float
    loss: float
    characters: int
    step_loss: float
    seconds: float


@dataclass(frozen=True)
class Stopping:
    """The training was asked to stop; validation and saving are next."""


@dataclass(frozen=True)
class Validated:
    """The network was validated: after an epoch, from time to time in a training by time, or at a
    stop.

    Attributes:
        epoch: How many times the text was read so far.
        validation_loss: None without a validation part.
        improved: Whether these are the best weights so far. The model directory has them, or gets
            them soon if epochs take less time than saving.
        seconds: Time since the training's first step began.
    """

    epoch: float
    loss: float
    validation_loss: float | None
    characters_per_second: float
    improved: bool
    seconds: float


@dataclass(frozen=True)
class Sample:
    """A sample that the network generated right after a validation: a text, or a document.

    Attributes:
        labels: The labels of the document, by name.
    """

    temperature: float
    seed: str
    text: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EarlySample:
    """A sample that the network generated before the first validation.

    Attributes:
        epoch: How many times the text was read so far.
        loss: As in StepDone.
        labels: As in Sample.
    """

    epoch: float
    loss: float
    temperature: float
    seed: str
    text: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingFinished:
    """The training has ended, and the best model is in its directory.

    Attributes:
        reason: `done`, `patience` or `stopped` (it was asked to stop).
        best_loss: The validation loss of the best model; its training loss without validation.
    """

    reason: str
    best_epoch: float
    best_loss: float
    directory: str


Event = (
    ProcessesJoined
    | Preparing
    | CorpusOpened
    | StarterChecked
    | TrainingStarted
    | StepDone
    | EarlySample
    | Validated
    | Sample
    | Stopping
    | TrainingFinished
)

OnEvent = Callable[[Event], object]
