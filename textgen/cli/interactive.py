"""The interactive mode of `textgen sample`: type a line, see it continued.

Knows lines, commands and the terminal; how text is written stands in textgen/sampling/.
"""

import atexit
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from textgen.cli import console, streams
from textgen.cli.formatting import describe_skipped
from textgen.cli.output import Output
from textgen.cli.types import ESCAPED
from textgen.errors import SeedError, SettingsError
from textgen.sampling import Sampler
from textgen.sampling.sampler import draw_random_seed
from textgen.sampling.seeds import decode_seed
from textgen.sampling.stopping import StopCondition
from textgen.settings import SampleConfig

_HELP = """\
  Type a line and see it continued; an empty line goes on where the text stopped.
  A line that is to begin with / is typed with two of them.
  \\n is a line end, \\t a tab, \\0 NUL and \\\\ a backslash, as in --seed.
  Ctrl-C stops a text, Ctrl-D ends.

  /temperature X   low is careful, high is wild, 0 takes the likeliest character
  /length N        characters to write
  /top-k N         choose among the N likeliest characters; 0 for all
  /top-p P         choose among the fewest that together have this probability; 1 for all
  /min-p P         choose among those this many times as likely as the likeliest; 0 for all
  /random-seed N   write the same text for the same line; `off` for another each time
  /again           write the last one anew
  /settings        tell all of these
  /quit            end

  The arrow keys call back what you typed. It is saved nowhere, unless --history FILE
  or TEXTGEN_HISTORY names a file for it."""
_HISTORY = 1000  # lines in a file of --history
_PROMPT = "> "


def converse(
    sampler: Sampler,
    config: SampleConfig,
    unknown: str,
    out: Output,
    history: str | None = None,
) -> None:
    """Read lines from standard input until it ends, and continue each.

    Args:
        sampler: The model.
        config: Where the settings begin.
        unknown: `error` or `skip`: what becomes of characters the model does not know.
        out: Standard output, at once.
        history: A file that lines typed on a terminal are read from and saved to; None for none.

    Raises:
        SettingsError: an end that can never be written.
        OSError: the file of the history cannot be read or written.
    """
    talk = _Conversation(sampler, config, unknown, out)
    stdin = streams.standard_input()
    watched = sys.stdin.isatty() and out.on_terminal
    read = _lines_from_terminal(history) if watched else lambda: decode_seed(stdin.readline(), "-")
    if watched:
        console.note("type a line to see it continued; /help tells more, Ctrl-D ends")
    while True:
        try:
            line = read()
            if not line or not talk.hear(line.removesuffix("\n")):
                break
        except KeyboardInterrupt:
            if not watched:
                raise
            console.note("")
        except SettingsError as error:
            console.note(f"/{error.option.replace('_', '-')} {error.problem}")
        except SeedError as error:
            console.note(str(error))


class _Conversation:
    """What was said so far, and the settings now."""

    def __init__(
        self,
        sampler: Sampler,
        config: SampleConfig,
        unknown: str,
        out: Output,
    ):
        self._sampler, self._unknown, self._out = sampler, unknown, out
        self._config = config
        self._ending = self._new_ending()
        self._seed = self._text = ""

    def hear(self, line: str) -> bool:
        """Do what a line asks for; False ends the conversation."""
        if not line.startswith("/") or line.startswith("//"):
            line = ESCAPED.unescape(line.removeprefix("/"))
            if line:
                seed = self._sampler.check_seed(line, self._unknown)
                if skipped := len(line) - len(seed):
                    console.note(describe_skipped(skipped))
                self._begin(seed)
            elif self._text:
                self._go_on()
            else:
                self._begin(self._sampler.draw_seed(self._random_seed()))
            return True
        name, _, value = line[1:].strip().partition(" ")
        if name in ("quit", "exit", "q"):
            return False
        if name == "again":
            if not self._seed:
                raise SeedError("/again: nothing was written yet; type a line first")
            self._begin(self._seed)
        elif name == "settings":
            self._tell()
        elif name == "help":
            console.note(_HELP)
        elif name.replace("-", "_") in _SETTABLE:
            self._set(name.replace("-", "_"), value.strip())
        else:
            console.note(f"/{name}: no such command; /help lists them")
        return True

    def _begin(self, seed: str) -> None:
        self._seed = self._text = seed
        shown = self._out.clean(seed)
        self._out.write(click.style(shown, bold=True) if self._out.on_terminal else shown)
        self._go_on()

    def _go_on(self) -> None:
        (temperature,) = self._config.temperatures
        decoding = self._config.decoding(temperature)
        characters = self._sampler.generate_stream(
            self._text, decoding, self._ending, self._random_seed()
        )
        pieces: list[str] = []
        try:
            for character in characters:
                self._out.write(self._out.clean(character))
                pieces.append(character)
        finally:  # also when Ctrl-C stops it: an empty line then goes on from there
            self._text += "".join(pieces)
            self._out.write("\n")

    def _random_seed(self) -> int:
        given = self._config.random_seed
        return draw_random_seed() if given is None else given

    def _new_ending(self) -> StopCondition:
        config = self._config
        return self._sampler.stop_condition(config.max_length, config.until, config.lines)

    def _set(self, name: str, value: str) -> None:
        kind = _SETTABLE[name]
        try:
            number: Any = None if (name, value) == ("random_seed", "off") else kind(value)
        except ValueError:
            raise SettingsError(name, f"takes a number, not {value!r}") from None
        if name == "temperature":
            self._config = replace(self._config, temperatures=(number,))
        else:
            self._config = replace(self._config, **{name: number})
        self._ending = self._new_ending()
        self._tell()

    def _tell(self) -> None:
        config = self._config
        told = {
            "temperature": f"{config.temperatures[0]:g}",
            "length": config.max_length or "no end",
            "top-k": config.top_k or "all",
            "top-p": f"{config.top_p:g}",
            "min-p": f"{config.min_p:g}",
            "random-seed": "off" if config.random_seed is None else config.random_seed,
        }
        console.note(", ".join(f"{name} {value}" for name, value in told.items()))


_SETTABLE: dict[str, Callable[[str], Any]] = {
    "temperature": float,
    "length": int,
    "top_k": int,
    "top_p": float,
    "min_p": float,
    "random_seed": int,
}


def _lines_from_terminal(history: str | None) -> Callable[[], str]:
    """A reader of lines that can be edited and called back.

    Args:
        history: A file with the lines of former times, to which those of this time are saved;
            None to save none.

    Raises:
        OSError: it cannot be read or written.
    """
    try:
        import readline
    except ImportError:  # a Python built without it has plain lines
        if history is not None:
            console.note("textgen: this Python has no readline: nothing is read from --history")
    else:
        readline.set_history_length(_HISTORY)
        if history is not None:
            # Private, and an error before anything is typed if it cannot be written.
            os.close(os.open(history, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600))
            readline.read_history_file(history)
            atexit.register(_save, history)

    def read() -> str:
        try:
            return input(_PROMPT) + "\n"
        except EOFError:
            console.note("")
            return ""
        except UnicodeDecodeError:
            raise SeedError("the line is not UTF-8; type it again") from None

    return read


def _save(history: str) -> None:
    import readline

    try:
        readline.write_history_file(history)
    except OSError as error:
        console.note(f"textgen: {history}: not saved: {error.strerror}")
