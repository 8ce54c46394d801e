"""The command line: parse, call the library, print.

Knows options, streams and exit statuses; has no logic of its own. Each command stands in a module
of its own and imports what it runs inside its body, so that `textgen --help` is quick.
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
    signals,
    streams,
    train,
)
from textgen.cli.train_options import LOG_FORMAT
from textgen.errors import SettingsError, TextgenError, first_line, option_name

_HELP = {"help_option_names": ["-h", "--help"]}


class _Program(cloup.Group):
    """A group whose commands end quietly when the reader of their output goes away."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
        except KeyboardInterrupt:
            if _writes_json(ctx.obj):  # click would write an empty line
                raise signals.Ended(signals.INTERRUPTED) from None
            raise
        except BrokenPipeError:
            # Python would complain once more when it flushes at exit.
            streams.discard_output(sys.stdout.fileno())
            ctx.exit(0)
        return result


@cloup.group(cls=_Program, context_settings=_HELP)
@click.version_option(textgen.__version__, prog_name="textgen")
def program() -> None:
    """Train a character-level LSTM on your own text and write new text from it.

    \b
        textgen train corpus.txt
        textgen sample --temperature 0.5
    """


for _module in (
    prepare,
    train,
    sample,
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
        completion.hear_bash()
    signals.end_the_program()
    chosen: dict[str, str] = {}  # by the command, as far as it matters here
    try:
        status = program.main(
            sys.argv[1:] or ["--help"], prog_name="textgen", standalone_mode=False, obj=chosen
        )
    except (click.Abort, KeyboardInterrupt, signals.Ended) as ended:
        status = ended.status if isinstance(ended, signals.Ended) else signals.INTERRUPTED
        if _writes_json(chosen):
            _write_error(f"ended by {signal.Signals(status - 128).name}", status)
    except Exception as error:
        if options.is_debugging():
            raise
        line, status = _explain(error)
        line = " ".join(line.splitlines())  # what a message names may be a stranger's
        if _writes_json(chosen):
            _write_error(line, status)
        else:
            console.note(f"textgen: error: {line}")
    status = status if isinstance(status, int) else 0
    if supervisor := sys.modules.get("textgen.distributed.supervisor"):
        supervisor.exit_if_child(status)
    # Where Ctrl-C came while code in a string ran, as in many imports, Python would yet end by the
    # signal; it forgets that when other such code runs.
    exec("")  # noqa: S102
    sys.exit(status)


def _writes_json(chosen: Any) -> bool:
    """Whether a command writes events as JSON, also the one of its failure."""
    return isinstance(chosen, dict) and chosen.get(LOG_FORMAT) == "json"


def _write_error(message: str, status: int) -> None:
    from textgen.cli.display import json_lines

    json_lines.write_error(message, status)


def _explain(error: Exception) -> tuple[str, int]:
    """An error as one line, and the exit status it ends the program with."""
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
        return f"{where}{reason}; mend that, then run the same command again", 1
    if isinstance(error, MemoryError):
        return "out of memory; in training, a smaller --batch-size or fewer --units need less", 1
    if isinstance(error, ModuleNotFoundError):
        from textgen import packages

        if (package := packages.find_missing_package(error)) is not None:
            return packages.describe_missing(package), 1
    return f"{type(error).__name__}: {first_line(error)} (run again with --debug for more)", 1
