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
from textgen.settings import (
    BAD_ROWS,
    DECODING_ERRORS,
    DOCUMENTS,
    HEADERS,
    INPUT_FORMATS,
    LABEL_SOURCES,
    NORMALIZATIONS,
    TARGETS,
    CorpusConfig,
    WindowConfig,
)


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


def text_documents(*, label: bool = True) -> Callable[[F], F]:
    """How the documents of a text are read that a trained model reads.

    Args:
        label: Whether `--label` names the columns with labels.
    """
    return cloup.option_group(
        "Documents",
        cloup.option(
            "--documents",
            type=click.Choice(DOCUMENTS),
            help="What is a document: each line, each paragraph, each file, or none for one "
            "continuous text.",
        ),
        cloup.option(
            "--separator",
            metavar="TEXT",
            help="Text between documents, instead of --documents.",
        ),
        cloup.option(
            "--input-format",
            type=click.Choice(INPUT_FORMATS),
            help="Format of the text; auto goes by the file's name.",
        ),
        cloup.option(
            "--column",
            metavar="NAME",
            help="Column of a table, or key of JSON objects, with the text.",
        ),
        *[
            cloup.option(
                "--label",
                metavar="COLUMN",
                multiple=True,
                help="Column with a label of each document; repeat the option for each label.",
            )
        ][: int(label)],
        cloup.option(
            "--label-from",
            type=click.Choice(LABEL_SOURCES),
            help="Take the label of each document from the name of its folder or file.",
        ),
        cloup.option(
            "--delimiter", metavar="TEXT", help="What separates the fields of a table's rows."
        ),
        cloup.option(
            "--header",
            type=click.Choice(HEADERS),
            help="Whether the first row of a table names its columns.",
        ),
        cloup.option(
            "--bad-rows",
            type=click.Choice(BAD_ROWS),
            help="Stop at a row of a table that cannot be read, or leave it out and count it.",
        ),
        help="All of these as in the model's training, unless given.",
    )


def chosen_reading(values: dict[str, Any]) -> dict[str, Any]:
    """How a text is read, as the library takes it: without options that were not given."""
    return {name: value for name, value in values.items() if value not in (None, ())}
