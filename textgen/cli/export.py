"""`textgen export`."""

from pathlib import Path

import click
import cloup

from textgen.cli import base_command, console, options, streams
from textgen.cli.formatting import format_size
from textgen.settings import EXPORT_FORMATS


@cloup.command("export", cls=base_command.Command)
@options.model("Model directory to export.")
@cloup.option(
    "--format",
    "output_format",
    type=click.Choice(EXPORT_FORMATS),
    default=EXPORT_FORMATS[0],
    show_default=True,
    help="ONNX, LiteRT (TensorFlow Lite), a TensorFlow SavedModel, or plain arrays.",
)
@options.output_directory
@cloup.option("--force", is_flag=True, help="Replace an existing export.")
@options.debug
def command(directory: Path, output_format: str, output: Path, force: bool) -> None:  # noqa: FBT001
    """Write a model for other programs to run.

    The export computes one step of the network: from the id of a token (a character or a subword)
    and the states, the probabilities of the next token and the new states. Before it is written to
    DIR, it is run in its own runtime along 500 tokens, and its predictions are compared with
    textgen's.
    docs/export.md shows how to generate with each format.

    \b
        textgen export --format onnx -o exported
        textgen export --model small --format numpy -o small-numpy
    """
    debug = options.is_debugging()
    if not debug:
        streams.silence_frameworks()

    from textgen.exporting import export

    result = export(directory, output, output_format, force=force, device="cpu", debug=debug)
    console.note(f"textgen: wrote {output} ({output_format}, {format_size(result.size)})")
    console.note(
        f"textgen: run along {result.characters} characters, it gives textgen's probabilities; the "
        f"largest difference is {result.difference:.1e}"
    )
