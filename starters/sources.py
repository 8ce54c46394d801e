"""A source of free text: a package, its licence, and how its texts are read."""

import html
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from starters.packages import Package

# A text is a list of blocks: paragraphs without line breaks, or stanzas with them.
Text = list[str]
# Reads the texts from the folders of the packages.
Reader = Callable[[Sequence[Path]], Iterable[Text]]


@dataclass(frozen=True)
class Source:
    """Free texts of one package.

    Attributes:
        title: What the texts are, for the documentation.
        packages: The packages that hold them.
        licence: Why they may be used.
        read: Reads the texts.
        share: Share of the texts that is used.
        sentences: Share of the paragraphs that become documents of one sentence.
    """

    title: str
    packages: Sequence[Package]
    licence: str
    read: Reader
    share: float = 1.0
    sentences: float = 0.25


def one_line(text: str) -> str:
    """A text with every run of white space as one space."""
    return re.sub(r"\s+", " ", text).strip()


def blocks(text: str) -> Text:
    """The paragraphs of a plain text, each on one line; verse and lists keep their lines.

    Example:
        >>> blocks("It was\\nlate.\\n\\n  Roses are red,\\n  violets are blue.\\n")
        ['It was late.', 'Roses are red,\\nviolets are blue.']
    """
    result = []
    for part in re.split(r"\n[ \t]*\n", text):
        lines = [line.strip() for line in part.strip("\n").split("\n") if line.strip()]
        if not lines:
            continue
        indented = all(line.startswith((" ", "\t")) for line in part.strip("\n").split("\n"))
        result.append("\n".join(lines) if indented else " ".join(lines))
    return result


def strip_tags(text: str) -> str:
    """The text of a piece of HTML, on one line."""
    return one_line(html.unescape(re.sub(r"<[^>]+>", "", text)).replace("¶", ""))


def html_paragraphs(page: str) -> Text:
    """The headings and paragraphs of an HTML page, without tables and code."""
    page = re.sub(r"(?is)<(script|style|pre|nav|head|table)\b.*?</\1>", " ", page)
    found = re.finditer(r"(?is)<(p|h[1-4])\b[^>]*>(.*?)(?=</\1>|<p\b|<ul|<ol|<dl|<div|<h\d)", page)
    paragraphs = (strip_tags(match[2]) for match in found)
    return [paragraph for paragraph in paragraphs if " " in paragraph]
