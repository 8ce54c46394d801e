"""The file of a model: what it holds, how large it is, and which weights it cannot hold."""

import base64
import json

import numpy as np
import pytest

from tests.analysis.models import LABELS
from tests.exporting.web.models import LINES, MERGES, MODELS, ROWS, SEED, lively_model
from tests.raising import raises_settings_error
from textgen.errors import ExportError
from textgen.exporting.web.model_file import round_weights, write_model_file
from textgen.model.model_dir import TrainedModel


def test_it_says_what_the_model_is():
    content = json.loads(write_model_file(MODELS["windows"], "tales"))
    assert (content["format"], content["version"], content["name"]) == ("textgen-model", 1, "tales")
    assert (content["cell"], content["units"], content["window"]) == ("lstm", [13, 9], 7)
    assert content["document_end"] is None and content["labels"] == content["merges"] == []
    assert content["seeds"] == [SEED, "once upon a"] and "word_pattern" not in content
    assert content["characters"] == MODELS["windows"].record.vocabulary.characters


def test_it_says_what_its_documents_are():
    trained = lively_model(corpus=LINES, labels=LABELS, merges=MERGES, has_unknown=True)
    content = json.loads(write_model_file(trained, "titles"))
    assert content["document_end"] == trained.record.vocabulary.size - 1
    assert content["has_unknown"] is True
    assert content["excluded"] == "\n" and content["seeds"] == []
    assert content["merges"] == [list(merge) for merge in MERGES] and content["word_pattern"]
    assert content["labels"] == [
        {"name": "genre", "values": ["comedy", "horror"], "rare": 3},
        {"name": "author", "values": ["Ann", "Bob", "Cy"], "rare": None},
    ]
    assert content["label_combinations"] == [[[2, 1], 9], [[1, 0], 7]]


@pytest.mark.parametrize(
    ("units", "dtype", "size"),
    [
        ((256,), "float16", 1_500_000),
        ((512, 512), "float16", 10_000_000),
        ((256,), "int8", 550_000),
    ],
)
def test_it_is_small(units, dtype, size):
    trained = lively_model(units=units, embedding=64)
    assert len(write_model_file(trained, "test", dtype)) < size


def test_weights_of_one_hot_input_are_not_stored():
    content = json.loads(write_model_file(MODELS["one-hot"], "test"))
    names = [array["name"] for array in content["weights"]["arrays"]]
    assert names == ["kernel_1", "recurrent_kernel_1", "bias_1", "dense_kernel", "dense_bias"]


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_rounded_weights_are_those_that_are_stored(dtype):
    trained = lively_model("gru", (13, 9), corpus=ROWS, labels=LABELS)
    content = json.loads(write_model_file(trained, "test", dtype))["weights"]
    data = base64.b64decode(content["data"])
    rounded = round_weights(trained.weights, dtype)
    for entry, array, original in zip(content["arrays"], rounded, trained.weights, strict=True):
        count = int(np.prod(entry["shape"]))
        stored = np.frombuffer(data, f"<{np.dtype(entry['dtype']).str[1:]}", count, entry["offset"])
        values = stored.astype(np.float32).reshape(entry["shape"])
        if entry["dtype"] == "int8":
            values *= np.frombuffer(data, "<f4", entry["shape"][-1], entry["scales"])
        assert array.dtype == np.float32 and array.shape == original.shape
        assert np.array_equal(values, array)
        largest = np.abs(original).max(axis=0)
        steps = {"float32": 0, "float16": 2**-11, "int8": 0.51 / 127}
        assert (np.abs(array - original) <= largest * steps[dtype] + 1e-7).all()
    dtypes = {entry["dtype"] for entry in content["arrays"]}
    assert dtypes == ({"int8", "float32"} if dtype == "int8" else {dtype})


def test_a_column_of_zeros_stays_zero():
    (rounded,) = round_weights([np.array([[0, 1], [0, 2], [0, -3]], np.float32)], "int8")
    assert not rounded[:, 0].any() and rounded[2, 1] == -3


def test_a_weight_can_be_too_large_for_float16():
    weights = [array.copy() for array in MODELS["lstm"].weights]
    weights[1][2, 3] = 70_000
    trained = TrainedModel(MODELS["lstm"].record, weights)
    for write in (
        lambda: write_model_file(trained, "test", "float16"),
        lambda: round_weights(weights, "float16"),
    ):
        with pytest.raises(ExportError, match="too large for float16; export it with --weights f"):
            write()
    assert write_model_file(trained, "test", "int8")


def test_an_unknown_type_of_weights_is_an_error():
    with raises_settings_error("weights"):
        write_model_file(MODELS["lstm"], "test", "float64")
