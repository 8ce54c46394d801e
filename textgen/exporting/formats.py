"""Each format: its file, the packages it needs, how it is written and run.

A model is run as another program would run it, with the names of signature.json. To add a format,
add it to FORMATS and its name to `textgen.settings.STEP_FORMATS`.
"""

import contextlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.exporting.signature import Signature
from textgen.exporting.step_keras import build_step
from textgen.exporting.step_numpy import Step, load_step, named_arrays

Weights = Sequence[npt.NDArray[Any]]


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        file: The model's file or directory.
        write: Writes a model to a path.
        runtime: What runs it.
        load: Loads its step in its own runtime, from inputs by name to outputs by name.
        packages: Packages that it needs beyond those that textgen always has.
        keras: Whether Keras writes it.
    """

    file: str
    runtime: str
    write: Callable[[Path, Signature, Weights], object]
    load: Callable[[Path, Signature], Step]
    packages: tuple[str, ...] = ()
    keras: bool = True


def _write_with_keras(name: str) -> Callable[[Path, Signature, Weights], object]:
    def write(path: Path, signature: Signature, weights: Weights) -> None:
        model = build_step(signature, weights)
        # Keras 3.13 prints lines about its LiteRT export even with verbose=False.
        with contextlib.redirect_stdout(io.StringIO()):
            model.export(str(path), format=name, verbose=False)

    return write


def _load_onnx(path: Path, signature: Signature) -> Step:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = list(signature.outputs)
    return lambda inputs: dict(zip(names, session.run(names, inputs), strict=True))


def _load_litert(path: Path, _signature: Signature) -> Step:
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(path)).get_signature_runner()
    return lambda inputs: dict(runner(**inputs))


def _load_saved_model(path: Path, _signature: Signature) -> Step:
    import tensorflow

    # A GPU may multiply with fewer digits; the comparison is about the file.
    with tensorflow.device("CPU:0"):
        loaded = tensorflow.saved_model.load(str(path))
    serve = loaded.signatures["serving_default"]

    def step(inputs: dict[str, Any]) -> dict[str, Any]:
        with tensorflow.device("CPU:0"):
            tensors = {name: tensorflow.constant(array) for name, array in inputs.items()}
            return {name: tensor.numpy() for name, tensor in serve(**tensors).items()}

    return step


def _write_numpy(path: Path, signature: Signature, weights: Weights) -> None:
    np.savez(path, **named_arrays(signature, weights))


FORMATS = {
    "onnx": Format(
        "model.onnx",
        "onnxruntime",
        _write_with_keras("onnx"),
        _load_onnx,
        ("onnx", "tf2onnx", "onnxruntime"),
    ),
    "litert": Format(
        "model.tflite", "LiteRT", _write_with_keras("litert"), _load_litert, ("ai_edge_litert",)
    ),
    "saved-model": Format(
        "saved_model", "TensorFlow", _write_with_keras("tf_saved_model"), _load_saved_model
    ),
    "numpy": Format("model.npz", "NumPy", _write_numpy, load_step, keras=False),
}
