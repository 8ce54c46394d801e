"""`textgen export`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import cloup

from textgen.cli import base_command, console, options, streams
from textgen.cli.formatting import format_size
from textgen.cli.output import Output
from textgen.cli.types import FILES
from textgen.settings import (
    DEFAULT_WEIGHTS,
    EXPORT_FORMATS,
    WEIGHT_DTYPES,
)

if TYPE_CHECKING:
    from textgen.exporting.result import ExportResult, StoredWeights


@cloup.command("export", cls=base_command.Command)
@options.model("Model directory to export.")
@cloup.option(
    "--format",
    "output_format",
    type=click.Choice(EXPORT_FORMATS),
    default=EXPORT_FORMATS[0],
    show_default=True,
    help="ONNX, LiteRT (TensorFlow Lite), a TensorFlow SavedModel, plain arrays, a web page, or "
    "JavaScript.",
)
@cloup.option(
    "--weights",
    type=click.Choice(WEIGHT_DTYPES),
    help="How html and js store the weights: the fewer bits, the smaller the file; the loss that "
    f"it costs is shown.  [default: {DEFAULT_WEIGHTS}]",
)
@cloup.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    required=True,
    metavar="PATH",
    shell_complete=FILES,
    help="Directory to write; for html the file, or - for standard output.",
)
@cloup.option("--force", is_flag=True, help="Replace an existing export.")
@options.debug
def command(
    directory: Path,
    output_format: str,
    weights: str | None,
    output: Path,
    force: bool,  # noqa: FBT001
) -> None:
    """Write a model as a web page, or for other programs to run.

    html is one page that generates text: it opens from the disk, has the model in it, and needs no
    network. js is the same for programs: a module for browsers and Node, and the model.

    The other formats compute one step of the network: from the id of a token (a character or a
    subword) and the states, the probabilities of the next token and the new states.

    Before an export is kept, it is run along 500 tokens, and its predictions are compared with
    textgen's: html and js in Node or a browser if there is one, the others in their own runtime.
    docs/export.md shows how to generate with each format.

    \b
        textgen export --format html -o page.html
        textgen export --format js --weights int8 -o web
        textgen export --format onnx -o exported
        textgen export --model small --format numpy -o small-numpy
    """
    if str(output) == "-":
        if output_format != "html":
            raise click.UsageError(
                f"{output_format} is a directory; give it a name, as in -o exported"
            )
        _write_page(directory, output, weights)
        return
    debug = options.is_debugging()
    if not debug:
        streams.silence_frameworks()

    from textgen.exporting import export

    result = export(
        directory, output, output_format, weights=weights, force=force, device="cpu", debug=debug
    )
    _note_result(result)


def _write_page(directory: Path, output: Path, weights: str | None) -> None:
    """Write a page to standard output."""
    out = Output()
    from textgen.exporting.web.export import make_web_export

    made = make_web_export(directory, "html", weights)
    (page,) = made.files.values()
    out.write(page.decode())
    _note_result(made.result(output, "html"))


def _note_result(result: "ExportResult") -> None:
    """Write what was exported, how it predicts, and what its weights cost."""
    stored = result.weights
    sizes = format_size(result.size)
    if stored is not None:
        sizes += "".join(
            f"; {format_size(size)} with --weights {dtype}"
            for dtype, size in stored.sizes.items()
            if dtype != stored.dtype
        )
    place = "a page" if str(result.path) == "-" else result.path
    console.note(f"textgen: wrote {place} ({result.format}, {sizes})")
    if result.difference is None:
        console.note(
            "textgen: not compared with textgen's probabilities: neither Node nor Chromium could "
            "run it on this machine"
        )
    else:
        console.note(
            f"textgen: run in {result.runtime} along {result.characters} characters, it gives "
            f"textgen's probabilities; the largest difference is {result.difference:.1e}"
        )
    if stored is not None:
        console.note(f"textgen: {_describe_losses(stored)}")


def _describe_losses(stored: "StoredWeights") -> str:
    """What each way to store the weights adds to the loss."""
    if not stored.losses:
        return "what the weights cost was not measured: the model directory has no validation text"
    losses = {
        dtype: f"{abs(loss) if abs(loss) < 5e-5 else loss:.4f}"
        for dtype, loss in stored.losses.items()
    }
    others = ", ".join(f"{dtype} {loss}" for dtype, loss in losses.items() if dtype != stored.dtype)
    return (
        f"{stored.dtype} weights cost {losses[stored.dtype]} nats per character ({others}), "
        f"measured on {stored.characters:,} characters of validation text"
    )
