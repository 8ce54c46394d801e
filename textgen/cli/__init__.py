"""The command line: parse arguments, call the library, print.

Each command is a module: train.py, sample.py, prepare.py, evaluate.py, inspect.py, novelty.py,
report.py, compare.py, export.py, serve.py, completion.py. It imports what it runs inside its
function, so `textgen --help` is quick.

    options.py         options that several commands share, and options made from settings
    corpus_options.py  options of `prepare` and `train`; train_options.py: those of `train`
    types.py           types of option values, and what a shell completes them with
    base_command.py    the class of all commands: errors for old forms of a command
    seeds.py, sample_writer.py, interactive.py    parts of `sample`
    display/           what a training shows
    console.py         lines and a progress bar on standard error
    output.py          results: text on standard output, pages in files
    formatting.py      numbers, tables and reports as text for people
    streams.py         the standard streams: closed, redirected, or a terminal
    signals.py         Ctrl-C and other signals that end a command; stop_signals.py: in a training
"""

import os
import signal
import sys
from typing import Any, NoReturn

import click
import cloup

import textgen
from textgen.cli import (
    compare,
    completion,
    console,
    evaluate,
    export,
    inspect,
    novelty,
    options,
    prepare,
    report,
    sample,
    serve,
    signals,
    streams,
    train,
)
from textgen.cli.train_options import LOG_FORMAT
from textgen.errors import SettingsError, TextgenError, first_line, option_name

_HELP = {"help_option_names": ["-h", "--help"]}


class _Program(cloup.Group):
    """A group whose commands end quietly when the reader of their output exits."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
        except KeyboardInterrupt:
            if _writes_json(ctx.obj):  # click would write an empty line
                raise signals.ProgramEnd(signals.INTERRUPTED) from None
            raise
        except BrokenPipeError:
            # Else Python writes an error when it flushes at exit.
            streams.discard_output(sys.stdout.fileno())
            ctx.exit(0)
        return result


@cloup.group(cls=_Program, context_settings=_HELP)
@click.version_option(textgen.__version__, prog_name="textgen")
def program() -> None:
    """Train a character-level recurrent network on your own text and generate new text from it.

    \b
        textgen train corpus.txt
        textgen sample --temperature 0.5
    """


for _module in (
    prepare,
    train,
    sample,
    serve,
    evaluate,
    inspect,
    report,
    compare,
    novelty,
    completion,
    export,
):
    _module.command.context_settings = _HELP
    program.add_command(_module.command)


def main() -> NoReturn:
    """Run the program and exit: 0, 1 for a failure, 2 for wrong usage, 129 after SIGHUP (a closed
    terminal), 130 after Ctrl-C, 143 after SIGTERM.
    """
    streams.make_stderr_lossy()
    if completion.VARIABLE in os.environ:
        completion.fix_bash_equals()
    signals.install_handlers()
    log_format: dict[str, str] = {}  # set by `train`, before it parses its options
    try:
        status = program.main(
            sys.argv[1:] or ["--help"], prog_name="textgen", standalone_mode=False, obj=log_format
        )
    except (click.Abort, KeyboardInterrupt, signals.ProgramEnd) as end:
        status = end.status if isinstance(end, signals.ProgramEnd) else signals.INTERRUPTED
        if _writes_json(log_format):
            _write_error(f"ended by {signal.Signals(status - 128).name}", status)
    except Exception as error:
        if options.is_debugging():
            raise
        line, status = _explain(error)
        line = " ".join(line.splitlines())  # a message may name untrusted text
        if _writes_json(log_format):
            _write_error(line, status)
        else:
            console.note(f"textgen: error: {line}")
    status = status if isinstance(status, int) else 0
    if supervisor := sys.modules.get("textgen.distributed.supervisor"):
        supervisor.exit_if_child(status)
    # If Ctrl-C came while code in a string ran, as in many imports, Python would still end by the
    # signal. It forgets this when other such code runs.
    exec("")  # noqa: S102
    sys.exit(status)


def _writes_json(log_format: Any) -> bool:
    """Whether the command writes events as JSON, including an error."""
    return isinstance(log_format, dict) and log_format.get(LOG_FORMAT) == "json"


def _write_error(message: str, status: int) -> None:
    from textgen.cli.display import json_lines

    json_lines.write_error(message, status)


def _explain(error: Exception) -> tuple[str, int]:
    """The line for an error, and the exit status."""
    if isinstance(error, click.ClickException):
        message = " ".join(error.format_message().split())
        context = getattr(error, "ctx", None)
        if context is not None:
            message = f"{message.rstrip('.')}; see `{context.command_path} --help`"
        return message, error.exit_code
    if isinstance(error, SettingsError):
        return f"--{option_name(error.option)} {error.problem}", error.exit_status
    if isinstance(error, TextgenError):
        return str(error), error.exit_status
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{reason}; fix that, then run the same command again", 1
    if isinstance(error, MemoryError):
        return "out of memory; in training, a smaller --batch-size or fewer --units need less", 1
    if isinstance(error, ModuleNotFoundError):
        from textgen import packages

        if (package := packages.find_missing_package(error)) is not None:
            return packages.describe_missing(package), 1
    return f"{type(error).__name__}: {first_line(error)} (run again with --debug for more)", 1
