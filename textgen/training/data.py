"""What training is given to read, and which part of it one process does.

Knows ids, a vocabulary and streams; knows nothing of where they came from.
"""

from dataclasses import dataclass, field

from textgen.distributed.communicator import Communicator
from textgen.settings import Settings
from textgen.text.vocabulary import Vocabulary
from textgen.text.windows import Readable, Streams


@dataclass(frozen=True)
class Text:
    """What training is given.

    Attributes:
        train: Ids to learn from.
        validation: Ids to validate on; empty for none.
        vocabulary: Whose ids they are.
    """

    train: Readable = field(repr=False)
    validation: Readable = field(repr=False)
    vocabulary: Vocabulary


def streams(ids: Readable, settings: Settings, communicator: Communicator) -> Streams:
    """A training text as the streams with carried state that one process reads."""
    rows = settings.training.batch_size
    return Streams(ids, rows, settings.windows.maxlen, communicator.rows(rows))
