"""Exporting one step of a network: write it, verify what was written, describe it.

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
from pathlib import Path
from typing import Any

import textgen
from textgen import packages, storage
from textgen.errors import ExportError
from textgen.exporting.formats import FORMATS, Format
from textgen.exporting.result import EXPORT_KIND, ExportResult, write_manifest
from textgen.exporting.signature import Signature
from textgen.exporting.step_numpy import named_arrays
from textgen.exporting.verification import largest_difference, verification_ids
from textgen.exporting.vocabulary_files import vocabulary_files
from textgen.model.model_dir import TrainedModel, read_model
from textgen.text.documents.labels import Labels

# Of a probability. Float32 arithmetic in another order differs by some 1e-6; over 500 characters,
# networks of short texts have multiplied that to 1e-4. A wrong model differs by far more.
TOLERANCE = 5e-4

_SIGNATURE = "signature.json"


def export_step(
    model: str | Path, output: Path, name: str, *, force: bool, device: str, debug: bool
) -> ExportResult:
    """Write one step of a trained network to a directory, with its states as inputs and outputs.

    Args:
        model: A model directory.
        output: The directory to create; it is complete or absent.
        name: One of `FORMATS`.
        force, device, debug: As for `textgen.export`.

    Raises:
        TextgenError: as `textgen.export`.
    """
    storage.check_target(output, EXPORT_KIND, force=force)
    export_format = FORMATS[name]
    _check_packages(name, export_format)
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
        ids = verification_ids(record)
        difference = largest_difference(
            export_format.load(file, signature), signature, trained.network(), ids
        )
        if not difference <= TOLERANCE:
            raise ExportError(
                f"the model as {name} predicts something else: probabilities differ by "
                f"{difference:.2g}, and {TOLERANCE:g} is allowed; nothing was written; try other "
                "versions of the converters, or another format"
            )
        for file_name, content in vocabulary_files(record.vocabulary).items():
            (directory / file_name).write_bytes(content)
        about = _describe(name, signature, trained)
        (directory / _SIGNATURE).write_bytes(storage.encode_json(about))
        size = write_manifest(directory)
    characters = record.vocabulary.count_characters(ids[:, 0])
    return ExportResult(output, name, size, export_format.runtime, difference, characters)


def _describe(name: str, signature: Signature, trained: TrainedModel) -> dict[str, Any]:
    """What signature.json says."""
    about: dict[str, Any] = {"textgen": textgen.__version__, "format": name}
    about |= {"file": FORMATS[name].file, **signature.to_json()}
    about["labels"] = _describe_labels(trained.record.labels, signature)
    if name == "numpy":
        about["arrays"] = [
            {"name": name, "dtype": "float32", "shape": list(array.shape)}
            for name, array in named_arrays(signature, trained.weights).items()
        ]
    return about


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
