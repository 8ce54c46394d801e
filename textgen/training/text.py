"""What training is given to read.

Knows ids and a vocabulary; knows nothing of where they came from.
"""

from dataclasses import dataclass, field

from textgen.vocabulary import Vocabulary
from textgen.windows import Readable


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
