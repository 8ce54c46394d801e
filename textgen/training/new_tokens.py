"""The weights of tokens that are new to the model to begin with: those of similar characters.

Rows of a new network and a bias of 0 would make a new character as likely as the most frequent
ones, in every place.
"""

import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.text.vocabulary import Vocabulary

Array = npt.NDArray[Any]

# Characters that are written instead of others. A text usually has one or the other, so a new one
# begins nearly as likely.
_VARIANTS = {
    '"': "“”„‟«»″",
    "'": "‘’‚‛′`´",
    "-": "–—−‐‑―",
    ".": "…",
    " ": "\t\u00a0\u2009\u202f",
}
_VARIANT_OF = {variant: plain for plain, variants in _VARIANTS.items() for variant in variants}
_VARIANT_SHIFT = -1.0  # nats: a third as likely as the other
_ACCENT_SHIFT = -4.0  # é next to e: most texts have few
_RARE = 0.1  # the quantile of the biases that any other new token begins with


@dataclass(frozen=True)
class TokenMap:
    """Where the weights of each token of a vocabulary come from.

    Attributes:
        sources: The id in the old vocabulary of the token itself or of a similar one; -1 for none.
            Shape (tokens,).
        shifts: What is added to the bias, in nats. Shape (tokens,).
    """

    sources: npt.NDArray[np.int64]
    shifts: npt.NDArray[np.float32]

    def rows(self, old: Array, fresh: Array) -> Array:
        """Rows of an embedding; new tokens without a similar one are near the mean.

        Args:
            old: Shape (old tokens, width).
            fresh: Small random numbers, shape (tokens, width).
        """
        rows = np.asarray(old.mean(axis=0) + fresh, np.float32)
        known = self.sources >= 0
        rows[known] = old[self.sources[known]]
        return rows

    def columns(self, kernel: Array, bias: Array) -> tuple[Array, Array]:
        """Kernel and bias of the dense layer; new tokens without a similar one are rare.

        Args:
            kernel: Shape (units, old tokens).
            bias: Shape (old tokens,).
        """
        known = self.sources >= 0
        new_kernel = np.repeat(kernel.mean(axis=1, keepdims=True), len(known), axis=1)
        new_bias = np.full(len(known), np.quantile(bias, _RARE), np.float32)
        new_kernel[:, known] = kernel[:, self.sources[known]]
        new_bias[known] = bias[self.sources[known]]
        return np.asarray(new_kernel, np.float32), new_bias + self.shifts


def map_tokens(old: Vocabulary, new: Vocabulary) -> TokenMap:
    """Find the old tokens that the weights of new tokens come from.

    Example:
        >>> token_map = map_tokens(Vocabulary("'e"), Vocabulary("'exé’"))
        >>> token_map.sources.tolist(), token_map.shifts.tolist()
        ([0, 1, -1, 1, 0], [0.0, 0.0, 0.0, -4.0, -1.0])
    """
    ids = {token: number for number, token in enumerate(old.tokens)}
    sources = np.full(new.size, -1, np.int64)
    shifts = np.zeros(new.size, np.float32)
    for number, token in enumerate(new.tokens):
        similar, shift = token, 0.0
        if token not in ids:
            similar, shift = _find_similar(token)
        if similar in ids:
            sources[number], shifts[number] = ids[similar], shift
    if new.unknown_id is not None and old.unknown_id is not None:
        sources[new.unknown_id] = old.unknown_id
    if new.document_end_id is not None:
        # In a continuous text, what comes nearest to the end of a document is that of a line.
        end = ids.get("\n", -1) if old.document_end_id is None else old.document_end_id
        sources[new.document_end_id] = end
    return TokenMap(sources, shifts)


def _find_similar(character: str) -> tuple[str, float]:
    """A character that another one resembles, and by how much less likely it is, in nats."""
    if character in _VARIANT_OF:
        return _VARIANT_OF[character], _VARIANT_SHIFT
    return unicodedata.normalize("NFKD", character)[:1], _ACCENT_SHIFT
