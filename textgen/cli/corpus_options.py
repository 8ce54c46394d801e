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
from textgen.cli.types import ESCAPED, FILES
from textgen.errors import option_name
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


def corpus_group(tokens_default: str = "characters") -> Callable[[F], F]:
    """How text is read.

    Args:
        tokens_default: What the help says about the default of tokens.
    """
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
        setting(
            CorpusConfig,
            "tokens",
            metavar="KIND",
            help_text="What the network reads in one step: characters; bpe for subwords of several "
            "characters, learned from the text by byte-pair encoding; bpe:N for N tokens, "
            "characters and subwords together; auto for whichever predicts the text better.  "
            f"[default: {tokens_default}]",
        ),
        setting(CorpusConfig, "glob", multiple=True, metavar="PATTERN", help_text=GLOB_HELP),
    )


# Options that say what a document is, by the names of their settings.
_DOCUMENTS: dict[str, dict[str, Any]] = {
    "documents": {
        "type": click.Choice(DOCUMENTS),
        "help_text": "What is one document: each line, each paragraph (between blank lines), each "
        "file, or none for one continuous text. auto is a row of a table; each file where there "
        "are several; else one continuous text.",
    },
    "separator": {
        "type": ESCAPED,
        "help_text": "Text between two documents, instead of --documents, such as '%\\n' or "
        f"'\\n---\\n'; {ESCAPED.HELP}.",
    },
    "input_format": {
        "type": click.Choice(INPUT_FORMATS),
        "help_text": "Text, or a table: csv, tsv, or jsonl (a JSON object on each line). auto goes "
        "by the name of each file: .csv, .tsv, .jsonl, also compressed (.csv.gz).",
    },
    "column": {
        "metavar": "NAME",
        "help_text": "Column of a table with the text: its name, or its number from 1 on; a key of "
        "JSON objects.",
    },
    "label": {
        "metavar": "COLUMN",
        "multiple": True,
        "help_text": "Column with a label of each text, such as its author or genre; repeat the "
        "option for several labels.",
    },
    "label_from": {
        "type": click.Choice(LABEL_SOURCES),
        "help_text": "Label each text with the name of the folder that its file is in, or of the "
        "file.",
    },
    "delimiter": {
        "type": ESCAPED,
        "metavar": "CHARACTER",
        "help_text": "Character between the fields of a row, such as ';' or '\\t'.  [default: "
        "detected]",
    },
    "header": {
        "type": click.Choice(HEADERS),
        "help_text": "Whether the first row of a table names its columns; auto finds out.",
    },
    "bad_rows": {
        "type": click.Choice(BAD_ROWS),
        "help_text": "Stop at a row that cannot be read, or skip such rows and count them.",
    },
}


def document_group() -> Callable[[F], F]:
    """What a document is, where its text is, and what its labels are."""
    return cloup.option_group(
        "Documents",
        *[setting(CorpusConfig, name, **attributes) for name, attributes in _DOCUMENTS.items()],
        help="For a list of titles, a folder of poems, a table: many texts, each by itself.",
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
            help_text="Share of the text to validate on, which chooses the best model: its end, or "
            "of documents a random part; 0 for none.",
        ),
        setting(
            WindowConfig,
            "test",
            type=float,
            metavar="SHARE",
            help_text="Share of the text to hold out for `textgen evaluate --test`; nothing is "
            "chosen by it.",
        ),
    ]


def text_documents(*, label: bool = True) -> Callable[[F], F]:
    """How the documents of a text are read that a trained model reads.

    Args:
        label: Whether `--label` names the columns with labels.
    """
    names = [name for name in _DOCUMENTS if label or name != "label"]
    attributes = {name: dict(_DOCUMENTS[name]) for name in names}
    helps = {name: attributes[name].pop("help_text") for name in names}
    return cloup.option_group(
        "Documents",
        *[
            cloup.option(f"--{option_name(name)}", name, help=helps[name], **attributes[name])
            for name in names
        ],
        help="All of these as in the model's training, unless given.",
    )


def chosen_reading(values: dict[str, Any]) -> dict[str, Any]:
    """How a text is read, as the library takes it: without options that were not given."""
    return {name: value for name, value in values.items() if value not in (None, ())}
