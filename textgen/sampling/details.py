"""How probable the tokens of a text are, recorded while it is read and generated."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from textgen.sampling.decoding import find_most_likely
from textgen.sampling.requests import Prompt

KnownLengths = Callable[[list[int]], list[int]]


@dataclass(frozen=True)
class Alternative:
    """A token that could have been the next one.

    Attributes:
        token_id: Its id.
        known: How many of its characters, at the beginning, are in the seed.
        log_probability: The natural logarithm of its probability.
    """

    token_id: int
    known: int
    log_probability: float


@dataclass(eq=False)
class Details:
    """What is recorded of a text, token by token, until it is taken.

    Args:
        alternatives: How many of the most likely tokens to record for each token.
        prompt: A text whose tokens are recorded before those of the generated one; None for none.

    Attributes:
        prompt_ids: Ids of tokens of the prompt.
        log_probabilities: Of the tokens of the prompt and then of the generated text, in float64,
            at temperature 1 and without filters; None for a token that nothing is before.
        most_likely: The alternatives of the same tokens, the most likely first.
    """

    alternatives: int = 0
    prompt: Prompt | None = None
    prompt_ids: list[int] = field(default_factory=list)
    log_probabilities: list[float | None] = field(default_factory=list)
    most_likely: list[list[Alternative] | None] = field(default_factory=list)

    def start(self) -> None:
        """Record the prompt's first token, if nothing is read before it."""
        if self.prompt is not None and not self.prompt.hidden:
            self.prompt_ids.append(self.prompt.ids[0])
            self.log_probabilities.append(None)
            self.most_likely.append(None)

    def add(
        self, token_id: int, logs: npt.NDArray[np.float64], known_lengths: KnownLengths
    ) -> None:
        """Record a token.

        Args:
            token_id: Its id.
            logs: The log-probabilities of all tokens, shape (vocabulary,).
            known_lengths: `Alternative.known` of each of some ids.
        """
        self.log_probabilities.append(float(logs[token_id]))
        if not self.alternatives:
            self.most_likely.append([])
            return
        ids = find_most_likely(logs, self.alternatives)
        self.most_likely.append(
            [
                Alternative(*values)
                for values in zip(ids, known_lengths(ids), logs[ids].tolist(), strict=True)
            ]
        )

    def take(self) -> tuple[list[float | None], list[list[Alternative] | None]]:
        """Log-probabilities and alternatives since the last call."""
        taken = self.log_probabilities, self.most_likely
        self.log_probabilities, self.most_likely = [], []
        return taken
