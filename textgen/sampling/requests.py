"""Texts as ids: what is generated, how, and what comes back."""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import Floats
from textgen.sampling.choosing import make_chooser
from textgen.sampling.control import Control
from textgen.sampling.decoding import Choose, list_filters
from textgen.sampling.stopping import StopCondition
from textgen.sampling.subwords import Continuation, Spelling
from textgen.settings import Decoding

RANDOM_BLOCK = 256  # random numbers drawn at a time for a text: enough to make drawing cheap
_ENDLESS = np.iinfo(np.int64).max // 2  # room for sums


@dataclass(frozen=True)
class TextRequest:
    """A text to generate.

    Attributes:
        seed_ids: Ids to start from, one or more.
        entropy: Numbers that determine the text's random numbers, as for `np.random.SeedSequence`.
        label_ids: Ids of the document's labels; empty for a network without labels.
        max_length: Characters after the seed, instead of the maximum of the stop condition.
        continuations: The first token is one of these, which begin with the end of the seed; the
            last token of the seed is not in `seed_ids` then.
        seed: The text of the whole seed, also of what is not read since no window has it.
    """

    seed_ids: Sequence[int]
    entropy: tuple[int, ...]
    label_ids: tuple[int, ...] = ()
    max_length: int | None = None
    continuations: tuple[Continuation, ...] = ()
    seed: str = ""

    def generator(self) -> np.random.Generator:
        """A new generator of the text's random numbers."""
        return np.random.default_rng(self.entropy)

    def choice(self, number: int) -> "TextRequest":
        """One of several texts of which the best one counts, with other random numbers.

        Args:
            number: Which one; 0 for this text itself.
        """
        # 1 and 2 are for seeds and labels.
        return replace(self, entropy=(*self.entropy, 3, number)) if number else self


@dataclass(frozen=True)
class Prompt:
    """A text whose tokens are scored before another one is generated.

    Attributes:
        ids: Ids to read.
        hidden: How many of them, at the beginning, are no part of the text: the document end.
        label_ids: Ids of the labels that it is read with; empty for a network without labels.
    """

    ids: tuple[int, ...]
    hidden: int = 0
    label_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class GeneratedIds:
    """The characters of a generated text.

    Attributes:
        ids: The ids of the characters after the seed, shape (characters,); with the document end,
            if it was reached.
        log_probability: The sum of the natural logarithms of the tokens' probabilities, at
            temperature 1 and without filters; nan if scores were not requested. A token of which
            the text has a part only counts in proportion, and a token that continues a held-back
            text has its probability among those that could.
        complete: Whether the text reached its stop condition: the document end, a text or number of
            lines to stop after or, without these, its maximum length.
    """

    ids: npt.NDArray[np.int32]
    log_probability: float
    complete: bool

    @property
    def mean_log_probability(self) -> float:
        """The mean over all characters and the document end; nan if there are none."""
        return self.log_probability / len(self.ids) if len(self.ids) else math.nan


@dataclass(frozen=True)
class GenerationConfig:
    """How texts are generated.

    Attributes:
        vocabulary_size: Number of ids.
        decoding: How tokens are chosen.
        stop: When a text ends.
        excluded: Ids that are never chosen.
        spelling: The characters of each token; None if each token is a character.
        controls: Make what depends on the text so far, one object for each text.
    """

    vocabulary_size: int
    decoding: Decoding
    stop: StopCondition
    excluded: tuple[int, ...] = ()
    spelling: Spelling | None = None
    controls: tuple[Callable[[TextRequest], Control], ...] = ()

    @cached_property
    def chooser_key(self) -> Hashable:
        """Equal for ways to generate texts whose tokens one chooser can choose together."""
        is_greedy = not self.decoding.final_temperature
        return self.excluded, is_greedy, list_filters(self.decoding)

    def make_chooser(self) -> Choose:
        """The function that chooses tokens, from logits and the random numbers."""
        return make_chooser(self.decoding, self.excluded)

    def make_controls(self, request: TextRequest) -> list[Control]:
        """What depends on the text so far, for one text."""
        return [make(request) for make in self.controls]

    def max_length(self, request: TextRequest) -> int:
        """Characters after the seed of a text, at most; a huge number if there is no bound."""
        own, shared = request.max_length, self.stop.max_length
        length = shared if own is None else own
        return _ENDLESS if length is None else min(length, _ENDLESS)


def exclude(logits: Floats, texts: Any, excluded: int) -> Floats:
    """Logits of which those of one id are -inf for some of the texts."""
    changed = logits.copy()
    changed[texts, excluded] = -np.inf
    return changed
