"""Exporting a model: read it, write it in the format, verify what was written, put it in place.

An export is a directory that is complete or absent:

    model.onnx, model.tflite, saved_model/ or model.npz
    vocabulary.json  characters, or tokens, in the order of their ids
    tokenizer.json   for subwords: how text becomes ids
    signature.json   inputs, outputs and states of a step; the window; the id that ends a document;
                     labels; for NumPy the arrays
    manifest.json    size and SHA-256 of each
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import textgen
from textgen import packages, storage
from textgen.errors import ExportError
from textgen.exporting.formats import FORMATS, Format
from textgen.exporting.signature import Signature
from textgen.exporting.step_numpy import named_arrays
from textgen.exporting.verification import largest_difference, verification_ids
from textgen.exporting.vocabulary_files import vocabulary_files
from textgen.model.model_dir import read_model
from textgen.settings import EXPORT_FORMATS, check_choice
from textgen.text.documents.labels import Labels

EXPORT_KIND = storage.DirectoryKind(
    "model export", version=1, error=ExportError, remedy="export it again with `textgen export`"
)
# Of a probability. Float32 arithmetic in another order differs by some 1e-6; over 500 characters,
# networks of short texts have multiplied that to 1e-4. A wrong model differs by far more.
TOLERANCE = 5e-4

_SIGNATURE = "signature.json"


@dataclass(frozen=True)
class ExportResult:
    """An export that was written and verified.

    Attributes:
        directory: Where it is.
        format: Its format.
        size: Bytes of all its files.
        difference: The largest difference between its probabilities and textgen's own.
        characters: The number of characters on which they were compared.
    """

    directory: Path
    format: str
    size: int
    difference: float
    characters: int


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
    export_format, output = FORMATS[format], Path(output)
    storage.check_target(output, EXPORT_KIND, force=force)
    _check_packages(format, export_format)
    trained = read_model(model)
    record, settings = trained.record, trained.record.settings
    window = None if settings.training.carry_state else settings.windows.maxlen
    signature = Signature(settings.model, record.vocabulary.size, window)
    with ExitStack() as stack:
        if export_format.keras:
            stack.enter_context(_keras(device, debug=debug))
        directory = stack.enter_context(storage.create_directory(output, EXPORT_KIND, force=force))
        file = directory / export_format.file
        export_format.write(file, signature, trained.weights)
        step = export_format.load(file, signature)
        ids = verification_ids(record)
        difference = largest_difference(step, signature, trained.network(), ids)
        if not difference <= TOLERANCE:
            raise ExportError(
                f"the model as {format} predicts something else: probabilities differ by "
                f"{difference:.2g}, and {TOLERANCE:g} is allowed; nothing was written; try other "
                "versions of the converters, or another format"
            )
        about: dict[str, Any] = {"textgen": textgen.__version__, "format": format}
        about |= {"file": export_format.file, **signature.to_json()}
        about["labels"] = _describe_labels(record.labels, signature)
        if format == "numpy":
            about["arrays"] = [
                {"name": name, "dtype": "float32", "shape": list(array.shape)}
                for name, array in named_arrays(signature, trained.weights).items()
            ]
        for name, content in vocabulary_files(record.vocabulary).items():
            (directory / name).write_bytes(content)
        (directory / _SIGNATURE).write_bytes(storage.encode_json(about))
        size = _write_manifest(directory)
    characters = record.vocabulary.count_characters(ids[:, 0])
    return ExportResult(output, format, size, difference, characters)


def _describe_labels(labels: Labels | None, signature: Signature) -> list[dict[str, Any]]:
    """What the ids of each input for labels mean: 0 none, 1 the first value, and so on."""
    fields = labels.fields if labels else ()
    return [
        {"input": name, "name": field.name, "values": field.values, "rare": field.rare_id}
        for name, field in zip(signature.labels, fields, strict=True)
    ]


def _check_packages(name: str, export_format: Format) -> None:
    missing = [name for name in export_format.packages if not packages.is_installed(name)]
    if missing:
        raise ExportError(
            f"an export to {name} needs {' and '.join(missing)}, which write and test it; "
            "pip install 'keras-textgen[export]'"
        )


@contextmanager
def _keras(device: str, *, debug: bool) -> Iterator[None]:
    """Keras, to build a network and convert it; global settings are restored afterwards."""
    from textgen.compute import runtime, session

    runtime.start(device, "tensorflow", debug=debug)  # the only one whose exports have all formats
    with runtime.importing(debug=debug), session.keras_defaults(), session.seeded(0):
        yield


def _write_manifest(directory: Path) -> int:
    """Write the manifest of a directory and return the bytes of all other files."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    files = {path.relative_to(directory).as_posix(): storage.describe_file(path) for path in paths}
    storage.write_manifest(directory, EXPORT_KIND, files)
    return sum(entry["bytes"] for entry in files.values())
