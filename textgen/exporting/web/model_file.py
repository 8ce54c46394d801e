"""The file of a model for JavaScript: JSON with the weights in base64."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import textgen
from textgen.errors import ExportError
from textgen.exporting.signature import Signature
from textgen.exporting.step_numpy import named_arrays
from textgen.model.model_dir import TrainedModel
from textgen.settings import WEIGHT_DTYPES, check_choice
from textgen.text.documents.labels import Labels
from textgen.text.tokens.words import word_pattern

FORMAT, VERSION = "textgen-model", 1

_SEEDS = 5  # texts to start from
_ALIGNMENT = 4  # bytes: JavaScript's typed arrays begin at multiples of their numbers' sizes
_INT8_LARGEST = 127

Floats = npt.NDArray[np.float32]


def write_model_file(trained: TrainedModel, name: str, dtype: str = "float16") -> bytes:
    """The file of a model, which the engine loads.

    Args:
        trained: The model.
        name: What pages call it.
        dtype: How weights are stored: `float32`, `float16` or `int8`.

    Returns:
        JSON in UTF-8. Its weights are little endian, in base64. Each array has a name, a shape and
        an offset in bytes; a matrix of int8 also has the offset of its scales, a float32 number for
        each column. Biases are not stored as int8.

    Raises:
        SettingsError: an unknown dtype.
        ExportError: a weight is too large for float16.

    Example:
        >>> trained = textgen.model.read_model("textgen-model")  # doctest: +SKIP
        >>> content = write_model_file(trained, "shakespeare", "float16")  # doctest: +SKIP
    """
    check_choice("weights", dtype, WEIGHT_DTYPES)
    record = trained.record
    vocabulary, model = record.vocabulary, record.settings.model
    window = record.window()
    content: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "textgen": textgen.__version__,
        "name": name,
        "cell": model.cell,
        "units": list(model.units),
        "window": window,
        "characters": vocabulary.characters,
        "merges": [list(merge) for merge in vocabulary.merges],
        "has_unknown": vocabulary.has_unknown,
        "document_end": vocabulary.document_end_id,
        "excluded": trained.sampler().excluded,
        **_describe_labels(record.labels),
        "seeds": [] if vocabulary.has_document_end else list(record.seeds[:_SEEDS]),
    }
    if vocabulary.merges:
        content["word_pattern"] = word_pattern(vocabulary.characters)
    arrays = named_arrays(Signature(model, vocabulary.size, window), trained.weights)
    content["weights"] = _encode_weights(arrays, dtype)
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def round_weights(weights: Sequence[Floats], dtype: str) -> list[Floats]:
    """The weights that the engine computes with when they are stored as a dtype.

    Args:
        weights: float32 arrays as `weight_specs` lists them.
        dtype: As for `write_model_file`.

    Returns:
        float32 arrays of the same shapes.

    Raises:
        SettingsError, ExportError: As for `write_model_file`.

    Example:
        >>> round_weights([np.array([[1.0, -0.5], [0.3, 0.25]], np.float32)], "int8")[0].round(4)
        array([[ 1.    , -0.5   ],
               [ 0.2992,  0.252 ]], dtype=float32)
    """
    check_choice("weights", dtype, WEIGHT_DTYPES)
    return [_round(np.asarray(array, np.float32), dtype) for array in weights]


def _round(array: Floats, dtype: str) -> Floats:
    if dtype == "float16":
        return _to_half(array).astype(np.float32)
    if _is_int8(array, dtype):
        numbers, scales = _to_int8(array)
        return numbers.astype(np.float32) * scales
    return array


def _encode_weights(arrays: dict[str, Floats], dtype: str) -> dict[str, Any]:
    """What a model file says about weights, and their bytes."""
    data = bytearray()

    def add(array: npt.NDArray[Any]) -> int:
        """Append an array to the data; returns its offset."""
        data.extend(bytes(-len(data) % _ALIGNMENT))
        offset = len(data)
        data.extend(array.astype(array.dtype.newbyteorder("<")).tobytes())
        return offset

    entries = []
    for name, array in arrays.items():
        entry: dict[str, Any] = {"name": name, "shape": list(array.shape)}
        if _is_int8(array, dtype):
            numbers, scales = _to_int8(array)
            entry |= {"dtype": "int8", "offset": add(numbers), "scales": add(scales)}
        elif dtype == "float16":
            entry |= {"dtype": "float16", "offset": add(_to_half(array))}
        else:
            entry |= {"dtype": "float32", "offset": add(array)}
        entries.append(entry)
    return {"dtype": dtype, "arrays": entries, "data": base64.b64encode(data).decode()}


def _describe_labels(labels: Labels | None) -> dict[str, Any]:
    """Kinds of labels (id 0 is none, 1 the first value, and so on), and ids that occur together."""
    fields = labels.fields if labels else ()
    combinations = labels.combinations if labels else ()
    return {
        "labels": [
            {"name": field.name, "values": list(field.values), "rare": field.rare_id}
            for field in fields
        ],
        "label_combinations": [[list(ids), count] for ids, count in combinations],
    }


def _to_half(array: Floats) -> npt.NDArray[np.float16]:
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    if not np.isfinite(half).all():
        raise ExportError(
            "the model has a weight that is too large for float16; export it with --weights float32"
        )
    return half


def _is_int8(array: Floats, dtype: str) -> bool:
    """Whether an array is stored as int8: biases are few, and are added as they are."""
    # One row is a bias; two are those of a GRU.
    return dtype == "int8" and array.ndim == 2 and array.shape[0] > 2


def _to_int8(array: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """A matrix as integers and the scale of each column."""
    largest = np.abs(array).max(axis=0)
    scales = np.where(largest > 0, largest / np.float32(_INT8_LARGEST), np.float32(1))
    scales = scales.astype(np.float32)
    return np.rint(array / scales).astype(np.int8), scales
