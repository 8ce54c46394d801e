"""Model directories: what is read, and what is refused."""

import shutil
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from textgen import storage
from textgen.errors import ModelError, SettingsError
from textgen.model import model_dir
from textgen.model.build import build_model
from textgen.model.paths import MODEL_KIND
from textgen.model.record import ModelRecord
from textgen.settings import resolve_settings
from textgen.text.vocabulary import Vocabulary


@pytest.fixture
def copy(trained, tmp_path):
    """A model directory to damage."""
    shutil.copytree(trained, tmp_path / "copy", ignore=shutil.ignore_patterns("cache"))
    return tmp_path / "copy"


def sign(directory: Path) -> None:
    """Make the manifest agree with the files, as whoever builds a false directory would."""
    files = {
        path.name: storage.describe_file(path) for path in directory.iterdir() if path.is_file()
    }
    files.pop(storage.MANIFEST)
    storage.write_manifest(directory, MODEL_KIND, files)


def change_weights(directory: Path, change) -> None:
    """Change model.weights.h5 inside model.keras, with h5py."""
    path = directory / "model.keras"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights = directory / "weights.h5"
    weights.write_bytes(members["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        change(file)
    members["model.weights.h5"] = weights.read_bytes()
    weights.unlink()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    sign(directory)


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


@pytest.mark.parametrize("name", ["settings.json", "vocabulary.json", "seeds.json"])
@pytest.mark.parametrize("data", [b"", b"[1, 2", b"[]", b"{}", b"null", b"\xff"])
def test_damaged_settings_are_refused(copy, name, data):
    if (name, data) == ("seeds.json", b"[]"):
        return  # no seeds at all is in order
    (copy / name).write_bytes(data)
    sign(copy)
    with pytest.raises(ModelError, match="damaged"):
        model_dir.load(copy)


def test_the_context_can_be_chosen(trained, trained_on_windows):
    assert model_dir.load(trained).window is None
    assert model_dir.load(trained, "window").window == 20
    assert model_dir.load(trained_on_windows).window == 12
    assert model_dir.load(trained_on_windows, "carry").window is None
    with pytest.raises(SettingsError, match="context"):
        model_dir.load(trained, "both")


def test_where_there_is_no_model(tmp_path):
    with pytest.raises(ModelError, match="no such model directory; make one with `textgen train"):
        model_dir.load(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="no trained model in this directory"):
        model_dir.load(tmp_path)


def test_a_network_of_300_layers_is_saved_and_read(tmp_path):
    """An HDF5 file has some kilobytes of structure for each array, which may hold four numbers."""
    resolved = resolve_settings({"units": (2,) * 300, "embedding": 2, "epochs": 1})
    network = build_model(resolved.model, 3, "sequence")
    record = ModelRecord(resolved, Vocabulary("abc"), {"epochs": []}, ("abc",), {})
    model_dir.save(tmp_path / "model", network.save, record)
    weights = model_dir.read_model(tmp_path / "model").weights
    assert len(weights) == 3 * 300 + 3
    for array, expected in zip(weights, network.get_weights(), strict=True):
        np.testing.assert_array_equal(array, expected)
    change_weights(
        tmp_path / "model", lambda file: file.create_dataset("x", data=np.zeros(10**7, np.uint8))
    )
    with pytest.raises(ModelError, match="has weights of another size"):
        model_dir.read_model(tmp_path / "model")
