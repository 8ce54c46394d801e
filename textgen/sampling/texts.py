"""Texts that are generated: what is wanted, and what comes back."""

import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from textgen.sampling.label_choice import LabelOption
from textgen.sampling.stopping import StopCondition
from textgen.settings import Decoding, DocumentFilters, check_random_seed


@dataclass(frozen=True)
class GeneratedText:
    """A text that was generated.

    Attributes:
        seed: The text it starts from.
        text: The text after the seed.
        mean_log_probability: The mean natural logarithm of the characters' probabilities, and of
            that of the document's end, at temperature 1 and without filters; nan if scores were not
            requested. Each character of a subword has an equal share of the subword's logarithm.
        complete: Whether the text reached its stop condition: the document's end, a text or number
            of lines to stop after or, in a continuous text without these, its maximum length.
        log_probability: The sum instead of the mean.
        labels: The document's labels by name; those that it does not have are left out.
    """

    seed: str
    text: str
    mean_log_probability: float
    complete: bool
    log_probability: float = math.nan
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def document(self) -> str:
        """The seed and the text after it."""
        return self.seed + self.text


@dataclass(frozen=True)
class TextConfig:
    """How documents are generated.

    Attributes:
        decoding: How characters are chosen.
        stop: When a document ends.
        random_seed: Makes the documents repeatable.
        label: Their labels, as in `label_choice.choose_labels`.
        scores: Whether to compute log-probabilities.
        best_of: How many texts are generated for each one, the most probable of these.
    """

    decoding: Decoding
    stop: StopCondition
    random_seed: int
    label: LabelOption = None
    scores: bool = False
    best_of: int = 1


@dataclass(frozen=True)
class Candidate:
    """A document to generate, which filters may reject.

    Attributes:
        seed: The text it starts from.
        number, attempt: Determine its random numbers, with the random seed; attempt 0 of a number
            is the document that is generated without filters.
        max_length: Characters after the seed, at most; None for the maximum of the stop condition.
        choice: The number of the text among those of which the best one counts; they differ in
            their random numbers, and have the same labels.
    """

    seed: str
    number: int
    attempt: int = 0
    max_length: int | None = None
    choice: int = 0


def resolve_random_seed(random_seed: int | None) -> int:
    """The random seed that a user gave, checked; a new one for a user who gave none."""
    if random_seed is None:
        return secrets.randbits(32)
    return check_random_seed(random_seed)


def split_options(options: Mapping[str, Any]) -> tuple[LabelOption, DocumentFilters, Decoding]:
    """What `GenerateOptions` hold."""
    names = {field.name for field in fields(DocumentFilters)}
    filters = {name: value for name, value in options.items() if name in names}
    decoding = {name: value for name, value in options.items() if name not in names | {"label"}}
    return options.get("label"), DocumentFilters(**filters), Decoding(**decoding)
