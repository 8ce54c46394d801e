"""Options that several commands share, and options made from settings."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click
import cloup

from textgen.cli.types import DIRECTORIES, FILES, ONE_PATH
from textgen.settings import (
    CONTEXTS,
    DECODING_ERRORS,
    DEFAULT_MODEL,
    MIX_BY,
    Config,
    CorpusConfig,
    Mix,
    format_value,
    parse_mix,
)

_AS_TRAINED = "[default: as in the model's training]"
ENCODING_HELP = "Encoding of the text; auto detects that of each file."
DECODING_ERRORS_HELP = (
    "Refuse a file with bytes that are not text in the encoding, replace them by U+FFFD, or skip "
    "them; replaced and skipped ones are counted."
)
GLOB_HELP = "Files to read in directories; can be repeated."

F = TypeVar("F", bound=Callable[..., Any])


def setting(
    config: type[Config],
    name: str,
    *declarations: str,
    help_text: str,
    automatic: bool = False,
    **attributes: Any,
) -> Callable[[F], F]:
    """An option for a setting: None unless given, its default shown in the help.

    Args:
        config: The class of the setting.
        name: Its name.
        declarations: Names of the option, if they differ from the setting's.
        help_text: What it is for.
        automatic: Whether textgen chooses its default in most trainings; the help of the command
            says when.
        attributes: Further arguments of click's option.
    """
    default = next(field.default for field in fields(config) if field.name == name)  # type: ignore[arg-type]
    if automatic:
        help_text += f"  [default: automatic; {format_value(default)} otherwise]"
    elif default not in (None, (), "") and "[default:" not in help_text:
        help_text += f"  [default: {format_value(default)}]"
    options = declarations or (f"--{name.replace('_', '-')}",)
    return cloup.option(*options, name, default=None, help=help_text, **attributes)


def chosen(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that the user chose on the command line."""
    return {name: value for name, value in values.items() if value not in (None, ())}


def settings_of(config: type[Config], values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of one class among several."""
    names = {field.name for field in fields(config)}  # type: ignore[arg-type]
    return {name: value for name, value in values.items() if name in names}


def _set_debug(_context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001
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
        callback=_set_debug,
        help="Show tracebacks and the framework's own messages.",
    )(function)


def is_debugging() -> bool:
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


def mix_weights(help_text: str) -> Callable[[F], F]:
    """`--mix` and `--mix-by`."""

    def decorate(function: F) -> F:
        function = cloup.option(
            "--mix-by",
            type=click.Choice(MIX_BY),
            help="Mix the models' probabilities: write what any of them would. Or their logits: "
            f"write what all of them would.  [default: {Mix.by}]",
        )(function)
        return cloup.option("--mix", metavar="W,W...[:W,W...]", help=help_text)(function)

    return decorate


def model_or_mix(help_text: str) -> Callable[[F], F]:
    """`--model DIR`, once or several times, `--mix` and `--mix-by`; for `chosen_model`."""

    def decorate(function: F) -> F:
        function = mix_weights(
            "How much each of several models counts, adding up to 1, as in 0.7,0.3; 1,0:0,1 "
            "changes from one to the other over each text.  [default: equal weights]"
        )(function)
        return cloup.option(
            "--model",
            "models",
            type=ONE_PATH,
            multiple=True,
            metavar="DIR",
            shell_complete=DIRECTORIES,
            envvar="TEXTGEN_MODEL",
            default=(DEFAULT_MODEL,),
            show_default=True,
            show_envvar=True,
            help=f"{help_text} Repeat the option to let several models predict as one.",
        )(function)

    return decorate


def chosen_model(models: Sequence[Path], mix: str | None, mix_by: str | None) -> Path | Mix:
    """The model of `model_or_mix`, or the mix of several.

    Raises:
        SettingsError: the weights do not fit the models.
    """
    if len(models) == 1 and mix is None:
        if mix_by is not None:
            raise click.UsageError("--mix-by is for several models; give a --model for each")
        return models[0]
    weights, to = parse_mix(mix) if mix is not None else ((), ())
    return Mix(models, weights, to, mix_by or Mix.by)


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


def texts(*, required: bool) -> Callable[[F], F]:
    """The texts that a trained model reads."""
    metavar = "TEXT..." if required else "[TEXT]..."
    return cloup.argument("texts", metavar=metavar, nargs=-1, shell_complete=FILES)


def output_directory(function: F) -> F:
    """`-o DIR`."""
    return cloup.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        required=True,
        metavar="DIR",
        shell_complete=DIRECTORIES,
        help="Directory to write.",
    )(function)


def page(default: str | None) -> Callable[[F], F]:
    """`-o PAGE` and `--force`."""

    def decorate(function: F) -> F:
        function = cloup.option("--force", is_flag=True, help="Replace an existing page.")(function)
        return cloup.option(
            "-o",
            "--output",
            metavar="PAGE",
            shell_complete=FILES,
            default=default,
            show_default=default is not None,
            help="HTML page to write; - for standard output.",
        )(function)

    return decorate


def output_format(json_name: str, help_text: str) -> Callable[[F], F]:
    """`--format text` or a machine-readable format."""
    return cloup.option(
        "--format",
        "output_format",
        type=click.Choice(["text", json_name]),
        default="text",
        show_default=True,
        help=help_text,
    )


def context(help_text: str) -> Callable[[F], F]:
    """`--context carry|window`."""
    return cloup.option(
        "--context", type=click.Choice(CONTEXTS), help=f"{help_text}  {_AS_TRAINED}"
    )


def reading(function: F) -> F:
    """`--encoding`, `--decoding-errors` and `--glob` of a text that a trained model reads."""
    function = cloup.option(
        "--glob",
        multiple=True,
        metavar="PATTERN",
        default=CorpusConfig.glob,
        help=f"{GLOB_HELP}  [default: {format_value(CorpusConfig.glob)}]",
    )(function)
    function = cloup.option(
        "--decoding-errors",
        type=click.Choice(DECODING_ERRORS),
        help=f"{DECODING_ERRORS_HELP}  {_AS_TRAINED}",
    )(function)
    return cloup.option("--encoding", metavar="NAME", help=f"{ENCODING_HELP}  {_AS_TRAINED}")(
        function
    )
