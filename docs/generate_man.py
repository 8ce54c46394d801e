"""Writes docs/textgen.1, the manual page of all commands, from the program's own help.

python docs/generate_man.py > docs/textgen.1
"""

import inspect
import re
import textwrap
from collections.abc import Iterator, Sequence

import click
import cloup

import textgen
from textgen.cli import program
from textgen.model import model_dir

DESCRIPTION = """
`textgen` trains a character-level recurrent network on your own text with Keras and generates new
text from it: from the shell, on a laptop, in minutes.

A corpus is any number of files and directories, or - for standard input; gzip, bzip2 and xz files
are recognised by their content. Training writes a model directory. Only training and export load a
deep-learning framework; every other command starts at once.

Standard output carries results only: text, or JSON with `--format`. Progress and summaries go to
standard error, as a display on a terminal and as plain lines elsewhere.
"""

ENVIRONMENT = {
    "TEXTGEN_MODEL": "The model directory if `--model` is not given.",
    "TEXTGEN_HISTORY": "A file for lines typed in `textgen sample --interactive`; without it and "
    "`--history` none are saved.",
    "TEXTGEN_DEBUG": "If set to 1, the same as `--debug` with every command.",
    "KERAS_BACKEND": "The backend of Keras: tensorflow, jax or torch, if installed. By default, "
    "what Keras's settings file says, else tensorflow.",
}

EXIT_STATUS = {
    "0": "Success.",
    "1": "A failure: a file that cannot be read or written, a damaged model, no such device.",
    "2": "Wrong usage: no such option, or a value that cannot be used.",
    "129": "Ended by SIGHUP (a closed terminal). A training has saved its best model and can be "
    "resumed.",
    "130": "Ended by Ctrl-C, likewise.",
    "143": "Ended by SIGTERM, likewise.",
}

EXAMPLES = {
    "Train for ten minutes, then generate:": [
        "textgen train corpus.txt",
        "textgen sample --temperature 0.5",
    ],
    "Train on text from a pipe, and count the generated lines:": [
        "zcat logs.gz | textgen train - --model logs --time 5m",
        "textgen sample --model logs -n 1000 --lines 1 --no-seed-text | sort | uniq -c",
    ],
    "Train on a list, and generate names that are not in it:": [
        "textgen train names.txt --documents lines",
        "textgen sample -n 100 --novel --unique",
    ],
    "Train on a table with labels, and generate documents of one label:": [
        "textgen train titles.csv --column title --label forum",
        "textgen sample -n 20 --label politics",
        "textgen compare --labels",
    ],
    "Resume after Ctrl-C or a crash:": ["textgen train --resume"],
    "See how well a model predicts a text, and where it is surprised:": [
        "textgen evaluate held-out.txt",
        "textgen inspect page.txt --color | less -R",
    ],
    "Make a web page that generates text, to share:": [
        "textgen export --format html -o page.html",
    ],
}

SEE_ALSO = """
Every option, every error with its remedy, a tutorial, a guide to lists, tables and folders, and the
Python API are in docs/ of the source: cli.md, errors.md, tutorial.md, documents.md and python.md.
The Python package is documented by `pydoc textgen`.
"""


def make_page() -> str:
    """Make the manual page, in the man macros of troff."""
    summary = (program.help or "").strip().split("\n")[0].rstrip(".")
    context = cloup.Context(program, info_name="textgen", **program.context_settings)
    lines = [
        ".\\\" Made from the program's help by `make docs`.",
        f'.TH TEXTGEN 1 "" "textgen {textgen.__version__}" "User Commands"',
        ".nh",  # options and examples must not be hyphenated
        ".ad l",
        ".SH NAME",
        f"textgen \\- {_escape(summary[0].lower() + summary[1:])}",
        ".SH SYNOPSIS",
    ]
    for number, command in enumerate(_list_commands()):
        lines += [".br"] * bool(number) + [_format_usage(command)]
    lines += [".SH DESCRIPTION", *_format_paragraphs(DESCRIPTION)]
    lines += [".SH OPTIONS", *_format_options(program.get_params(context), context)]
    lines += _format_entry(
        "\\fB\\-h\\fR, \\fB\\-\\-help\\fR", "Show the help of a command and all its options."
    )
    lines += [".SH COMMANDS"]
    for command in _list_commands():
        lines += _format_command(command)
    for title, entries in (("ENVIRONMENT", ENVIRONMENT), ("EXIT STATUS", EXIT_STATUS)):
        lines += [f".SH {title}"]
        for name, text in entries.items():
            lines += _format_entry(f"\\fB{_escape(name)}\\fR", text)
    lines += [
        ".SH FILES",
        *_format_paragraphs("A model directory, `textgen-model` by default, holds"),
    ]
    for name, text in re.findall(r"^ {4}(\S+) {2,}(.+)$", model_dir.__doc__ or "", re.MULTILINE):
        lines += _format_entry(f"\\fI{_escape(name)}\\fR", text[0].upper() + text[1:] + ".")
    lines += [".SH EXAMPLES"]
    for text, calls in EXAMPLES.items():
        lines += [".PP", *_fill(text), *_format_verbatim(calls)]
    lines += [".SH SEE ALSO", *_format_paragraphs(SEE_ALSO)]
    return "\n".join(lines) + "\n"


def _list_commands() -> list[click.Command]:
    return [program.commands[name] for name in sorted(program.commands)]


def _format_usage(command: click.Command) -> str:
    context = cloup.Context(command, info_name=command.name, **command.context_settings)
    pieces = " ".join(command.collect_usage_pieces(context))
    return f"\\fBtextgen {_escape(command.name or '')}\\fR {_escape(pieces)}"


def _format_command(command: click.Command) -> Iterator[str]:
    """What a command does, and each group of its options."""
    context = cloup.Context(command, info_name=command.name, **command.context_settings)
    yield f".SS {_format_usage(command)}"
    yield from _format_paragraphs(command.help or "")
    groups = getattr(command, "option_groups", ())
    for group in groups:
        yield from _format_group(group.title, _format_options(group.options, context))
    grouped = {option for group in groups for option in group.options}
    others = [option for option in command.get_params(context) if option not in grouped]
    yield from _format_group(
        "Other options" if groups else "Options", _format_options(others, context)
    )


def _format_group(title: str, lines: Iterator[str]) -> Iterator[str]:
    yield ".PP"
    yield f"\\fI{_escape(title)}:\\fR"
    yield from lines


def _format_options(parameters: Sequence[click.Parameter], context: click.Context) -> Iterator[str]:
    """Each option but --help, which all commands have."""
    for parameter in parameters:
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Argument) or record is None or "--help" in parameter.opts:
            continue
        name = re.sub(r"[^\s,]+", lambda match: _format_word(match[0]), record[0])
        yield from _format_entry(name, record[1])


def _format_word(word: str) -> str:
    if word == "/":
        return word
    return f"\\f{'B' if word.startswith('-') else 'I'}{_escape(word)}\\fR"


def _format_entry(name: str, text: str) -> list[str]:
    return [".TP", name, *_fill(text)]


def _format_paragraphs(text: str) -> Iterator[str]:
    """Paragraphs as click reads them: one that begins with \\b keeps its lines."""
    for number, block in enumerate(re.split(r"\n{2,}", inspect.cleandoc(text))):
        if block.startswith("\b"):
            yield from _format_verbatim(textwrap.dedent(block[1:].strip("\n")).splitlines())
        else:
            yield from [".PP"] * bool(number)
            yield from _fill(block)


def _fill(text: str) -> list[str]:
    marked = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", _escape(" ".join(text.split())))
    return [
        _protect(line)
        for line in textwrap.wrap(marked, 100, break_long_words=False, break_on_hyphens=False)
    ]


def _format_verbatim(lines: Sequence[str]) -> list[str]:
    return [".PP", ".RS 4", ".EX", *(_protect(_escape(line)) for line in lines), ".EE", ".RE"]


def _escape(text: str) -> str:
    """Escape a text for troff. - and ' stay the characters that a user types."""
    for plain, escape in (
        ("\\", "\\e"),
        ("-", "\\-"),
        ("'", "\\(aq"),
        ('"', "\\(dq"),
        ("~", "\\(ti"),
        ("^", "\\(ha"),
    ):
        text = text.replace(plain, escape)
    return text


def _protect(line: str) -> str:
    return f"\\&{line}" if line.startswith(".") else line


if __name__ == "__main__":
    print(make_page(), end="")  # noqa: T201
