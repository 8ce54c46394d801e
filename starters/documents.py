"""Texts to documents of many forms, so that a starter suits whatever people have."""

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator

import numpy as np

from starters.sources import Source, Text

_MEAN_LENGTH = 900  # characters of a document of several paragraphs
_LONGEST = 6000
# Words that a starter shall not learn; documents with one are left out.
_SLURS = re.compile(r"(?i)\b(nigg|fagg|kike|chink|gook|wetback|cunt|fuck)")
_QUOTES = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "—": "--", "–": "-", "…": "..."})


def make_documents(
    source: Source, texts: Iterable[Text], random: np.random.Generator
) -> Iterator[str]:
    """Documents: some paragraphs each, wrapped or not, or one sentence in one of many styles.

    Args:
        source: Where the texts come from.
        texts: The texts, each a list of paragraphs.
        random: Draws lengths and styles.
    """
    for text in texts:
        if random.random() >= source.share:
            continue
        document: Text = []
        length = random.exponential(_MEAN_LENGTH)
        for block in text:
            if "\n" not in block and random.random() < source.sentences:
                yield from map(_clean, _sentences(block, random))
                continue
            document.append(block)
            if sum(map(len, document)) >= length:
                yield _clean(_join(document, random))
                document, length = [], random.exponential(_MEAN_LENGTH)
        if document:
            yield _clean(_join(document, random))


def is_usable(document: str, characters: frozenset[str]) -> bool:
    """Whether a document has only characters of a set, a fit length, and no slur."""
    fits = 3 <= len(document) <= _LONGEST
    return fits and characters.issuperset(document) and not _SLURS.search(document)


def _join(document: Text, random: np.random.Generator) -> str:
    between = "\n\n" if random.random() < 0.6 else "\n"
    width = int(random.integers(45, 80)) if random.random() < 0.35 else 0
    if width:
        document = [
            block
            if "\n" in block
            else "\n".join(textwrap.wrap(block, width, break_on_hyphens=False))
            for block in document
        ]
    return between.join(document)


def _sentences(paragraph: str, random: np.random.Generator) -> Iterator[str]:
    """The sentences of a paragraph, in styles that titles, notes and messages have."""
    for sentence in re.split(r"(?<=[.!?]) (?=[A-Z\"'“‘])", paragraph):
        if not 12 <= len(sentence) <= 300:
            continue
        style = random.random()
        if style < 0.40:
            yield sentence
        elif style < 0.62:
            yield sentence.rstrip(".")
        elif style < 0.80 and len(sentence) < 140:
            yield _title(sentence.rstrip("."))
        elif style < 0.95:
            yield sentence.rstrip(".").lower()
        else:
            yield sentence.upper()


_SMALL_WORDS = frozenset(
    ["a", "an", "and", "as", "at", "but", "by", "for", "from", "in", "of", "on", "or", "the", "to"]
)


def _title(sentence: str) -> str:
    """A sentence with capitals as in a title.

    Example:
        >>> _title("We are the people of the sea")
        'We Are the People of the Sea'
    """
    words = sentence.split(" ")
    capital = (
        word if at and word in _SMALL_WORDS else word[:1].upper() + word[1:]
        for at, word in enumerate(words)
    )
    return " ".join(capital)


def _clean(document: str) -> str:
    return unicodedata.normalize("NFC", document).replace("\u00a0", " ").strip()


def straighten(document: str) -> str:
    """A document with typewriter quotes and dashes."""
    return document.translate(_QUOTES)
