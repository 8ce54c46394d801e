"""Types of option values, and what a shell completes them with."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

import click

from textgen.settings import parse_duration


class _Units(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    name = "N[,N...]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        try:
            return tuple(int(units) for units in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a number of units, such as 256 or 512,512", param, ctx)


class _Escaped(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A text with escapes for characters that are hard to type."""

    name = "TEXT"
    _CHARACTERS: ClassVar = {"n": "\n", "t": "\t", "0": "\0", "\\": "\\"}
    HELP: ClassVar = "\\n is a line end, \\t a tab, \\0 NUL and \\\\ a backslash"

    def convert(
        self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None
    ) -> str:
        return self.unescape(value)

    def unescape(self, text: str) -> str:
        """Replace each escape by its character."""
        return re.sub(r"\\([nt0\\])", lambda match: self._CHARACTERS[match[1]], text)

    def escape(self, text: str) -> str:
        """Replace each character that has an escape by it: what `unescape` reads."""
        escapes = {ord(character): f"\\{name}" for name, character in self._CHARACTERS.items()}
        return text.translate(escapes)


class _Temperature(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A number, or a text that `parse_temperature` reads, which is checked later."""

    name = "X|FROM:TO"

    def convert(
        self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None
    ) -> float | str:
        return self.parse(str(value))

    def parse(self, text: str) -> float | str:
        """The temperature in a text."""
        try:
            return float(text)
        except ValueError:
            return text


class _Duration(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    name = "90s|5m|1h"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _OnePath(click.Path):
    """A path; a variable of the environment has one, even for an option that can be repeated."""

    def split_envvar_value(self, rv: str) -> list[str]:
        return [rv]


UNITS = _Units()
ESCAPED = _Escaped()
DURATION = _Duration()
TEMPERATURE = _Temperature()
ONE_PATH = _OnePath(path_type=Path)


def _complete_paths(kind: str) -> Callable[[click.Context, click.Parameter, str], list[Any]]:
    """Let the shell complete paths: of files, or of directories only."""

    def complete(
        _context: click.Context, _parameter: click.Parameter, incomplete: str
    ) -> list[Any]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type=kind)]

    return complete


def complete_initial_model(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[Any]:
    """Let the shell complete directories, or names of starters that begin with what was typed.

    bash offers directories only where no name matches, so names need a first letter.
    """
    from click.shell_completion import CompletionItem

    from textgen.model.starters import list_starters

    names = ("auto", *list_starters()) if incomplete else ()
    names = tuple(name for name in names if name.startswith(incomplete))
    return [CompletionItem(incomplete, type="dir"), *map(CompletionItem, names)]


FILES, DIRECTORIES = _complete_paths("file"), _complete_paths("dir")


def complete_names(
    names: Iterable[str],
) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Let the shell complete some names, where other names are refused later."""
    return lambda _context, _parameter, incomplete: [
        name for name in names if name.startswith(incomplete)
    ]
