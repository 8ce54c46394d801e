"""The loop of the interactive mode: reads lines, and runs or continues each."""

import sys

from textgen.cli import console, streams
from textgen.cli.formatting import describe_skipped, make_printable
from textgen.cli.interactive.commands import Commands, complete
from textgen.cli.interactive.files import Transcript
from textgen.cli.interactive.input_line import InputLine, parse_line
from textgen.cli.interactive.screen import Screen
from textgen.cli.interactive.session import Session
from textgen.cli.interactive.terminal import Read, read_from_terminal
from textgen.cli.output import Output
from textgen.errors import OutputError, SeedError, SettingsError
from textgen.sampling.seeds import decode_seed

_PROMPT, _ADD_PROMPT = "> ", "+ "
_SHOWN = 30  # characters of the text in the prompt: some words, which leave room for others


def converse(
    session: Session, out: Output, history: str | None = None, transcript: str | None = None
) -> None:
    """Read lines from standard input until it ends, and continue each.

    Args:
        session: The model, the settings and the text.
        out: Standard output, written at once.
        history: File that lines typed on a terminal are recalled from and saved to; None for none.
        transcript: File that all lines and texts are added to; None for none.

    Raises:
        OSError: the file of the history or the transcript cannot be read or written.
    """
    screen = Screen(out, Transcript(transcript))
    commands = Commands(session, screen)
    on_terminal = sys.stdin is not None and sys.stdin.isatty() and out.on_terminal
    read = _open_terminal(session, history) if on_terminal else _open_pipe()
    while True:
        prompt = _ADD_PROMPT if session.adds else _PROMPT
        try:
            line = read(prompt + _unfinished_line(session) if session.adds else prompt)
            if not line:
                break
            line = line.removesuffix("\n")
            screen.record_line(prompt, line)
            parsed = parse_line(line, adds=session.adds)
            if parsed.kind != "command":
                _continue(session, screen, parsed)
            elif not commands.run(parsed.words):
                break
        except KeyboardInterrupt:
            if not on_terminal:
                raise
            console.note("")
        except SettingsError as error:
            console.note(f"/{error.option.replace('_', '-')} {error.problem}")
        except (SeedError, OutputError) as error:
            console.note(str(error))


def _open_terminal(session: Session, history: str | None) -> Read:
    def suggest(line: str) -> list[str]:
        if parse_line(line, adds=session.adds).kind == "command":
            return [f"/{name}" for name in complete(line[1:]) if f"/{name}" != line]
        return session.suggest(line)

    read, has_tab = read_from_terminal(history, suggest)
    tab = "Tab suggests words, " if has_tab else ""
    console.note(f"type a line to see it continued; {tab}/help lists commands, Ctrl-D ends")
    return read


def _open_pipe() -> Read:
    stdin = streams.standard_input()
    return lambda _: decode_seed(stdin.readline(), "-")


def _unfinished_line(session: Session) -> str:
    """The end of the text's last line: what a person sees the next words appear after."""
    line = session.draft.text.rpartition("\n")[2]
    shown = line if len(line) <= _SHOWN else "..." + line[-_SHOWN:]
    encoding = sys.stdout.encoding or "ascii"
    return make_printable(shown.expandtabs()).encode(encoding, "replace").decode(encoding)


def _continue(session: Session, screen: Screen, line: InputLine) -> None:
    turn = session.plan(line)
    if line.words and (skipped := len(line.words) - len(turn.typed)):
        console.note(describe_skipped(skipped))
    screen.write_turn(session, turn)
