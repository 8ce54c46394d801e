"""Lines from a terminal: editing, the history of what was typed, and Tab."""

import atexit
import os
from collections.abc import Callable

from textgen.cli import console
from textgen.errors import SeedError, TextgenError

_MAX_HISTORY = 1000  # lines in the file of --history

Suggest = Callable[[str], list[str]]
Read = Callable[[str], str]  # from a prompt to a line, with its line end; empty at the end


class Completer:
    """What Tab does: it completes a line by the first suggestion, then by the others in turn.

    After the last suggestion comes the line as it was typed. Readline gets one completion at a time
    because it would sort several by the alphabet, and lists them on some systems.

    Args:
        suggest: From the line up to the cursor to lines that begin with it.

    Example:
        >>> completer = Completer(lambda line: [line + "at", line + "ow"])
        >>> completer("c", 0), completer("cat", 0), completer("cow", 0), completer("c", 0)
        ('cat', 'cow', 'c', 'cat')
    """

    def __init__(self, suggest: Suggest):
        self._suggest = suggest
        self.forget()

    def forget(self) -> None:
        """Find other suggestions at the next Tab: the text has changed."""
        self._lines: list[str] = []
        self._place = 0

    def __call__(self, line: str, number: int) -> str | None:
        """The completion of a line; the interface of readline, which asks until it gets None."""
        if number:
            return None
        if not self._lines or line != self._lines[self._place]:
            try:
                self._lines = [line, *self._suggest(line)]
            except TextgenError:  # what was typed is no text that the model knows
                self._lines = [line]
            self._place = 0
        if len(self._lines) == 1:
            return None
        self._place = (self._place + 1) % len(self._lines)
        return self._lines[self._place]


def read_from_terminal(history: str | None, suggest: Suggest) -> tuple[Read, bool]:
    """A function that reads lines, which can be edited, recalled and completed.

    Args:
        history: File of the lines of earlier sessions, to which new ones are saved; None for none.
        suggest: As for `Completer`.

    Returns:
        The function, and whether Tab suggests something: some builds of Python have no readline.

    Raises:
        OSError: the file cannot be read or written.
    """
    completer = Completer(suggest)
    has_readline = _set_up_readline(history, completer)

    def read(prompt: str) -> str:
        completer.forget()
        try:
            return input(prompt) + "\n"
        except EOFError:
            console.note("")
            return ""
        except UnicodeDecodeError:
            raise SeedError("the line is not UTF-8; type it again") from None

    return read, has_readline


def _set_up_readline(history: str | None, completer: Completer) -> bool:
    try:
        import readline
    except ImportError:
        if history is not None:
            console.note("textgen: this Python has no readline: nothing is read from --history")
        return False
    readline.set_completer(completer)
    readline.set_completer_delims("")  # all of the line up to the cursor is completed
    uses_libedit = "libedit" in (readline.__doc__ or "")  # on macOS
    readline.parse_and_bind("bind ^I rl_complete" if uses_libedit else "tab: complete")
    readline.set_history_length(_MAX_HISTORY)
    if history is not None:
        # Private; an error now, before anything is typed, if it cannot be written.
        os.close(os.open(history, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600))
        readline.read_history_file(history)
        atexit.register(_save, history)
    return True


def _save(history: str) -> None:
    import readline

    try:
        readline.write_history_file(history)
    except OSError as error:
        console.note(f"textgen: {history}: not saved: {error.strerror}")
