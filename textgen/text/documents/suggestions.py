"""Whether a text looks like many documents: short lines, or paragraphs."""

import re
from collections.abc import Iterable, Iterator
from statistics import median

from textgen.errors import CorpusError
from textgen.settings import CorpusConfig
from textgen.text.pieces import Piece
from textgen.text.reading import read_text
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Source

_SAMPLE = 1 << 20  # characters
_FEWEST = 20  # documents
_LONGEST_LINE = 200  # characters of a short line: the median
_CODE = re.compile(r"[{}()\[\];=<>_\\#*&|/]")
_MOST_CODE = 0.03  # of all characters; prose has 0.01, code 0.04 to 0.1
_MOST_INDENTED = 0.5  # share of the lines of paragraphs; poems are indented, but code is more so
_FEW = 0.05  # share of lines
_WRAPPED = 0.6  # share of lines that have no space for the next word; lists of titles have 0.2


def find_documents(text: str) -> tuple[str, int] | None:
    """The mode (`lines` or `paragraphs`) in which a text would be read as documents, and how many.

    Args:
        text: A text of whole lines.

    Example:
        >>> find_documents("Anna\\nBenjamin\\nCarla Maria\\n" * 10)
        ('lines', 30)
    """
    lines = text.split("\n")
    filled = [line for line in lines if line.strip(" \t")]
    if len(filled) < _FEWEST or len(_CODE.findall(text)) >= _MOST_CODE * len(text):
        return None
    blank = len(lines) - len(filled) - (not lines[-1])
    indented = sum(line[0] in " \t" for line in filled)
    if blank <= _FEW * len(filled):
        is_list = (
            indented <= _FEW * len(filled)
            and median(map(len, filled)) <= _LONGEST_LINE
            and not _is_wrapped(filled)
        )
        return ("lines", len(filled)) if is_list else None
    paragraphs = len(re.findall(r"(?:\A|\n[ \t]*\n)(?=.*\S)", text))
    is_text = paragraphs >= _FEWEST and indented <= _MOST_INDENTED * len(filled)
    return ("paragraphs", paragraphs) if is_text else None


def _is_wrapped(lines: list[str]) -> bool:
    """Whether lines are broken where the next word would make them too long."""
    words = [line.split() for line in lines]
    if sum(map(len, words)) < 4 * len(lines):  # lines of few words are never prose
        return False
    width = sorted(map(len, lines))[len(lines) * 19 // 20]
    full = [
        len(line) + 1 + len(following[0]) > width
        for line, following in zip(lines, words[1:], strict=False)
        if following
    ]
    return sum(full) > _WRAPPED * len(full)


def watch_texts(
    texts: Iterable[tuple[str, int]], pieces: Iterable[Piece], report: ReadingReport
) -> Iterator[tuple[str, int]]:
    """Pass on the blocks of a continuous text, and note in a report if it looks like documents.

    Args:
        texts: What `read_texts` yields.
        pieces: What is read; it is noted where they begin with the first byte of a source.
        report: Its `suggestion` is set.
    """
    piece = next(iter(pieces), None)
    sample, size, count = list[str](), 0, 0
    is_first = piece is not None and piece.first == 0
    for text, read in texts:
        if is_first:
            sample.append(text)
            size, count = size + len(text), count + read
            if size >= _SAMPLE:
                is_first = False
                report.suggestion = _suggest("".join(sample), piece, count)
                sample.clear()
        yield text, read
    if is_first:
        report.suggestion = _suggest("".join(sample), piece, count)


def _suggest(text: str, piece: Piece | None, count: int) -> str:
    """What a report says about a text, or its beginning; empty if nothing.

    Args:
        text: The text.
        piece: Where it begins.
        count: How many bytes were read for it.
    """
    total = piece.source.size if piece is not None else None
    is_whole = len(text) < _SAMPLE
    if not is_whole:
        text = text[: text.rfind("\n") + 1]
    found = find_documents(text)
    if found is None:
        return ""
    mode, number = found
    amount = f"{number:,}"
    if not is_whole and total is not None:
        rounded = float(f"{number * max(total / max(count, 1), 1):.2g}")
        amount = f"about {rounded:,.0f}"
    elif not is_whole:
        amount = f"more than {number:,}"
    kind = "short lines" if mode == "lines" else "paragraphs"
    return f"{amount} {kind}: --documents {mode} would read them as {amount} documents"


def suggest_for_file(source: Source, config: CorpusConfig) -> str:
    """What a report says about files that are read as a document each: whether one is a list."""
    if not source.on_disk:
        return ""
    text = ""
    try:
        for block, _ in read_text(source, config):
            text += block
            if len(text) >= _SAMPLE:
                break
    except CorpusError:
        return ""
    found = find_documents(text[: text.rfind("\n") + 1])
    if found is None or found[0] != "lines":
        return ""
    return f"{source.name} has short lines: --documents lines would read each as a document"
