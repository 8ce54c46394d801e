"""Lower case and Unicode normalization of a text that comes in blocks.

A text is cut where neither reaches across, so that the result does not depend on the blocks.
"""

import sys
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from textgen.errors import CorpusError
from textgen.settings import CorpusConfig
from textgen.text.documents.markers import DOCUMENT_END


def normalize_blocks(
    name: str, blocks: Iterable[str], config: CorpusConfig, longest_uncut: int
) -> Iterator[str]:
    """Normalize a text and turn it to lower case, as the config asks.

    Args:
        name: The text's name.
        blocks: The text.
        config: What to do.
        longest_uncut: Characters that may be held back while looking for a place to cut.

    Yields:
        The changed text, in other blocks.

    Raises:
        CorpusError: more characters than that have no place to cut.
    """
    if not config.lowercase and config.normalize is None:
        yield from blocks
        return
    waiting = ""
    for block in blocks:
        waiting += block
        cut = _last_cut(waiting)
        if cut == 0 and len(waiting) > longest_uncut:
            raise CorpusError(
                f"{name}: {len(waiting):,} characters without a break: cannot be normalized or "
                "turned to lower case; leave out --normalize and --lowercase"
            )
        yield _normalize(waiting[:cut], config)
        waiting = waiting[cut:]
    yield _normalize(waiting, config)


def _normalize(text: str, config: CorpusConfig) -> str:
    form: Any = config.normalize
    if form is not None:
        text = unicodedata.normalize(form, text)
    if config.lowercase:
        text = text.lower()
        if form is not None:
            text = unicodedata.normalize(form, text)
    return text


def _last_cut(text: str) -> int:
    """The last position at which a text can be cut without changing the result."""
    space = max(map(text.rfind, (" ", "\n", DOCUMENT_END)))
    if space > 0:
        return space
    for position in range(len(text) - 1, 0, -1):
        if _is_independent(text[position]):
            return position
    return 0


@cache
def _is_independent(character: str) -> bool:
    """Whether a character neither combines with one before it nor decides how it is lowered.

    Letters without case (category Lo: ideographs, kana, most scripts) do not change how a
    capital sigma before them is lowered. But some compose with the character before them: the
    vowels of Hangul and of some Indic scripts.
    """
    first = unicodedata.normalize("NFKD", character)[0]
    return (
        unicodedata.category(character) == "Lo"
        and unicodedata.category(first) == "Lo"
        and unicodedata.combining(first) == 0
        and first not in _composing_characters()
    )


@cache
def _composing_characters() -> frozenset[str]:
    """The characters that can be the second half of a canonical composition."""
    pairs = (unicodedata.decomposition(chr(code)).split() for code in range(sys.maxunicode + 1))
    seconds = {chr(int(pair[1], 16)) for pair in pairs if len(pair) == 2 and pair[0][0] != "<"}
    hangul = {chr(code) for code in range(0x1161, 0x1200)}
    return frozenset(seconds | hangul)
