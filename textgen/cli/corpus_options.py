"""Options of `prepare` and `train`: the corpus, how it is read, and its windows."""

from collections.abc import Callable
from typing import Any

import click
import cloup

from textgen.cli.options import (
    DECODING_ERRORS_HELP,
    ENCODING_HELP,
    GLOB_HELP,
    F,
    setting,
)
from textgen.cli.types import FILES
from textgen.settings import DECODING_ERRORS, NORMALIZATIONS, TARGETS, CorpusConfig, WindowConfig


def corpora(function: F) -> F:
    """The corpora, and `--demo`."""
    function = cloup.option(
        "--demo",
        is_flag=True,
        help="Use the documentation that comes with Python as the corpus.",
    )(function)
    return cloup.argument("corpora", metavar="CORPUS...", nargs=-1, shell_complete=FILES)(function)


def list_sources(
    corpora: tuple[str, ...], *, demo: bool, command: str, extra: str = ""
) -> list[Any]:
    """The corpora that the user named, as the library takes them.

    Raises:
        click.UsageError: there are none.
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


def corpus_group() -> Callable[[F], F]:
    """How text is read."""
    return cloup.option_group(
        "Corpus",
        setting(CorpusConfig, "encoding", metavar="NAME", help_text=ENCODING_HELP),
        setting(
            CorpusConfig,
            "decoding_errors",
            type=click.Choice(DECODING_ERRORS),
            help_text=DECODING_ERRORS_HELP,
        ),
        setting(
            CorpusConfig,
            "lowercase",
            is_flag=True,
            help_text="Convert the text to lower case.  [default: do not]",
        ),
        setting(
            CorpusConfig,
            "normalize",
            type=click.Choice(NORMALIZATIONS),
            help_text="Unicode normalization form to convert the text to.",
        ),
        setting(
            CorpusConfig,
            "min_count",
            type=int,
            metavar="N",
            help_text="Characters that occur fewer than N times share one id, which is never "
            "generated.",
        ),
        setting(CorpusConfig, "glob", multiple=True, metavar="PATTERN", help_text=GLOB_HELP),
    )


def window_settings(maxlen_note: str = "") -> list[Callable[[Any], Any]]:
    """The options for windows and targets.

    Args:
        maxlen_note: What the help says about the default of maxlen.
    """
    return [
        setting(
            WindowConfig, "maxlen", type=int, help_text=f"Characters in a window.{maxlen_note}"
        ),
        setting(
            WindowConfig,
            "step",
            type=int,
            help_text="Characters from the start of one window to the start of the next.",
        ),
        setting(
            WindowConfig,
            "targets",
            type=click.Choice(TARGETS),
            help_text="Predict only the character after each window, or the next character at "
            "every position.",
        ),
        setting(
            WindowConfig,
            "validation",
            type=float,
            help_text="Share of the text, from its end, to validate on; 0 for none.",
        ),
    ]
