"""The class of all commands: for an old form of a command, its error shows the new form.

Version 0.1.0 took models as arguments in some commands, and texts by `--text` or `--corpus`.
"""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import cloup

_ARGUMENTS = f"{__name__}.arguments"
_MODEL = "--model"
_OLD_TEXT_OPTIONS = {"--text", "--corpus"}


class Command(cloup.Command):
    """A command that remembers its arguments and knows its old forms."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        arguments = list(args)  # click empties the list
        ctx.meta[_ARGUMENTS] = (str(self.name), *arguments)
        try:
            rest = super().parse_args(ctx, args)
        except click.UsageError as error:
            if problem := self._old_form(arguments):
                raise click.UsageError(problem, ctx) from error
            raise
        if not ctx.resilient_parsing and (problem := self._old_form(arguments)):
            raise click.UsageError(problem, ctx)
        return rest

    def _old_form(self, arguments: Sequence[str]) -> str | None:
        """The error for an old form of the command; None for the present form."""
        options = {
            name: parameter
            for parameter in self.params
            if isinstance(parameter, click.Option)
            for name in parameter.opts
        }
        takes_texts = any(isinstance(parameter, click.Argument) for parameter in self.params)
        old_options = _OLD_TEXT_OPTIONS if takes_texts else set()
        takes_value = old_options | {
            name for name, option in options.items() if not (option.is_flag or option.count)
        }
        model = options.get(_MODEL)
        problems, new_form = list[str](), ["textgen", str(self.name)]
        for name, value, words in _split(arguments, takes_value):
            if name in old_options:
                problems.append(f"{name}: texts are given without an option")
                new_form.append(value)
            elif name is None and model is not None and _is_model(value):
                problems.append(f"{value}: is a model directory; it is given by {_MODEL}")
                if _MODEL in new_form and not model.multiple:
                    return f"{value}: is a model directory, and {_MODEL} is given already"
                new_form += [_MODEL, value]
            else:
                new_form += words
        return f"{problems[0]}: `{shlex.join(new_form)}`" if problems else None


def arguments() -> tuple[str, ...]:
    """The arguments of the running command, its name first."""
    return tuple(click.get_current_context().meta[_ARGUMENTS])


def _split(
    arguments: Sequence[str], takes_value: set[str]
) -> Iterator[tuple[str | None, str, list[str]]]:
    """Each option or argument: its name (None for an argument), its value, and its words."""
    words = iter(arguments)
    for word in words:
        if word == "--":
            yield "--", "", [word]
            for argument in words:
                yield None, argument, [argument]
        elif word == "-" or not word.startswith("-"):
            yield None, word, [word]
        elif word in takes_value:
            value = next(words, "")
            yield word, value, [word, value]
        else:
            name, _, value = word.partition("=")
            yield name, value, [word]


def _is_model(path: str) -> bool:
    if not Path(path).is_dir():
        return False
    from textgen.model.paths import is_model_dir

    return is_model_dir(path)
