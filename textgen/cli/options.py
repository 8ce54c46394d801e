"""Options that several commands have, and how settings become options.

Knows click; what a setting means, its default and its bounds stand in textgen/settings/.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import click
import cloup

from textgen.settings import (
    CONTEXTS,
    DECODING_ERRORS,
    DEFAULT_MODEL,
    NORMALIZATIONS,
    TARGETS,
    Config,
    CorpusConfig,
    WindowConfig,
    parse_duration,
)

_AS_TRAINED = "[default: as it was trained]"
_ENCODING = "Encoding of the text; auto detects the one of each file."
_DECODING_ERRORS = (
    "Refuse a file with bytes that are not text in the encoding, replace them by U+FFFD, or skip "
    "them, and count them."
)


F = TypeVar("F", bound=Callable[..., Any])


def _show(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def setting(
    config: type[Config],
    name: str,
    *declarations: str,
    help_text: str,
    suited: bool = False,
    **attributes: Any,
) -> Callable[[F], F]:
    """An option for a setting: absent unless given, its default shown in the help.

    Args:
        config: Where the setting is.
        name: Its name.
        declarations: Names of the option, where they are not the setting's.
        help_text: What it is for.
        suited: Whether it is chosen for an LSTM with carried state.
        attributes: Handed to the option.
    """
    default = next(field.default for field in fields(config) if field.name == name)  # type: ignore[arg-type]
    if suited:
        help_text += (
            "  [default: what suits text, time and device for an LSTM with carried state, else "
            f"{_show(default)}]"
        )
    elif default not in (None, ()) and "[default:" not in help_text:
        help_text += f"  [default: {_show(default)}]"
    options = declarations or (f"--{name.replace('_', '-')}",)
    return cloup.option(*options, name, default=None, help=help_text, **attributes)


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that were given on the command line."""
    return {name: value for name, value in values.items() if value not in (None, ())}


def part(config: type[Config], values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of one kind among those that were given."""
    names = {field.name for field in fields(config)}  # type: ignore[arg-type]
    return {name: value for name, value in values.items() if name in names}


class _Units(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    name = "N[,N...]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        try:
            return tuple(int(units) for units in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a number of units, such as 256 or 512,512", param, ctx)


UNITS = _Units()


class _Escaped(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A text in which escapes are written for characters that are hard to type."""

    name = "TEXT"
    _MEANINGS: ClassVar = {"n": "\n", "t": "\t", "0": "\0", "\\": "\\"}
    HELP: ClassVar = "\\n is a line end, \\t a tab, \\0 NUL and \\\\ a backslash"

    def convert(
        self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None
    ) -> str:
        return self.unescape(value)

    def unescape(self, text: str) -> str:
        """A text with the characters that its escapes stand for."""
        return re.sub(r"\\([nt0\\])", lambda match: self._MEANINGS[match[1]], text)


ESCAPED = _Escaped()


class _Duration(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    name = "90s|5m|1h"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = _Duration()


def _debug(_context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001
    if value:
        os.environ["TEXTGEN_DEBUG"] = "1"


def debug(function: F) -> F:
    """`--debug`: tracebacks, and the framework's own log lines."""
    return cloup.option(
        "--debug",
        is_flag=True,
        envvar="TEXTGEN_DEBUG",
        is_eager=True,
        expose_value=False,
        callback=_debug,
        help="Show tracebacks and the framework's own messages.",
    )(function)


def _paths(kind: str) -> Callable[[click.Context, click.Parameter, str], list[Any]]:
    """What a shell completes a name with: paths of files, or of directories alone."""

    def items(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type=kind)]

    return items


FILES, DIRECTORIES = _paths("file"), _paths("dir")


def names(choices: Iterable[str]) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """What a shell completes a name with, where other names are refused later."""
    return lambda _context, _parameter, incomplete: [
        name for name in choices if name.startswith(incomplete)
    ]


def debugging() -> bool:
    """Whether `--debug` was given."""
    return os.environ.get("TEXTGEN_DEBUG", "").lower() not in ("", "0", "false", "no", "off")


def model(help_text: str) -> Callable[[F], F]:
    """`--model DIR`, the same in all commands."""
    return cloup.option(
        "--model",
        "directory",
        type=click.Path(path_type=Path),
        metavar="DIR",
        shell_complete=DIRECTORIES,
        envvar="TEXTGEN_MODEL",
        default=DEFAULT_MODEL,
        show_default=True,
        show_envvar=True,
        help=help_text,
    )


def models(function: F) -> F:
    """`--model DIR`, several times."""
    return cloup.option(
        "--model",
        "directories",
        type=click.Path(),
        multiple=True,
        metavar="DIR",
        shell_complete=DIRECTORIES,
        help="Model directory; repeat the option for each model.",
    )(function)


def output_directory(function: F) -> F:
    """`-o DIR`."""
    return cloup.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        required=True,
        metavar="DIR",
        shell_complete=DIRECTORIES,
        help="Directory to make.",
    )(function)


def page(default: str | None) -> Callable[[F], F]:
    """`-o PAGE` and `--force`."""

    def both(function: F) -> F:
        function = cloup.option("--force", is_flag=True, help="Replace the page if it exists.")(
            function
        )
        return cloup.option(
            "-o",
            "--output",
            metavar="PAGE",
            shell_complete=FILES,
            default=default,
            show_default=default is not None,
            help="Page of HTML to write; - for standard output.",
        )(function)

    return both


def form(json_name: str, help_text: str) -> Callable[[F], F]:
    """`--format text` or one for scripts."""
    return cloup.option(
        "--format",
        "form",
        type=click.Choice(["text", json_name]),
        default="text",
        show_default=True,
        help=help_text,
    )


def glob() -> Callable[[F], F]:
    """`--glob PATTERN`."""
    return setting(
        CorpusConfig,
        "glob",
        multiple=True,
        metavar="PATTERN",
        help_text="Files to take from directories; can be repeated.",
    )


def texts(*, required: bool) -> Callable[[F], F]:
    """The texts that a trained model reads."""
    metavar = "TEXT..." if required else "[TEXT]..."
    return cloup.argument("texts", metavar=metavar, nargs=-1, shell_complete=FILES)


def context(help_text: str) -> Callable[[F], F]:
    """`--context carry|window`."""
    return cloup.option(
        "--context",
        type=click.Choice(CONTEXTS),
        help=f"{help_text}  {_AS_TRAINED}",
    )


def encoding_as_trained(function: F) -> F:
    """`--encoding NAME` and `--decoding-errors` of a text that a trained model reads."""
    function = cloup.option(
        "--decoding-errors",
        type=click.Choice(DECODING_ERRORS),
        help=f"{_DECODING_ERRORS}  {_AS_TRAINED}",
    )(function)
    return cloup.option("--encoding", metavar="NAME", help=f"{_ENCODING}  {_AS_TRAINED}")(function)


def corpora(function: F) -> F:
    """The corpora, and `--demo`."""
    function = cloup.option(
        "--demo",
        is_flag=True,
        help="Take the documentation that comes with Python as the corpus.",
    )(function)
    return cloup.argument("corpora", metavar="CORPUS...", nargs=-1, shell_complete=FILES)(function)


def corpus_group() -> Callable[[F], F]:
    """How text is read."""
    return cloup.option_group(
        "Corpus",
        setting(
            CorpusConfig,
            "encoding",
            metavar="NAME",
            help_text=_ENCODING,
        ),
        setting(
            CorpusConfig,
            "decoding_errors",
            type=click.Choice(DECODING_ERRORS),
            help_text=_DECODING_ERRORS,
        ),
        setting(
            CorpusConfig,
            "lowercase",
            is_flag=True,
            help_text="Turn the text to lower case.  [default: leave it]",
        ),
        setting(
            CorpusConfig,
            "normalize",
            type=click.Choice(NORMALIZATIONS),
            help_text="Bring the text into a Unicode normalization form.",
        ),
        setting(
            CorpusConfig,
            "min_count",
            type=int,
            help_text="Characters rarer than this share one id that is never written.",
        ),
        glob(),
    )


def window_settings(maxlen_note: str = "") -> list[Callable[[Any], Any]]:
    """The options for windows and targets, with what there is to say of the default maxlen."""
    return [
        setting(
            WindowConfig, "maxlen", type=int, help_text=f"Characters in a window.{maxlen_note}"
        ),
        setting(
            WindowConfig,
            "step",
            type=int,
            help_text="Characters from one window's start to the next one's.",
        ),
        setting(
            WindowConfig,
            "targets",
            type=click.Choice(TARGETS),
            help_text="Predict the character after each window, or one at every position.",
        ),
        setting(
            WindowConfig,
            "validation",
            type=float,
            help_text="Share of the text, from its end, kept for validation; 0 for none.",
        ),
    ]


def sources(corpora: tuple[str, ...], *, demo: bool, command: str, extra: str = "") -> list[Any]:
    """What the user named as the corpus, as the library takes it.

    Raises:
        click.UsageError: nothing was named.
    """
    if demo:
        from textgen.text.sources import demo_source

        return [*corpora, demo_source()]
    if not corpora:
        raise click.UsageError(
            f"no corpus: `textgen {command} corpus.txt{extra}`, or "
            f"`textgen {command} --demo{extra}` to try it on Python's documentation"
        )
    return list(corpora)
