"""Less repetition: controls that see what a text has written.

Characters must repeat, and so must words. What bores a reader are repeated passages, so both
controls look at sequences: `RepetitionPenalty` makes it less likely that one is continued, the more
so the longer it is, and `NoRepeat` lets none of N characters occur twice.
"""

from collections.abc import Sequence
from math import log

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import Floats
from textgen.sampling.requests import TextRequest
from textgen.sampling.subwords import Spelling
from textgen.text.vocabulary import Vocabulary

# Characters of a repeated sequence that cost nothing: words and the ends of others repeat in all
# texts.
FREE = 4
# Tokens that are remembered: a screenful or two. What a text repeats by itself is nearer.
_MEMORY = 1024


class RepetitionPenalty:
    """Makes the controls of texts that repeat themselves less.

    A token that would continue a sequence of the text for a further time, of which `FREE`
    characters and n more are already repeated, gets penalty**n times less likely. Tokens are
    compared, and the length of what is repeated is counted in characters.

    Args:
        penalty: 1 or more; 1 changes nothing.
        vocabulary: The tokens.
    """

    def __init__(self, penalty: float, vocabulary: Vocabulary):
        self._log_penalty, self._lengths = log(penalty), vocabulary.lengths
        self._size = vocabulary.size

    def __call__(self, request: TextRequest) -> "PenaltyControl":
        """The control of a text."""
        control = PenaltyControl(self._log_penalty, self._lengths, self._size)
        for token_id in request.seed_ids[-_MEMORY:]:
            control.advance(int(token_id))
        return control


class PenaltyControl:
    """Makes repeated sequences less likely in one text; a `Control`.

    Args:
        log_penalty: The logarithm of the penalty.
        lengths: The characters of each token.
        size: Number of ids.
    """

    is_preference, is_complete = True, False

    def __init__(self, log_penalty: float, lengths: npt.NDArray[np.int64], size: int):
        self._log_penalty, self._lengths, self._size = log_penalty, lengths, size
        self._ids = np.zeros(2 * _MEMORY, np.int64)
        # Before each id, and before the next one: how many characters are those at the end.
        self._repeated = np.zeros(2 * _MEMORY + 1, np.int64)
        self._count = 0

    def adjust(self, logits: Floats, left: int) -> None:  # noqa: ARG002
        """Lower logits, in place."""
        repeated = self._repeated[: self._count]
        places = np.flatnonzero(repeated > FREE)
        if len(places):
            longest = np.zeros(self._size, np.int64)
            np.maximum.at(longest, self._ids[places], repeated[places] - FREE)
            logits -= (self._log_penalty * longest).astype(np.float32)

    def advance(self, token_id: int) -> None:
        """Take the token that was chosen."""
        if self._count == len(self._ids):
            self._ids[:_MEMORY] = self._ids[_MEMORY:]
            self._repeated[: _MEMORY + 1] = self._repeated[_MEMORY:]
            self._count = _MEMORY
        count = self._count
        longer = self._repeated[:count] + self._lengths[token_id]
        longer *= self._ids[:count] == token_id
        self._repeated[0], self._repeated[1 : count + 1] = 0, longer
        self._ids[count] = token_id
        self._count += 1


class NoRepeat:
    """Makes the controls of texts in which no sequence of N characters occurs twice.

    A text is its seed and what follows it. Its characters are remembered as long as it is
    generated.

    Args:
        length: N, 1 or more.
        vocabulary: The tokens.
        spelling: The characters of each token; None if each token is a character.
    """

    def __init__(self, length: int, vocabulary: Vocabulary, spelling: Spelling | None):
        self.length, self.spelling, self._vocabulary = length, spelling, vocabulary
        self.long_tokens: list[int] = []
        self.longest = 1
        if spelling is not None:
            lengths = spelling.lengths
            self.long_tokens = np.flatnonzero(lengths >= length).tolist()
            self.longest = int(lengths.max())

    def __call__(self, request: TextRequest) -> "NoRepeatControl | SubwordNoRepeatControl":
        """The control of a text."""
        seed = self._vocabulary.encode_characters(request.seed).tolist()
        if self.spelling is None:
            return NoRepeatControl(self.length, seed)
        return SubwordNoRepeatControl(self, self.spelling, request, seed)

    def find_tokens(self, beginning: Sequence[int]) -> npt.NDArray[np.int64]:
        """The tokens that begin with some characters."""
        assert self.spelling is not None  # noqa: S101 for mypy
        characters = self._vocabulary.characters
        return self.spelling.find("".join(characters[number] for number in beginning))


class NoRepeatControl:
    """Excludes characters that would repeat a sequence, in one text; a `Control`.

    Args:
        length: Characters of a sequence.
        seed_ids: Those of the seed.
    """

    is_preference, is_complete = True, False

    def __init__(self, length: int, seed_ids: Sequence[int]):
        self._length = length
        self._last: tuple[int, ...] = ()  # all characters of a sequence but one
        # What has followed it, by the hash of these, which takes less memory than these.
        self._followers: dict[int, list[int]] = {}
        for number in seed_ids:
            self.advance(number)

    def adjust(self, logits: Floats, left: int) -> None:  # noqa: ARG002
        """Exclude characters, in place."""
        if (ids := self._followers.get(hash(self._last))) is not None:
            logits[ids] = -np.inf

    def advance(self, token_id: int) -> None:
        """Take the character that was chosen."""
        if len(self._last) == self._length - 1:
            self._followers.setdefault(hash(self._last), []).append(token_id)
            self._last = (*self._last[1:], token_id) if self._last else ()
        else:
            self._last = (*self._last, token_id)


class SubwordNoRepeatControl:
    """Excludes subwords that would repeat a sequence of characters, in one text; a `Control`.

    Args:
        maker: What made it.
        spelling: The characters of each token.
        request: The text.
        seed_ids: The characters of its seed.
    """

    is_preference, is_complete = True, False

    def __init__(
        self, maker: NoRepeat, spelling: Spelling, request: TextRequest, seed_ids: Sequence[int]
    ):
        self._maker, self._spelling, self._length = maker, spelling, maker.length
        self._text: list[int] = []  # ids of characters
        self._sequences = set[int]()  # hashes of all sequences of N characters
        # Where the last characters, as many as cannot be part of a token that repeats a sequence
        # of them, are followed by something.
        self._shared = max(self._length - maker.longest, min(self._length - 1, 1))
        self._places: dict[int, list[int]] = {}
        # Of the tokens that can come first: how many of their characters are in the seed; None if
        # there are several possibilities.
        self._known: dict[int, int | None] | None = None
        if request.continuations:
            self._known = {}
            for each in request.continuations:
                for number in each.token_ids.tolist():
                    self._known[number] = None if number in self._known else each.length
        self._write(seed_ids)

    def adjust(self, logits: Floats, left: int) -> None:  # noqa: ARG002
        """Exclude tokens, in place."""
        ids = self._spelling.ids
        if self._known is not None:
            for number, known in self._known.items():
                if known is None or self._repeats(ids[number][known:]):
                    logits[number] = -np.inf
            return
        for beginning in self._find_beginnings():
            logits[self._maker.find_tokens(beginning)] = -np.inf
        long = [number for number in self._maker.long_tokens if self._repeats(ids[number])]
        logits[long] = -np.inf

    def advance(self, token_id: int) -> None:
        """Take the token that was chosen."""
        known = self._known.get(token_id) if self._known is not None else 0
        self._known = None
        self._write(self._spelling.ids[token_id][known or 0 :])

    def _find_beginnings(self) -> set[tuple[int, ...]]:
        """What the next token must not begin with, since a sequence before would end with it."""
        text, count = self._text, len(self._text)
        beginnings = set[tuple[int, ...]]()
        for place in self._places.get(self._key(count), ()):
            same = self._shared
            while (
                same < self._length - 1
                and same < place
                and text[place - 1 - same] == text[-1 - same]
            ):
                same += 1
            following = self._length - same
            part = text[place : place + following]
            # What would follow from within the token itself repeats with this distance.
            beginnings.add(tuple(part[index % (count - place)] for index in range(following)))
        return beginnings

    def _repeats(self, added: Sequence[int]) -> bool:
        """Whether some more characters would repeat a sequence."""
        length = self._length
        text = (*self._text[max(0, len(self._text) - length + 1) :], *added)
        found = [hash(text[place : place + length]) for place in range(len(text) - length + 1)]
        return not self._sequences.isdisjoint(found) or len(set(found)) < len(found)

    def _key(self, end: int) -> int:
        return hash(tuple(self._text[end - self._shared : end])) if end >= self._shared else -1

    def _write(self, ids: Sequence[int]) -> None:
        text, length = self._text, self._length
        for number in ids:
            if len(text) >= self._shared:
                self._places.setdefault(self._key(len(text)), []).append(len(text))
            text.append(number)
            if len(text) >= length:
                self._sequences.add(hash(tuple(text[-length:])))
