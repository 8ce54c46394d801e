"""What depends on the text so far: which tokens may follow, and how likely they are.

Filters (decoding.py) look at the logits alone. A `Control` also knows the text: it is one object
for each text, which sees every token that is chosen. To add one, write a class with the methods of
`Control`, and have `RequestBuilder.config` put what makes it into `GenerationConfig.controls`,
those that only prefer tokens after those that require some.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from textgen.sampling.cells import Floats


class Control(Protocol):
    """Changes how one text continues.

    Attributes:
        is_preference: Whether it is passed over where it would leave no token to choose.
    """

    is_preference: bool

    def adjust(self, logits: Floats, left: int) -> None:
        """Change the logits of the next token.

        Args:
            logits: Float32 of shape (vocabulary,), changed in place; -inf for tokens that cannot be
                chosen.
            left: How many characters may still follow, at most; a huge number if there is no bound.
        """
        ...

    def advance(self, token_id: int) -> None:
        """Take the next token, which is never the document end."""
        ...

    @property
    def is_complete(self) -> bool:
        """Whether nothing can follow: the text has reached its stop condition."""
        ...


def adjust_logits(
    controls: Sequence[Control], logits: Floats, excluded: Sequence[int], left: int
) -> Floats:
    """The logits of a text's next token after all of its controls.

    Args:
        controls: The text's.
        logits: Float32 of shape (vocabulary,); not changed.
        excluded: Ids that are never chosen.
        left: As `Control.adjust` takes it.
    """
    adjusted = logits.copy()
    adjusted[list(excluded)] = -np.inf
    for control in controls:
        if not control.is_preference:
            control.adjust(adjusted, left)
            continue
        preferred = adjusted.copy()
        control.adjust(preferred, left)
        if preferred.max() > -np.inf:
            adjusted = preferred
    return adjusted


def advance_all(controls: Sequence[Control], token_id: int) -> bool:
    """Have all controls of a text take a token; returns whether nothing can follow."""
    for control in controls:
        control.advance(token_id)
    return is_complete(controls)


def is_complete(controls: Sequence[Control]) -> bool:
    """Whether nothing can follow a text."""
    return any(control.is_complete for control in controls)
