"""What a run shows of the text, on standard output and in its transcript."""

from contextlib import closing

import click

from textgen.cli import console
from textgen.cli.interactive.draft import Turn
from textgen.cli.interactive.files import Transcript
from textgen.cli.interactive.session import Session
from textgen.cli.output import Output


class Screen:
    """Where text appears as it is generated.

    Args:
        out: Standard output, written at once.
        transcript: Gets all of it, too, and the lines that were typed.
    """

    def __init__(self, out: Output, transcript: Transcript):
        self._out, self._transcript = out, transcript

    def record_line(self, prompt: str, line: str) -> None:
        """Add a line to the transcript that the terminal has shown by itself."""
        self._transcript.write(prompt + line + "\n")

    def write(self, text: str, *, bold: bool = False) -> None:
        """Show text; bold on a terminal."""
        shown = self._out.clean(text)
        self._out.write(click.style(shown, bold=True) if bold and self._out.on_terminal else shown)
        self._transcript.write(text)

    def write_turn(self, session: Session, turn: Turn) -> None:
        """Let the model write a turn, and show what was typed and each character."""
        self.write(turn.typed, bold=True)
        is_empty = True
        try:
            with closing(session.write(turn)) as characters:
                for character in characters:
                    self.write(character)
                    is_empty = False
        finally:
            self.write("\n")
        if is_empty:
            console.note("the model ends the text here: + and words add to it")
