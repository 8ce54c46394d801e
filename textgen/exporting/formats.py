"""Each format: the file it is, the packages it needs, how it is written and run.

Knows converters and runtimes; knows nothing of vocabularies, of where files go or of what is
right. A model is run as a program elsewhere would run it, by the names of signature.json.
"""

import contextlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.exporting import onestep, plain
from textgen.exporting.plain import Step
from textgen.exporting.signature import Signature

Weights = Sequence[npt.NDArray[Any]]


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        file: The model's file or directory.
        write: Writes a model to a path.
        load: Its step in its own runtime, from inputs by name to outputs by name.
        packages: What writing and running import, beyond what textgen always has.
        keras: Whether Keras writes it.
    """

    file: str
    write: Callable[[Path, Signature, Weights], object]
    load: Callable[[Path, Signature], Step]
    packages: tuple[str, ...] = ()
    keras: bool = True


def _through_keras(name: str) -> Callable[[Path, Signature, Weights], object]:
    def write(path: Path, signature: Signature, weights: Weights) -> None:
        model = onestep.build(signature, weights)
        # Keras 3.13 tells of its LiteRT export there, verbose or not.
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

    # A GPU may multiply with fewer digits, and it is the file that is to be held against ours.
    with tensorflow.device("CPU:0"):
        loaded = tensorflow.saved_model.load(str(path))
    serve = loaded.signatures["serving_default"]

    def step(inputs: dict[str, Any]) -> dict[str, Any]:
        with tensorflow.device("CPU:0"):
            tensors = {name: tensorflow.constant(one) for name, one in inputs.items()}
            return {name: one.numpy() for name, one in serve(**tensors).items()}

    return step


def _write_numpy(path: Path, signature: Signature, weights: Weights) -> None:
    np.savez(path, **plain.arrays(signature, weights))


FORMATS = {
    "onnx": Format(
        "model.onnx", _through_keras("onnx"), _load_onnx, ("onnx", "tf2onnx", "onnxruntime")
    ),
    "litert": Format("model.tflite", _through_keras("litert"), _load_litert, ("ai_edge_litert",)),
    "saved-model": Format("saved_model", _through_keras("tf_saved_model"), _load_saved_model),
    "numpy": Format("model.npz", _write_numpy, plain.load, keras=False),
}
