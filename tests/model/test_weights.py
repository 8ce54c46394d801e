"""Weights that are not those of the settings, and files that are not models, are refused."""

import shutil

import h5py
import keras
import numpy as np
import pytest

from tests.model.changing import change_weights, sign
from textgen.errors import ModelError
from textgen.model import model_dir


@pytest.fixture
def copy(trained, tmp_path):
    """A model directory to damage."""
    shutil.copytree(trained, tmp_path / "copy", ignore=shutil.ignore_patterns("cache"))
    return tmp_path / "copy"


KERNEL = "layers/lstm/cell/vars/0"


def set_first(value):
    def change(file):
        file[KERNEL][0, 0] = value

    return change


def replace_kernel(array):
    def change(file):
        del file[KERNEL]
        file[KERNEL] = array

    return change


def link_kernel(link):
    def change(file):
        del file[KERNEL]
        file[KERNEL] = link

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_first(np.nan), "weights that are not numbers"),
        (set_first(np.inf), "weights that are not numbers"),
        (replace_kernel(np.zeros((3, 4), np.float32)), r"float32 of shape \(3, 4\), and settings"),
        (replace_kernel(np.zeros((16, 192))), "float64 of shape"),
        (replace_kernel(b"text"), "settings.json says"),
        (link_kernel(h5py.SoftLink("/layers/lstm/cell/vars/1")), f"has no {KERNEL}"),
        (link_kernel(h5py.ExternalLink("/etc/passwd", "/")), f"has no {KERNEL}"),
        (lambda file: file.pop("layers"), "has weights of another size"),
    ],
)
def test_weights_that_are_not_those_of_the_settings_are_refused(copy, textgen, change, message):
    change_weights(copy, change)
    with pytest.raises(ModelError, match=message):
        model_dir.load(copy)
    done = textgen("sample", "--model", copy)
    assert (done.returncode, done.stdout) == (1, "") and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a model that textgen wrote"),
        (b"PK\x03\x04 not much of an archive", "not a model that textgen wrote"),
        (b"\x89HDF\r\n\x1a\n", "not a model that textgen wrote"),
    ],
)
def test_files_that_are_something_else_are_refused(copy, data, message):
    (copy / "model.keras").write_bytes(data)
    with pytest.raises(ModelError, match=r"model\.keras: truncated or changed"):
        model_dir.load(copy)
    sign(copy)
    with pytest.raises(ModelError, match=message):
        model_dir.load(copy)


def test_another_model_of_keras_is_refused(copy):
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    other.save(copy / "model.keras")
    sign(copy)
    with pytest.raises(ModelError, match="has weights of another size"):
        model_dir.load(copy)


def test_weights_larger_than_the_settings_say_are_not_read(copy):
    """An array that unpacks to far more than its file's size."""
    change_weights(
        copy,
        lambda file: file.create_dataset("bomb", data=np.zeros(1 << 22), chunks=True),
    )
    with pytest.raises(ModelError, match=r"has weights of another size"):
        model_dir.load(copy)
