"""A temperature that changes over a text, or over each line or word."""

import numpy as np

from textgen.errors import SettingsError
from textgen.sampling.cells import Floats
from textgen.sampling.choosing import LEAST_TEMPERATURE
from textgen.sampling.requests import TextRequest
from textgen.sampling.stopping import StopCondition
from textgen.settings import TemperatureRamp
from textgen.text.vocabulary import Vocabulary

LINE, WORD = 40, 4  # characters of a line or word over which a temperature changes
_UNKNOWN = 400  # characters over which it changes where texts have no length: a screenful


class Ramp:
    """Makes the controls of texts whose temperature changes.

    The first character has the temperature of the start. That of the end is reached by the last
    character of a text, by the 40th of a line and by the 4th of a word. A text that can end before
    its maximum length is taken to be as long as the corpus's documents are on average, or 400
    characters, if that is less.

    Args:
        ramp: From, to, and what it changes over.
        vocabulary: The tokens.
        stop: When a text ends.
        document_length: Mean characters of a document; None if unknown.

    Raises:
        SettingsError: a word is several tokens only where tokens are characters.
    """

    def __init__(
        self,
        ramp: TemperatureRamp,
        vocabulary: Vocabulary,
        stop: StopCondition,
        document_length: int | None,
    ):
        if ramp.unit == "word" and vocabulary.merges:
            raise SettingsError(
                "temperature",
                "cannot change over words that are single subwords; change it over each line, or "
                "train a model with --tokens characters",
            )
        self.ramp, self.lengths = ramp, vocabulary.lengths
        characters = vocabulary.characters
        self.starts = np.zeros(vocabulary.size, np.bool_)  # whether a line or word follows an id
        if ramp.unit == "line":
            self.starts[: len(characters)] = [each == "\n" for each in characters]
        elif ramp.unit == "word":
            self.starts[: len(characters)] = [each.isspace() for each in characters]
        self.end_id = vocabulary.document_end_id
        self.span = {"line": LINE, "word": WORD}.get(ramp.unit)
        can_end = bool(stop.final_ids) or stop.max_length is None
        self.longest = (document_length or _UNKNOWN) if can_end else None

    def __call__(self, request: TextRequest) -> "RampControl":
        """The control of a text."""
        place = 0
        if self.span is not None:  # the seed may end inside a line or word
            for seed_id in request.seed_ids[-self.span :]:
                place = 0 if self.starts[seed_id] or seed_id == self.end_id else place + 1
        return RampControl(self, place)


class RampControl:
    """Divides the logits of one text by a temperature that changes; a `Control`.

    It comes after all others, since at temperature 0 it leaves just the most likely token.

    Args:
        maker: What made it.
        place: Characters of the line or word so far.
    """

    is_preference, is_complete = True, False

    def __init__(self, maker: Ramp, place: int):
        self._maker, self._place, self._span = maker, place, maker.span

    def adjust(self, logits: Floats, left: int) -> None:
        """Divide logits, in place."""
        if self._span is None:
            self._span = left if self._maker.longest is None else min(left, self._maker.longest)
        ramp, share = self._maker.ramp, min(1.0, self._place / max(1, self._span - 1))
        temperature = ramp.start * (1 - share) + ramp.end * share
        if temperature:
            logits -= logits.max()
            logits /= np.float32(max(temperature, LEAST_TEMPERATURE))
        else:
            best = logits.argmax()
            logits.fill(-np.inf)
            logits[best] = 0

    def advance(self, token_id: int) -> None:
        """Take the token that was chosen."""
        self._place += int(self._maker.lengths[token_id])
        if self._maker.starts[token_id]:
            self._place = 0
