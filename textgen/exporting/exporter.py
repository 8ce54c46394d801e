"""`export`: a trained model for other programs, in the format that was chosen."""

from pathlib import Path

from textgen.exporting.result import ExportResult
from textgen.exporting.step_export import export_step
from textgen.settings import EXPORT_FORMATS, check_choice


def export(
    model: str | Path,
    output: str | Path,
    format: str = "onnx",  # noqa: A002
    *,
    force: bool = False,
    device: str = "auto",
    debug: bool = False,
) -> ExportResult:
    """Write a trained model for other programs: one step, with its states as inputs and outputs.

    The written model is run in its own runtime on 500 tokens. If its probabilities differ from
    textgen's, nothing is written.

    Args:
        model: A model directory.
        output: The directory to create; it is complete or absent.
        format: `onnx`, `litert`, `saved-model` or `numpy`.
        force: Replace an export that exists.
        device: `cpu` hides all GPUs from this process; an export does not need them.
        debug: Show the frameworks' own log lines.

    Raises:
        SettingsError: an unknown format.
        ModelError: no model, or a damaged one.
        OutputError: the output exists, or cannot be written.
        ExportError: a package is missing, or the written model predicts something else.
        UsageError: Keras runs on something other than TensorFlow in this process already.

    Example:
        >>> textgen.export("textgen-model", "exported", "numpy").difference  # doctest: +SKIP
        1.7881393432617188e-07
    """
    check_choice("format", format, EXPORT_FORMATS)
    return export_step(model, Path(output), format, force=force, device=device, debug=debug)
