"""The commands of the interactive mode, such as /undo."""

from collections.abc import Callable
from dataclasses import dataclass

from textgen.cli import console
from textgen.cli.formatting import format_count, format_size
from textgen.cli.interactive.draft import Turn
from textgen.cli.interactive.files import SavedText
from textgen.cli.interactive.screen import Screen
from textgen.cli.interactive.session import Session
from textgen.cli.interactive.variables import BY_COMMAND, VARIABLES
from textgen.cli.types import ESCAPED
from textgen.errors import SeedError

_SHOWN = 60  # characters of the end of the text


class Commands:
    """Runs commands.

    Args:
        session: What they act on.
        screen: Where they write.
    """

    def __init__(self, session: Session, screen: Screen):
        self._session, self._screen = session, screen
        self._saved = SavedText()

    def run(self, command: str) -> bool:
        """Run a command, given without its slash; returns False at the end of the run.

        Raises:
            SettingsError, SeedError, OutputError: it is wrong.
        """
        name, _, argument = command.lstrip().partition(" ")
        name = name.strip()
        if name in _END:
            return False
        if name.replace("_", "-") in BY_COMMAND:
            self._session.set(name.replace("_", "-"), argument)
            console.note(self._session.describe())
        elif name in COMMANDS:
            COMMANDS[name].run(self, argument.strip())
        else:
            console.note(f"/{name}: no such command; /help lists them")
        return True

    def add_lines(self, argument: str) -> None:
        """Let lines be added to the text without a + before them, or no longer."""
        self._session.adds = argument != "off"
        console.note(
            "each line is added to the text; /new begins another one, /write off ends this"
            if self._session.adds
            else "each line begins a text; + before it adds it to the text"
        )

    def write_again(self, _: str) -> None:
        """Let the model write its last words in another way."""
        self._screen.write_turn(self._session, self._session.plan_again())

    def undo(self, _: str) -> None:
        """Take back the last turn."""
        if not self._session.draft.undo():
            raise SeedError("/undo: there is nothing to take back; type a line first")
        self._note_end()

    def redo(self, _: str) -> None:
        """Bring back what was taken back."""
        if not self._session.draft.redo():
            raise SeedError("/redo: nothing was taken back; /undo does that")
        self._note_end()

    def begin(self, _: str) -> None:
        """Begin an empty text."""
        self._session.draft.add(Turn())
        self._note_end()

    def show_text(self, _: str) -> None:
        """Show the whole text."""
        text = self._session.draft.text
        self._screen.write(text if text.endswith("\n") else text + "\n")

    def save(self, name: str, *, force: bool = False) -> None:
        """Save the text; `-` shows it."""
        if name == "-":
            self.show_text(name)
            return
        path, size = self._saved.save(self._session.draft.text, name, force=force)
        console.note(f"wrote {path} ({format_size(size)})")

    def save_over(self, name: str) -> None:
        """Save the text to a file that may exist."""
        self.save(name, force=True)

    def set_label(self, label: str) -> None:
        """Set a label of documents."""
        self._session.set_label(label)
        self.show_settings(label)

    def show_settings(self, _: str) -> None:
        """Show the settings."""
        console.note(self._session.describe())

    def show_help(self, _: str) -> None:
        """Show what can be typed."""
        console.note(_format_help())

    def _note_end(self) -> None:
        text = self._session.draft.text
        end = ESCAPED.escape(text[-_SHOWN:])
        console.note(
            f"the text has {format_count(len(text), 'character')}, at the end: {end}"
            if text
            else "the text is empty"
        )


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        run: Runs it, with what was typed after it.
        help: What it is for.
        takes: What is typed after it, for the help.
    """

    run: Callable[[Commands, str], None]
    help: str
    takes: str = ""


COMMANDS = {
    "undo": Command(Commands.undo, "take back the last turn: your words and the model's"),
    "redo": Command(Commands.redo, "bring it back"),
    "again": Command(Commands.write_again, "let the model write its last words in another way"),
    "new": Command(Commands.begin, "begin an empty text"),
    "write": Command(Commands.add_lines, "add lines as if each had a +; `off` ends this", "[off]"),
    "text": Command(Commands.show_text, "show the whole text"),
    "save": Command(Commands.save, "write the text to a file; later without a name", "[FILE]"),
    "save!": Command(Commands.save_over, "replace a file that exists", "FILE"),
    "label": Command(Commands.set_label, "the label of documents, such as genre=horror", "N=VALUE"),
    "settings": Command(Commands.show_settings, "show the settings"),
    "help": Command(Commands.show_help, "show this"),
}
_END = ("quit", "exit", "q")
_WIDTH = 18  # of a command in the help
NAMES = (*COMMANDS, *BY_COMMAND, "quit")


def complete(beginning: str) -> list[str]:
    """The commands that begin with some letters, in the order of the help.

    Example:
        >>> complete("to")
        ['top-k', 'top-p']
    """
    return [name for name in NAMES if name.startswith(beginning)]


def _format_help() -> str:
    rows = [(name, command.takes, command.help) for name, command in COMMANDS.items()]
    rows += [(each.command, each.takes, each.help) for each in VARIABLES]
    rows.append(("quit", "", "end"))
    lines = (f"  {f'/{name} {takes}':<{_WIDTH}}{text}" for name, takes, text in rows)
    return _HELP + "\n".join(lines) + _HELP_END


_HELP = """\
  Type a line and see it continued. An empty line continues the text, or begins
  a document if the model was trained on documents.
  + before a line adds it to the text: `+ and then` adds a space and two words.
  Tab suggests the rest of the word or, after it, of the line; Tab again gives
  other suggestions.
  Type // for a line that begins with /, \\+ for one that begins with +.
  \\n is a line end, \\t a tab, \\0 NUL and \\\\ a backslash, as in --seed.
  Ctrl-C stops a text, Ctrl-D ends.

"""
_HELP_END = """

  `off` after a setting gives its default. The arrow keys recall what you typed.
  It is saved only if --history FILE or TEXTGEN_HISTORY names a file."""
