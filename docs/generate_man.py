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
`textgen` trains a character-level LSTM on your own text with Keras, and writes new text from it:
from the shell, on a laptop, in minutes.

A corpus is any number of files and directories, or - for standard input; gzip, bzip2 and xz files
are known by their content. What was trained is kept in a model directory. Only training and export
load a deep-learning framework; all else starts at once.

Standard output carries results only: text, or JSON with `--format`. Progress and summaries go to
standard error, as a display on a terminal and as plain lines elsewhere.
"""

ENVIRONMENT = {
    "TEXTGEN_MODEL": "The model directory where `--model` is not given.",
    "TEXTGEN_HISTORY": "A file for lines typed in `textgen sample --interactive`; without it and "
    "`--history` none are saved.",
    "TEXTGEN_DEBUG": "If set to 1, the same as `--debug` with every command.",
    "KERAS_BACKEND": "What Keras trains with: tensorflow (as it comes), jax or torch, where these "
    "are installed. Without it Keras's own settings count.",
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
    "Train for ten minutes, then write:": [
        "textgen train corpus.txt",
        "textgen sample --temperature 0.5",
    ],
    "Train on what comes through a pipe, and count what is written:": [
        "zcat logs.gz | textgen train - --model logs --time 5m",
        "textgen sample --model logs -n 1000 --lines 1 --no-seed-text | sort | uniq -c",
    ],
    "Go on after Ctrl-C or a crash:": ["textgen train --resume"],
    "See how well a model predicts a text, and where it is surprised:": [
        "textgen evaluate held-out.txt",
        "textgen inspect page.txt --color | less -R",
    ],
}

SEE_ALSO = """
Every option, every error with its cure, a tutorial and the Python API are in docs/ of the source:
cli.md, errors.md, tutorial.md and python.md. The Python package is documented by `pydoc textgen`.
"""


def page() -> str:
    """The manual page, in the man macros of troff."""
    summary = (program.help or "").strip().split("\n")[0].rstrip(".")
    context = cloup.Context(program, info_name="textgen", **program.context_settings)
    lines = [
        ".\\\" Made from the program's own help by `make docs`.",
        f'.TH TEXTGEN 1 "" "textgen {textgen.__version__}" "User Commands"',
        ".nh",  # options and examples are to be copied as they stand
        ".ad l",
        ".SH NAME",
        f"textgen \\- {_escaped(summary[0].lower() + summary[1:])}",
        ".SH SYNOPSIS",
    ]
    for number, command in enumerate(_commands()):
        lines += [".br"] * bool(number) + [_usage(command)]
    lines += [".SH DESCRIPTION", *_paragraphs(DESCRIPTION)]
    lines += [".SH OPTIONS", *_options(program.get_params(context), context)]
    lines += _entry("\\fB\\-h\\fR, \\fB\\-\\-help\\fR", "Tell about a command and all its options.")
    lines += [".SH COMMANDS"]
    for command in _commands():
        lines += _command(command)
    for title, entries in (("ENVIRONMENT", ENVIRONMENT), ("EXIT STATUS", EXIT_STATUS)):
        lines += [f".SH {title}"]
        for name, text in entries.items():
            lines += _entry(f"\\fB{_escaped(name)}\\fR", text)
    lines += [".SH FILES", *_paragraphs("A model directory, `textgen-model` by default, holds")]
    for name, text in re.findall(r"^ {4}(\S+) {2,}(.+)$", model_dir.__doc__ or "", re.MULTILINE):
        lines += _entry(f"\\fI{_escaped(name)}\\fR", text[0].upper() + text[1:] + ".")
    lines += [".SH EXAMPLES"]
    for text, calls in EXAMPLES.items():
        lines += [".PP", *_filled(text), *_verbatim(calls)]
    lines += [".SH SEE ALSO", *_paragraphs(SEE_ALSO)]
    return "\n".join(lines) + "\n"


def _commands() -> list[click.Command]:
    return [program.commands[name] for name in sorted(program.commands)]


def _usage(command: click.Command) -> str:
    context = cloup.Context(command, info_name=command.name, **command.context_settings)
    pieces = " ".join(command.collect_usage_pieces(context))
    return f"\\fBtextgen {_escaped(command.name or '')}\\fR {_escaped(pieces)}"


def _command(command: click.Command) -> Iterator[str]:
    """What a command does, and each group of its options."""
    context = cloup.Context(command, info_name=command.name, **command.context_settings)
    yield f".SS {_usage(command)}"
    yield from _paragraphs(command.help or "")
    groups = getattr(command, "option_groups", ())
    for group in groups:
        yield from _titled(group.title, _options(group.options, context))
    grouped = {option for group in groups for option in group.options}
    others = [one for one in command.get_params(context) if one not in grouped]
    yield from _titled("Other options" if groups else "Options", _options(others, context))


def _titled(title: str, lines: Iterator[str]) -> Iterator[str]:
    yield ".PP"
    yield f"\\fI{_escaped(title)}:\\fR"
    yield from lines


def _options(parameters: Sequence[click.Parameter], context: click.Context) -> Iterator[str]:
    """Each option but --help, which all commands have."""
    for parameter in parameters:
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Argument) or record is None or "--help" in parameter.opts:
            continue
        name = re.sub(r"[^\s,]+", lambda found: _word(found[0]), record[0])
        yield from _entry(name, record[1])


def _word(word: str) -> str:
    if word == "/":
        return word
    return f"\\f{'B' if word.startswith('-') else 'I'}{_escaped(word)}\\fR"


def _entry(name: str, text: str) -> list[str]:
    return [".TP", name, *_filled(text)]


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs as click reads them: one that begins with \\b keeps its lines."""
    for number, block in enumerate(re.split(r"\n{2,}", inspect.cleandoc(text))):
        if block.startswith("\b"):
            yield from _verbatim(textwrap.dedent(block[1:].strip("\n")).splitlines())
        else:
            yield from [".PP"] * bool(number)
            yield from _filled(block)


def _filled(text: str) -> list[str]:
    marked = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", _escaped(" ".join(text.split())))
    return [
        _safe(line)
        for line in textwrap.wrap(marked, 100, break_long_words=False, break_on_hyphens=False)
    ]


def _verbatim(lines: Sequence[str]) -> list[str]:
    return [".PP", ".RS 4", ".EX", *(_safe(_escaped(line)) for line in lines), ".EE", ".RE"]


def _escaped(text: str) -> str:
    """A text in which nothing is an escape of troff's, and - and ' are what is to be typed."""
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


def _safe(line: str) -> str:
    return f"\\&{line}" if line.startswith(".") else line


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201
