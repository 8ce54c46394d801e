"""The text that training reads, and the part of it that one process reads."""

from dataclasses import dataclass, field

from textgen.distributed.communicator import Communicator
from textgen.settings import Settings
from textgen.text.streams import Streams
from textgen.text.vocabulary import IdSequence, Vocabulary


@dataclass(frozen=True)
class TrainingData:
    """The text of a training.

    Attributes:
        train: Ids to learn from.
        validation: Ids to validate on; empty for none.
        vocabulary: Whose ids they are.
    """

    train: IdSequence = field(repr=False)
    validation: IdSequence = field(repr=False)
    vocabulary: Vocabulary


def streams(ids: IdSequence, settings: Settings, communicator: Communicator) -> Streams:
    """The streams of a training text, with carried state, that one process reads."""
    rows = settings.training.batch_size
    return Streams(ids, rows, settings.windows.maxlen, communicator.rows(rows))
