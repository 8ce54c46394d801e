"""Model directories: what is read, and what is refused."""

import shutil
import zipfile
from pathlib import Path

import h5py
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
