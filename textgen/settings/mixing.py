"""Several models that predict as one: which, and how much each counts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textgen.errors import SettingsError
from textgen.settings.base import Config
from textgen.settings.checks import check_choice, check_number, check_sequence
from textgen.settings.choices import MIX_BY

_TOLERANCE = 1e-6  # of a sum of decimal fractions


@dataclass(frozen=True)
class Mix(Config):
    """Several models that predict as one.

    Attributes:
        models: Their directories, or names of starters.
        weights: How much each counts: numbers from 0 to 1 that add up to 1; empty for equal ones.
        to: What the weights change to over a text; those at the start if they stay as they are.
        by: What is mixed: `probabilities` for the weighted sum of the models' probabilities, or
            `logits` for the weighted sum of their logits, after which a character has to be likely
            for all models.

    Example:
        >>> Mix(("verse", "titles")).weights
        (0.5, 0.5)
        >>> Mix(("verse", "titles"), (1, 0), to=(0, 1)).is_ramp
        True
    """

    models: Sequence[str | Path]
    weights: Sequence[float] = ()
    to: Sequence[float] = ()
    by: str = "probabilities"

    def __post_init__(self) -> None:
        check_sequence("mix", self.models)
        super().__post_init__()
        if not self.models:
            raise SettingsError("mix", "takes one model or more")
        check_choice("mix_by", self.by, MIX_BY)
        for values in (self.weights, self.to):
            check_sequence("mix", values)
        weights = self.weights or (1 / len(self.models),) * len(self.models)
        for name, values in (("weights", weights), ("to", self.to or weights)):
            object.__setattr__(self, name, values)
            self._check(values)

    @property
    def is_ramp(self) -> bool:
        """Whether the weights change over a text."""
        return self.weights != self.to

    def reduce(self) -> "Mix | str | Path":
        """The same without models whose weight is always 0; the model, if only one is left."""
        rows = [
            row for row in zip(self.models, self.weights, self.to, strict=True) if row[1] or row[2]
        ]
        models, weights, to = zip(*rows, strict=True)
        return models[0] if len(models) == 1 else Mix(models, weights, to, self.by)

    def _check(self, weights: Sequence[float]) -> None:
        if len(weights) != len(self.models):
            raise SettingsError(
                "mix",
                f"must have a weight for each model, {len(self.models)} in all, not {len(weights)}",
            )
        for weight in weights:
            check_number("mix", weight, at_least=0, at_most=1)
        total = math.fsum(weights)
        if abs(total - 1) > _TOLERANCE:
            listed = ",".join(f"{weight:g}" for weight in weights)
            raise SettingsError("mix", f"must add up to 1, and {listed} is {total:g}")


def parse_mix(text: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The weights of `--mix`, and what they change to over a text.

    Args:
        text: Weights such as `0.7,0.3`, or from:to as in `1,0:0,1`.

    Returns:
        The weights, and those at the end of the text; without the latter, empty.

    Raises:
        SettingsError: the text is something else.

    Example:
        >>> parse_mix("0.7,0.3"), parse_mix("1,0:0,1")
        (((0.7, 0.3), ()), ((1.0, 0.0), (0.0, 1.0)))
    """
    first, *rest = text.split(":")
    try:
        if len(rest) > 1:
            raise ValueError
        weights = tuple(map(float, first.split(",")))
        return weights, tuple(map(float, rest[0].split(","))) if rest else ()
    except ValueError:
        raise SettingsError(
            "mix", f"takes a weight for each model, as in 0.7,0.3 or 1,0:0,1, not {text!r}"
        ) from None
