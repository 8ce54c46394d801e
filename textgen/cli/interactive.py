"""The interactive mode of `textgen sample`: type a line, see it continued."""

import atexit
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import click

from textgen.cli import console, streams
from textgen.cli.formatting import describe_skipped
from textgen.cli.output import Output
from textgen.cli.types import ESCAPED
from textgen.errors import SeedError, SettingsError
from textgen.sampling import Sampler
from textgen.sampling.label_choice import name_labels
from textgen.sampling.seeds import decode_seed
from textgen.sampling.stopping import StopCondition
from textgen.sampling.texts import resolve_random_seed
from textgen.settings import Filters, SampleConfig, format_value

_HELP = """\
  Type a line and see it continued; an empty line continues the last text, or
  begins a document if the model was trained on documents.
  Type // for a line that begins with /.
  \\n is a line end, \\t a tab, \\0 NUL and \\\\ a backslash, as in --seed.
  Ctrl-C stops a text, Ctrl-D ends.

  /temperature X   low is careful, high is wild, 0 picks the most likely character
  /length N        characters to generate
  /top-k N         choose among the N most likely characters; 0 for all
  /top-p P         choose among the fewest that together have this probability; 1 for all
  /min-p P         choose among those at least P times as likely as the top one; 0 for all
  /label N=VALUE   the label of documents, such as genre=horror; `off` to draw one
  /random-seed N   the same text for the same line; `off` for a different one each time
  /again           generate from the last line again
  /settings        show all of these
  /quit            end

  The arrow keys recall what you typed. It is saved only if --history FILE or
  TEXTGEN_HISTORY names a file."""
_MAX_HISTORY = 1000  # lines in the file of --history
_PROMPT = "> "


def converse(
    sampler: Sampler,
    config: SampleConfig,
    unknown: str,
    out: Output,
    history: str | None = None,
    labels: Sequence[str] = (),
) -> None:
    """Read lines from standard input until it ends, and continue each.

    Args:
        sampler: The model.
        config: The settings at the start.
        unknown: `error` or `skip`: what to do with characters that the model does not know.
        out: Standard output, written at once.
        history: File that lines typed on a terminal are recalled from and saved to; None for none.
        labels: Labels of documents at the start.

    Raises:
        SettingsError: `--until` has a string that the model cannot generate, or the model has no
            such label.
        OSError: the file of the history cannot be read or written.
    """
    conversation = _Conversation(sampler, config, unknown, out)
    for label in labels:
        conversation.set_label(label)
    stdin = streams.standard_input()
    on_terminal = sys.stdin.isatty() and out.on_terminal
    read = (
        _read_from_terminal(history) if on_terminal else lambda: decode_seed(stdin.readline(), "-")
    )
    if on_terminal:
        console.note("type a line to see it continued; /help lists commands, Ctrl-D ends")
    while True:
        try:
            line = read()
            if not line or not conversation.answer(line.removesuffix("\n")):
                break
        except KeyboardInterrupt:
            if not on_terminal:
                raise
            console.note("")
        except SettingsError as error:
            console.note(f"/{error.option.replace('_', '-')} {error.problem}")
        except SeedError as error:
            console.note(str(error))


class _Conversation:
    """The text so far, and the current settings."""

    def __init__(
        self,
        sampler: Sampler,
        config: SampleConfig,
        unknown: str,
        out: Output,
    ):
        self._sampler, self._unknown, self._out = sampler, unknown, out
        self._config = config
        self._stop = self._create_stop()
        self._labels: dict[int, str] = {}
        self._seed: str | None = None
        self._text = ""

    def answer(self, line: str) -> bool:
        """Continue a line, or run a command. Returns False at the end of the conversation."""
        if not line.startswith("/") or line.startswith("//"):
            line = ESCAPED.unescape(line.removeprefix("/"))
            if line:
                seed = self._sampler.check_seed(line, self._unknown)
                if skipped := len(line) - len(seed):
                    console.note(describe_skipped(skipped))
                self._start(seed)
            elif self._text and not self._sampler.generates_documents:
                self._continue()
            else:
                self._start(self._sampler.draw_seed(self._random_seed()))
            return True
        name, _, value = line[1:].strip().partition(" ")
        if name in ("quit", "exit", "q"):
            return False
        if name == "again":
            if self._seed is None:
                raise SeedError("/again: nothing was generated yet; type a line first")
            self._start(self._seed)
        elif name == "settings":
            self._show_settings()
        elif name == "label":
            self.set_label(value.strip())
            self._show_settings()
        elif name == "help":
            console.note(_HELP)
        elif name.replace("-", "_") in _SETTABLE:
            self._set(name.replace("-", "_"), value.strip())
        else:
            console.note(f"/{name}: no such command; /help lists them")
        return True

    def set_label(self, label: str) -> None:
        """Set one of the labels of the documents to come, or `off` for all.

        Raises:
            SettingsError: the model does not have it.
        """
        if label == "off":
            self._labels.clear()
            return
        for number in name_labels(self._sampler.labels, label):
            self._labels[number] = label

    def _start(self, seed: str) -> None:
        self._seed = self._text = seed
        text = self._out.clean(seed)
        self._out.write(click.style(text, bold=True) if self._out.on_terminal else text)
        self._continue()

    def _continue(self) -> None:
        (temperature,) = self._config.temperatures
        decoding = self._config.decoding(temperature)
        characters = self._sampler.generate_stream(
            self._text,
            decoding,
            self._stop,
            self._random_seed(),
            label=list(self._labels.values()) or None,
        )
        pieces: list[str] = []
        try:
            for character in characters:
                self._out.write(self._out.clean(character))
                pieces.append(character)
        finally:  # also after Ctrl-C: an empty line then continues from there
            self._text += "".join(pieces)
            self._out.write("\n")

    def _random_seed(self) -> int:
        return resolve_random_seed(self._config.random_seed)

    def _create_stop(self) -> StopCondition:
        config = self._config
        return self._sampler.stop_condition(self._max_length, config.until, config.lines)

    @property
    def _max_length(self) -> int | None:
        return self._config.max_length(documents=self._sampler.generates_documents)

    def _set(self, name: str, value: str) -> None:
        convert = _SETTABLE[name]
        try:
            number: Any = None if (name, value) == ("random_seed", "off") else convert(value)
        except ValueError:
            raise SettingsError(name, f"takes a number, not {value!r}") from None
        if name == "temperature":
            self._config = replace(self._config, temperatures=(number,))
        else:
            self._config = replace(self._config, **{name: number})
        self._stop = self._create_stop()
        self._show_settings()

    def _show_settings(self) -> None:
        config = self._config
        filters = {field.name: getattr(config, field.name) for field in fields(Filters)}
        values = {
            "temperature": format_value(config.temperatures[0]),
            "length": self._max_length or "no end",
            **{name: format_value(value) for name, value in filters.items()},
            "top_k": config.top_k or "all",
            "random_seed": "off" if config.random_seed is None else config.random_seed,
        }
        if self._sampler.labels is not None:
            values["label"] = " ".join(self._labels.values()) or "drawn"
        console.note(
            ", ".join(f"{name.replace('_', '-')} {value}" for name, value in values.items())
        )


# The settings that a command changes, and the type of each.
_SETTABLE: dict[str, Callable[[str], Any]] = {
    "temperature": float,
    "length": int,
    **{field.name: type(field.default) for field in fields(Filters)},
    "random_seed": int,
}


def _read_from_terminal(history: str | None) -> Callable[[], str]:
    """A function that reads a line, which can be edited and recalled.

    Args:
        history: File of the lines of earlier sessions, to which new ones are saved; None for none.

    Raises:
        OSError: it cannot be read or written.
    """
    try:
        import readline
    except ImportError:  # some builds of Python lack it
        if history is not None:
            console.note("textgen: this Python has no readline: nothing is read from --history")
    else:
        readline.set_history_length(_MAX_HISTORY)
        if history is not None:
            # Private; an error now, before anything is typed, if it cannot be written.
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
