"""A text in a row of a batch."""

from collections.abc import Sequence
from typing import Literal

from textgen.sampling.details import Details
from textgen.sampling.requests import GenerationConfig, TextRequest
from textgen.sampling.subwords import SeedEnd


class Text:
    """A text that is generated in a row of a batch.

    Attributes:
        request: Its seed and random numbers.
        config: How it is generated.
        row: The row.
        details: What is recorded of its tokens; None for nothing.
        controls: What depends on the text so far.
        finish: `stop` once it has reached its stop condition, `length` once it has its maximum
            length, None before.
        generator: The source of its random numbers.
        seed: The ids of its seed, or of its prompt.
        seed_place: Which of them is read after the current one.
        is_in_prompt: Whether these are the prompt's.
        seed_end: The end of its seed, if that is held back.
        shows_end: Whether the document end is one of the tokens of `Batch.take`.
        taken, taken_characters: Tokens and characters that `Batch.take` has returned.
    """

    __slots__ = (
        *("config", "controls", "details", "finish", "generator", "is_in_prompt", "request", "row"),
        *("seed", "seed_place", "seed_end", "shows_end", "taken", "taken_characters"),
    )

    def __init__(
        self, request: TextRequest, config: GenerationConfig, row: int, details: Details | None
    ):
        self.request, self.config, self.row, self.details = request, config, row, details
        self.finish: Literal["stop", "length"] | None = None
        self.generator = request.generator()
        self.controls = config.make_controls(request)
        self.seed: Sequence[int] = ()
        self.seed_place = 0
        self.is_in_prompt = details is not None and details.prompt is not None
        self.seed_end: SeedEnd | None = None
        self.shows_end = False
        self.taken = self.taken_characters = 0

    @property
    def is_ready(self) -> bool:
        """Whether it can be generated after its prompt, without reading its seed, too."""
        request, details = self.request, self.details
        if details is None or details.prompt is None or request.continuations:
            return False
        ids, label_ids = details.prompt.ids, details.prompt.label_ids
        seed_ids = tuple(request.seed_ids)
        return ids[-len(seed_ids) :] == seed_ids and label_ids == request.label_ids

    def read_seed(self, ids: Sequence[int]) -> int:
        """Begin to read ids; returns the first one."""
        self.seed, self.seed_place = ids, 1
        return ids[0]

    def next_seed_id(self) -> int | None:
        """The next id of the seed; None after the last one."""
        if self.seed_place == len(self.seed):
            return None
        self.seed_place += 1
        return self.seed[self.seed_place - 1]

    @property
    def has_prompt_tokens(self) -> bool:
        """Whether `take_prompt` has something to return."""
        return self.details is not None and bool(self.details.prompt_ids)

    def take_prompt(self, table: Sequence[str]) -> list[str]:
        """The texts of tokens of the prompt that were read since the last call."""
        if self.details is None:
            return []
        pieces = [table[number] for number in self.details.prompt_ids]
        self.details.prompt_ids.clear()
        return pieces
