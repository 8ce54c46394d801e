"""One step of every kind of network in every format, run in the format's own runtime."""

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from textgen.exporting.formats import FORMATS
from textgen.exporting.signature import Signature
from textgen.exporting.verification import largest_difference
from textgen.sampling.network import Network, weight_specs
from textgen.settings import STEP_FORMATS, ModelConfig

SIZE = 11
NETWORKS = {
    "lstm-lstm": ModelConfig(cell="lstm", units=(7, 6), embedding=0),
    "rnn-rnn": ModelConfig(cell="rnn", units=(7, 6), embedding=5),
    "labels": ModelConfig(units=(7, 6), embedding=5, has_document_end=True, label_sizes=(4,)),
    "one-hot-labels": ModelConfig(cell="gru", units=(7,), embedding=0, label_sizes=(3, 2)),
}


def needs(name: str) -> None:
    """Skip a test if this process cannot write a format."""
    needs_packages(name)
    if FORMATS[name].keras and keras.backend.backend() != "tensorflow":
        pytest.skip("Keras runs on another backend in this process; exports are TensorFlow's")


def needs_packages(name: str) -> None:
    for package in FORMATS[name].packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed; it comes with the extra `export`")


def weights_of(config: ModelConfig) -> list[np.ndarray]:
    generator = np.random.default_rng(3)
    specs = weight_specs(config, SIZE)
    weights = [generator.standard_normal(spec.shape).astype(np.float32) * 0.5 for spec in specs]
    if not config.embedding:
        weights[0] = np.eye(SIZE, dtype=np.float32)
    return weights


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Writes a network in a format, once; the file."""

    @functools.cache
    def write_file(name: str, network: str) -> Path:
        needs(name)
        file = tmp_path_factory.mktemp(name) / FORMATS[name].file
        config = NETWORKS[network]
        FORMATS[name].write(file, Signature(config, SIZE, None), weights_of(config))
        return file

    return write_file


def test_every_format_has_a_name():
    assert tuple(FORMATS) == STEP_FORMATS


# Labels and one-hot labels have the other networks of one layer in them.
@pytest.mark.parametrize("network", ["lstm-lstm", "rnn-rnn", "labels", "one-hot-labels"])
@pytest.mark.parametrize("name", STEP_FORMATS)
def test_it_predicts_what_textgen_predicts(name, network, write):
    config = NETWORKS[network]
    step = FORMATS[name].load(write(name, network), Signature(config, SIZE, None))
    ours = Network(config, SIZE, weights_of(config))
    ids = np.random.default_rng(1).integers(0, SIZE, (500, 1)).astype(np.int32)
    assert largest_difference(step, Signature(config, SIZE, None), ours, ids) < 1e-5
    # Several texts side by side, each from a zero state again after every window.
    ids = np.random.default_rng(2).integers(0, SIZE, (40, 3)).astype(np.int32)
    assert largest_difference(step, Signature(config, SIZE, 15), ours, ids) < 1e-5
    other = Network(config, SIZE, [array * 1.01 for array in weights_of(config)])
    assert largest_difference(step, Signature(config, SIZE, None), other, ids) > 1e-4


@pytest.mark.parametrize("name", STEP_FORMATS)
def test_each_label_is_compared(name, write):
    """A step with another embedding of a single label predicts something else."""
    config = NETWORKS["one-hot-labels"]
    signature = Signature(config, SIZE, None)
    step = FORMATS[name].load(write(name, "one-hot-labels"), signature)
    ids = np.ones((20, 2), np.int32)
    for place, size in enumerate(config.label_sizes, start=1):
        for label_id in range(size):
            weights = weights_of(config)
            weights[place][label_id] += 1
            other = Network(config, SIZE, weights)
            assert largest_difference(step, signature, other, ids) > 1e-3


@pytest.mark.parametrize("name", STEP_FORMATS)
def test_outputs_have_the_names_types_and_shapes_of_the_signature(name, write):
    signature = Signature(NETWORKS["lstm-lstm"], SIZE, None)
    step = FORMATS[name].load(write(name, "lstm-lstm"), signature)
    description = signature.to_json()
    inputs = {
        tensor["name"]: np.zeros((2, *tensor["shape"][1:]), tensor["dtype"])
        for tensor in description["inputs"]
    }
    outputs = step(inputs)
    assert {name: (tensor.dtype, tensor.shape) for name, tensor in outputs.items()} == {
        tensor["name"]: (np.dtype(tensor["dtype"]), (2, *tensor["shape"][1:]))
        for tensor in description["outputs"]
    }
    assert [tensor["input"] for tensor in description["states"]] == ["h_1", "c_1", "h_2", "c_2"]
    assert [tensor["output"] for tensor in description["states"]] == [
        f"next_{name}" for name in list(inputs)[1:]
    ]


@pytest.mark.parametrize("network", ["one-hot-labels", "labels"])
def test_onnx_names_inputs_and_outputs_as_the_signature(network, write):
    signature = Signature(NETWORKS[network], SIZE, None)
    file = str(write("onnx", network))
    import onnx
    import onnxruntime

    onnx.checker.check_model(file, full_check=True)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    kinds = {"int32": "tensor(int32)", "float32": "tensor(float)"}
    description = signature.to_json()
    for ours, theirs in (
        (description["inputs"], session.get_inputs()),
        (description["outputs"], session.get_outputs()),
    ):
        # ONNX has a name for a batch of any size.
        assert {
            tensor["name"]: (kinds[tensor["dtype"]], tensor["shape"][1:]) for tensor in ours
        } == {tensor.name: (tensor.type, tensor.shape[1:]) for tensor in theirs}
        assert not any(isinstance(tensor.shape[0], int) for tensor in theirs)


def test_arrays_for_numpy_are_plain_and_named(write):
    with np.load(write("numpy", "rnn-rnn"), allow_pickle=False) as archive:
        shapes = {name: archive[name].shape for name in archive.files}
        assert all(archive[name].dtype == np.float32 for name in archive.files)
    assert shapes == {
        "embedding": (11, 5),
        "kernel_1": (5, 7),
        "recurrent_kernel_1": (7, 7),
        "bias_1": (7,),
        "kernel_2": (7, 6),
        "recurrent_kernel_2": (6, 6),
        "bias_2": (6,),
        "dense_kernel": (6, 11),
        "dense_bias": (11,),
    }
