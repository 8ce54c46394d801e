"""The text that training reads, and the part of it that one process reads."""

from dataclasses import dataclass, field

from textgen.distributed.communicator import Communicator
from textgen.settings import Settings
from textgen.text.documents.index import DocumentPart
from textgen.text.documents.label_source import DocumentLabels, LabelSource
from textgen.text.documents.labels import Labels
from textgen.text.documents.shuffled import ShuffledDocuments
from textgen.text.streams import Streams
from textgen.text.vocabulary import IdSequence, Vocabulary
from textgen.text.windows import Windows

# Documents read without their labels teach the network to write without one. A tenth of them is
# enough, and costs the others little.
_LABEL_DROPOUT = 0.1


@dataclass(frozen=True)
class TextPart:
    """The text for training, or that for validation.

    Attributes:
        ids: Its ids.
        documents: Its documents; None for a continuous text.
    """

    ids: IdSequence = field(repr=False)
    documents: DocumentPart | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def labels(self, random_seed: tuple[int, ...] | None = None) -> DocumentLabels | None:
        """The labels that its documents are read with; None without any.

        Args:
            random_seed: Numbers that decide which documents are read without theirs; None to read
                all with theirs.
        """
        if self.documents is None or not self.documents.label_ids.shape[1]:
            return None
        if random_seed is None:
            return DocumentLabels(self.documents)
        # The last number keeps these draws apart from those of the order.
        return DocumentLabels(self.documents, _LABEL_DROPOUT, (*random_seed, 3))

    def shuffle(
        self, random_seed: tuple[int, ...], labels: DocumentLabels | None
    ) -> tuple[IdSequence, LabelSource | None]:
        """Its ids with the documents in a random order, and their labels; else as they are."""
        if self.documents is None:
            return self.ids, None
        shuffled = ShuffledDocuments(self.ids, self.documents, random_seed, labels)
        return shuffled, None if labels is None else shuffled


@dataclass(frozen=True)
class TrainingData:
    """The text of a training.

    Attributes:
        train: Ids to learn from.
        validation: Ids to validate on; empty for none.
        vocabulary: Whose ids they are.
        documents: The documents of `train`; None for a continuous text.
        validation_documents: Those of `validation`.
        labels: Their labels; None without any.
        characters_per_token: Of the whole corpus.
    """

    train: IdSequence = field(repr=False)
    validation: IdSequence = field(repr=False)
    vocabulary: Vocabulary
    documents: DocumentPart | None = None
    validation_documents: DocumentPart | None = None
    labels: Labels | None = None
    characters_per_token: float = 1.0

    @property
    def training_part(self) -> TextPart:
        return TextPart(self.train, self.documents)

    @property
    def validation_part(self) -> TextPart:
        return TextPart(self.validation, self.validation_documents)


def streams(
    part: TextPart, settings: Settings, communicator: Communicator, epoch: int = 1
) -> Streams:
    """The streams of a training text, with carried state, that one process reads in an epoch.

    Documents are read in another order in each epoch, which follows from the random seed.
    """
    rows, seed = settings.training.batch_size, (settings.training.random_seed, epoch)
    ids, labels = part.shuffle(seed, part.labels(seed))
    return Streams(ids, rows, settings.windows.maxlen, communicator.rows(rows), labels)


def windows(ids: IdSequence, settings: Settings, labels: LabelSource | None = None) -> Windows:
    """The windows of a text. With documents, every `step`th of its ids but the first is a target.

    Args:
        ids: Of the text.
        settings: All settings.
        labels: Of its documents.
    """
    options = settings.windows
    lead = options.maxlen - 1 if settings.model.has_document_end else 0
    return Windows(ids, options.maxlen, options.step, options.targets, lead, labels)
