"""Where the documents of a file end: lines, paragraphs, the whole file, or text between separators.

Each function takes the text of a file in blocks and yields it in blocks with `DOCUMENT_END` after
each document. What it yields does not depend on where blocks end, and no document is held in memory
as a whole.
"""

import re
from collections.abc import Callable, Iterable, Iterator

# Half of a surrogate pair, which no decoded text contains.
DOCUMENT_END = "\udfff"

_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n)+")
_FIRST_BLANK_LINES = re.compile(r"\A\n(?:[ \t]*\n)*")
_LONGEST_BLANK = 1 << 20  # characters; a longer line of spaces is not taken for a blank line


def mark_lines(blocks: Iterable[str]) -> Iterator[str]:
    """Each line is a document.

    Example:
        >>> "".join(mark_lines(["Anna\\nB", "en"])).split(DOCUMENT_END)
        ['Anna', 'Ben', '']
    """
    last = "\n"
    for block in blocks:
        last = block[-1:] or last
        yield block.replace("\n", DOCUMENT_END)
    if last != "\n":
        yield DOCUMENT_END


def mark_file(blocks: Iterable[str]) -> Iterator[str]:
    """The whole file is a document, without the line ends at its end."""
    line_ends = 0  # the last ones so far
    for block in blocks:
        body = block.rstrip("\n")
        if body:
            yield "\n" * line_ends + body
            line_ends = 0
        line_ends += len(block) - len(body)
    yield DOCUMENT_END


def mark_paragraphs(blocks: Iterable[str]) -> Iterator[str]:
    """Lines between blank ones are a document. A line of spaces and tabs is blank.

    Example:
        >>> "".join(mark_paragraphs(["a\\nb\\n", "\\n\\nc"])).split(DOCUMENT_END)
        ['a\\nb', 'c', '']
    """
    held, is_first = "\n", True  # a line end, and what may be blank lines after it
    for block in blocks:
        text = held + block
        end = text.find("\n", len(text.rstrip(" \t\n")))
        text, held = (text, "") if end < 0 else (text[:end], text[end:])
        held = _BLANK_LINES.sub("\n\n", held, count=1)  # so that it stays short
        if len(held) > _LONGEST_BLANK:
            text, held = text + held, ""
        if text:
            if is_first:
                text, is_first = _FIRST_BLANK_LINES.sub("", text), False
            yield _BLANK_LINES.sub(DOCUMENT_END, text)
    if not is_first:
        yield DOCUMENT_END


def mark_separated(
    blocks: Iterable[str], separator: str, on_found: Callable[[int], object] = lambda _: None
) -> Iterator[str]:
    """The text between two separators is a document.

    The ends of a file separate documents, too: no document is before a separator that the file
    begins with, or after one that it ends with. The line ends of a separator may lack there, and
    line ends alone are no document there.

    Args:
        blocks: The text of a file.
        separator: The separator.
        on_found: Called with how many more separators were found.

    Example:
        >>> "".join(mark_separated(["a\\n%", "\\nb\\n%"], "%\\n")).split(DOCUMENT_END)
        ['a\\n', 'b\\n', '']
    """
    held, is_first, is_begun = "", True, False
    for block in blocks:
        *ended, rest = (held + block).split(separator)
        text = ""
        if ended:
            on_found(len(ended))
            if is_first and not ended[0]:
                ended = ended[1:]
            text = "".join([document + DOCUMENT_END for document in ended])
            is_first = is_begun = False
        # The end may be the beginning of a separator, and line ends alone may be no document.
        end = max(len(rest) - max(len(separator) - 1, 1), 0)
        if not is_begun and not rest.strip("\n"):
            end = 0
        if end:
            is_first, is_begun = False, True
        held = rest[end:]
        yield text + rest[:end]
    core = separator.rstrip("\n")
    if core and core != separator and held.endswith(core):
        on_found(1)
        held = held.removesuffix(core)
        if held or not is_first:
            yield held + DOCUMENT_END
        return
    if separator[0] == "\n":
        held = held.removesuffix("\n")
    if is_begun or held.strip("\n"):
        yield held + DOCUMENT_END
