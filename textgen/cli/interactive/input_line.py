"""What a line means: a command, the beginning of a text, or words to add to the text."""

from dataclasses import dataclass
from typing import Literal

from textgen.cli.types import ESCAPED


@dataclass(frozen=True)
class InputLine:
    """A line that was typed.

    Attributes:
        kind: `command`, `start` for the beginning of a text, or `add` for words to add.
        words: The words, or the command without its slash.
    """

    kind: Literal["command", "start", "add"]
    words: str


def parse_line(line: str, *, adds: bool = False) -> InputLine:
    r"""What a line means.

    Args:
        line: The line, without its line end.
        adds: Whether words are added to the text without a +.

    Example:
        >>> parse_line("+ and then"), parse_line("/undo")
        (InputLine(kind='add', words=' and then'), InputLine(kind='command', words='undo'))
        >>> parse_line(r"\+1\n"), parse_line("+1", adds=True)
        (InputLine(kind='start', words='+1\n'), InputLine(kind='add', words='+1'))
    """
    if line.startswith("/") and not line.startswith("//"):
        return InputLine("command", line[1:])
    line = line.removeprefix("/")
    if adds or line.startswith("+"):
        return InputLine("add", ESCAPED.unescape(line if adds else line[1:]))
    return InputLine("start", ESCAPED.unescape(line[1:] if line.startswith("\\+") else line))


def quote_line(words: str, *, adds: bool = False) -> str:
    r"""The line that `parse_line` reads as words: without a + where words are added by themselves.

    Example:
        >>> quote_line("/ or\n"), quote_line("+1"), quote_line("+1", adds=True)
        ('// or\\n', '\\+1', '+1')
    """
    line = ESCAPED.escape(words)
    if line.startswith("/"):
        return "/" + line
    return "\\" + line if line.startswith("+") and not adds else line
