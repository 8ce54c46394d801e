"""Chooses the tokens of a text: characters, or how many subwords.

The measurements behind the rules are in docs/NOTES.md, under Subwords.
"""

from dataclasses import dataclass

from textgen.errors import CorpusError
from textgen.settings import TrainConfig, parse_tokens
from textgen.settings.tokens import AUTO, CHARACTERS
from textgen.text.prepared_corpus import Prepared
from textgen.text.tokens.subwords import Merge, select_merges

MOST_TOKENS = 65_534  # two bytes each, with an unknown character and a document end

_AUTO_FROM = 1_500_000  # characters of a training text that subwords are better for
_CLEARLY_FROM = 2_000_000  # and by 2 % or more
_SECONDS_FROM = 90.0  # of a training
_SPEED = 60_000  # characters per second, of a training by epochs


@dataclass(frozen=True)
class TokenChoice:
    """Which tokens a text is to have.

    Attributes:
        request: `characters`, `bpe`, `bpe:N` or `auto`.
        epochs: Times that the training reads the text; 0 for one by time.
        seconds: Of the training; 0 for as long as suits the text.
        pace: How many times as fast the device is as two cores.
        is_default: Whether nobody chose: characters then, unless subwords are clearly better.
        merges: Those of a model that training begins with, which take precedence; None without one.
    """

    request: str = CHARACTERS
    epochs: int = 0
    seconds: float = 0.0
    pace: float = 1.0
    is_default: bool = False
    merges: tuple[Merge, ...] | None = None

    def size(self, characters: int, distinct: int) -> int | None:
        """How many tokens to learn: characters and subwords; None for characters alone.

        Args:
            characters: Characters of the training text.
            distinct: Characters in the vocabulary.

        Raises:
            CorpusError: a number of tokens that leaves no room for subwords, or is too large.

        Example:
            >>> TokenChoice("bpe:512").size(1_000_000, 65), TokenChoice("auto").size(10_000, 65)
            (512, None)
        """
        if self.request == CHARACTERS:
            return None
        size = parse_tokens(self.request)
        if size is None:
            seconds = self._estimate_seconds(characters)
            if self.request == AUTO:
                clearly = self.is_default
                if not prefers_subwords(characters, distinct, seconds, clearly=clearly):
                    return None
            return choose_size(characters, distinct, seconds)
        if size <= distinct:
            raise CorpusError(
                f"--tokens bpe:{size} leaves no room for subwords: the text has {distinct:,} "
                f"distinct characters, which are tokens, too; give bpe:{distinct + 100} or more, "
                "or characters"
            )
        if size > MOST_TOKENS:
            raise CorpusError(f"--tokens bpe:{size} is too many; give {MOST_TOKENS:,} or fewer")
        return size

    def _estimate_seconds(self, characters: int) -> float:
        """Seconds of the training on two cores."""
        if self.epochs:
            return self.epochs * characters / _SPEED
        return self.pace * (self.seconds or TrainConfig.time)

    def check(self, distinct: int, subwords: int) -> None:
        """Check what was learned from a text.

        Args:
            distinct: Characters in the vocabulary.
            subwords: Those that were learned.

        Raises:
            CorpusError: there are fewer tokens than the user named, or no subwords.
        """
        tokens = distinct + subwords
        if not subwords and self.request != AUTO:
            raise CorpusError(
                "the text repeats too little to have subwords; leave out --tokens, or give "
                "--tokens characters"
            )
        if tokens < (parse_tokens(self.request) or 0):
            raise CorpusError(
                f"the text supports at most {tokens:,} tokens; give --tokens bpe:{tokens} or "
                "fewer, or characters"
            )

    def matches(self, prepared: Prepared) -> bool:
        """Whether a prepared corpus has as many tokens as are to be learned now.

        If its text had too few subwords, it is prepared again, which takes no time.
        """
        characters = prepared.vocabulary.characters
        if self.merges is not None:
            return prepared.tokens.vocabulary.merges == select_merges(self.merges, characters)
        training, _, _ = prepared.ranges(prepared.windows.validation)
        size = self.size(training.stop - training.start, len(characters))
        learned = len(prepared.tokens.vocabulary.subwords)
        return learned == (0 if size is None else size - len(characters))


def prefers_subwords(
    characters: int, distinct: int, seconds: float, *, clearly: bool = False
) -> bool:
    """Whether subwords reach fewer bits per character than characters.

    Args:
        characters, distinct, seconds: As in `choose_size`.
        clearly: Whether they must reach 2 % fewer on any text.
    """
    least = _CLEARLY_FROM if clearly else _AUTO_FROM
    return (
        characters >= least
        and seconds >= _SECONDS_FROM
        and 2 * distinct <= choose_size(characters, distinct, seconds)
    )


def choose_size(characters: int, distinct: int, seconds: float) -> int:
    """The number of tokens for a text and a time.

    Args:
        characters: Characters of the training text.
        distinct: Characters in the vocabulary.
        seconds: Of the training, on two cores.

    Example:
        >>> choose_size(4_000_000, 100, 120)
        612
    """
    size = 640 * (characters / 10_000_000) ** 0.2 * (seconds / 120) ** 0.25
    return distinct + int(min(max(size, 128), 2048)) // 64 * 64
