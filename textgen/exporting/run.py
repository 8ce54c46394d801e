"""The whole way of an export: read a model, write it, run what was written, put it in place.

Knows model directories and what makes an export right; knows nothing of converters and runtimes.
An export is a directory, whole or absent:

    model.onnx, model.tflite, saved_model/ or model.npz
    vocabulary.json  characters in the order of their ids, as in the model directory
    signature.json   inputs, outputs and states of a step; the window; for NumPy the arrays
    manifest.json    size and SHA-256 of each
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import textgen
from textgen import packages, storage
from textgen.errors import ExportError
from textgen.exporting import plain
from textgen.exporting.formats import FORMATS, Format
from textgen.exporting.plain import Step
from textgen.exporting.signature import ID, PROBABILITIES, Signature
from textgen.model import model_dir
from textgen.model.record import ModelRecord
from textgen.sampling.decoding import log_probabilities
from textgen.sampling.network import Network
from textgen.settings import EXPORT_FORMATS, check_choice

KIND = storage.DirectoryKind(
    "model export", version=1, error=ExportError, remedy="export it again with `textgen export`"
)
TOLERANCE = 1e-4  # of a probability; float32 arithmetic in another order differs by some 1e-6
CHARACTERS = 500

_VOCABULARY, _SIGNATURE = "vocabulary.json", "signature.json"


@dataclass(frozen=True)
class Exported:
    """An export that was written and verified.

    Attributes:
        directory: Where it is.
        format: Which one.
        size: Bytes of all its files.
        difference: The largest between a probability that it gave and textgen's own.
        characters: The number of characters along which they were compared.
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
) -> Exported:
    """Write a trained model as one step with its states in and out, for other programs to run.

    What was written is run in its own runtime along 500 characters, and kept only if its
    probabilities are those of textgen.

    Args:
        model: A model directory.
        output: The directory to make; it is there whole, or not at all.
        format: `onnx`, `litert`, `saved-model` or `numpy`.
        force: Replace an export that is there.
        device: `cpu` hides all GPUs from this process, which an export has no use for.
        debug: Leave the frameworks' own log lines on.

    Raises:
        SettingsError: an unknown format.
        ModelError: no model, or a damaged one.
        OutputError: the output exists, or cannot be written.
        ExportError: a package is missing, or what was written predicts something else.
        UsageError: Keras runs on something other than TensorFlow in this process already.

    Example:
        >>> textgen.export("textgen-model", "exported", "numpy").difference  # doctest: +SKIP
        1.7881393432617188e-07
    """
    check_choice("format", format, EXPORT_FORMATS)
    chosen, output = FORMATS[format], Path(output)
    storage.check_target(output, KIND, force=force)
    _check_packages(format, chosen)
    trained = model_dir.read_model(model)
    record, settings = trained.record, trained.record.settings
    window = None if settings.training.carry_state else settings.windows.maxlen
    signature = Signature(settings.model, record.vocabulary.size, window)
    with ExitStack() as until_the_end:
        if chosen.keras:
            until_the_end.enter_context(_keras(device, debug=debug))
        directory = until_the_end.enter_context(storage.create_directory(output, KIND, force=force))
        file = directory / chosen.file
        chosen.write(file, signature, trained.weights)
        step = chosen.load(file, signature)
        difference = compare(step, signature, trained.network(), _text(record))
        if not difference <= TOLERANCE:
            raise ExportError(
                f"the model as {format} predicts something else: probabilities differ by "
                f"{difference:.2g}, and {TOLERANCE:g} is allowed; nothing was written; try other "
                "versions of the converters, or another format"
            )
        about: dict[str, Any] = {"textgen": textgen.__version__, "format": format}
        about |= {"file": chosen.file, **signature.to_json()}
        if format == "numpy":
            about["arrays"] = [
                {"name": name, "dtype": "float32", "shape": list(array.shape)}
                for name, array in plain.arrays(signature, trained.weights).items()
            ]
        (directory / _VOCABULARY).write_bytes(record.vocabulary.to_bytes())
        (directory / _SIGNATURE).write_bytes(storage.encode_json(about))
        size = _list(directory)
    return Exported(output, format, size, difference, CHARACTERS)


def compare(
    step: Step, signature: Signature, network: Network, ids: npt.NDArray[np.int32]
) -> float:
    """The largest difference between the probabilities of two networks along texts.

    States are handed on from character to character, and are zero again after each window of a
    model that was trained on windows.

    Args:
        step: One network's step, from inputs by name to outputs by name.
        signature: What a step is.
        network: The other one.
        ids: Texts side by side, of shape (characters, texts).

    Returns:
        The largest absolute difference; nan where one of them is not a number.
    """
    reader = network.reader(ids.shape[1:])
    differences = []
    states: dict[str, Any] = {}
    for place, one in enumerate(ids):
        if place % (signature.window or len(ids)) == 0:
            reader.reset(...)
            states = {
                state.name: np.zeros((ids.shape[1], state.units), np.float32)
                for state in signature.states
            }
        outputs = step({ID: one, **states})
        expected = np.exp(log_probabilities(reader.step(one)))
        differences.append(np.abs(outputs[PROBABILITIES] - expected).max())
        states = {state.name: outputs[state.next] for state in signature.states}
    return float(np.max(differences))


def _text(record: ModelRecord) -> npt.NDArray[np.int32]:
    """The seeds of a model, there and back side by side, so that more than one text is tried."""
    ids = record.vocabulary.encode("".join(record.seeds)[:CHARACTERS])
    known = ids[ids >= 0] if (ids >= 0).any() else np.arange(record.vocabulary.size)
    forward = np.resize(known, CHARACTERS).astype(np.int32)
    return np.stack([forward, forward[::-1]], axis=1)


def _check_packages(name: str, chosen: Format) -> None:
    missing = [one for one in chosen.packages if not packages.is_installed(one)]
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


def _list(directory: Path) -> int:
    """Write the manifest of a directory; the bytes of all files."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    files = {path.relative_to(directory).as_posix(): storage.describe_file(path) for path in paths}
    storage.write_manifest(directory, KIND, files)
    return sum(entry["bytes"] for entry in files.values())
