"""`export`: a trained model for other programs, in the format that was chosen."""

from pathlib import Path

from textgen.errors import SettingsError
from textgen.exporting.result import ExportResult
from textgen.exporting.step_export import export_step
from textgen.exporting.web.export import export_web
from textgen.settings import EXPORT_FORMATS, WEB_FORMATS, check_choice


def export(
    model: str | Path,
    output: str | Path,
    format: str = "onnx",  # noqa: A002
    *,
    weights: str | None = None,
    force: bool = False,
    device: str = "auto",
    debug: bool = False,
) -> ExportResult:
    """Write a trained model for other programs, or as a page that generates text.

    `html` is one file: a page with the model in it, which needs nothing else. `js` is a directory
    with the same engine alone, an ES module, and the model. Each of the other formats is a
    directory with one step of the network, with its states as inputs and outputs.

    The written model is run along 500 tokens: `html` and `js` in Node or a browser if there is
    one, the others in their own runtime. If its probabilities differ from textgen's, nothing is
    written.

    Args:
        model: A model directory.
        output: The directory to create, or for `html` the file; it is complete or absent.
        format: `onnx`, `litert`, `saved-model`, `numpy`, `html` or `js`.
        weights: For `html` and `js`: `float32`, `float16` or `int8`; None for `float16`.
        force: Replace an export that exists.
        device: `cpu` hides all GPUs from this process; an export does not need them.
        debug: Show the frameworks' own log lines.

    Raises:
        SettingsError: an unknown format, or weights that it does not have.
        ModelError: no model, or a damaged one.
        OutputError: the output exists, or cannot be written.
        ExportError: a package is missing, a weight is too large for float16, or the written model
            predicts something else.
        UsageError: Keras runs on something other than TensorFlow in this process already.

    Example:
        >>> textgen.export("textgen-model", "exported", "numpy").difference  # doctest: +SKIP
        1.7881393432617188e-07
        >>> textgen.export("textgen-model", "page.html", "html").size  # doctest: +SKIP
        1042817
    """
    check_choice("format", format, EXPORT_FORMATS)
    if format in WEB_FORMATS:
        return export_web(model, Path(output), format, weights=weights, force=force)
    if weights is not None:
        raise SettingsError("weights", "is for the formats html and js; leave it out")
    return export_step(model, Path(output), format, force=force, device=device, debug=debug)
