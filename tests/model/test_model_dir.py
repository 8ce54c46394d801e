"""Model directories: what is read, and what is refused."""

import shutil

import numpy as np
import pytest

from tests.model.changing import change_weights, sign
from textgen.errors import ModelError, SettingsError
from textgen.model import model_dir
from textgen.model.record import ModelRecord
from textgen.settings import resolve_settings
from textgen.text.vocabulary import Vocabulary


@pytest.fixture
def copy(trained, tmp_path):
    """A model directory to damage."""
    shutil.copytree(trained, tmp_path / "copy", ignore=shutil.ignore_patterns("cache"))
    return tmp_path / "copy"


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
    maxlen = model_dir.read_model(trained).record.settings.windows.maxlen
    assert model_dir.load(trained, "window").window == maxlen
    assert model_dir.load(trained_on_windows).window == 12
    assert model_dir.load(trained_on_windows, "carry").window is None
    with pytest.raises(SettingsError, match="context"):
        model_dir.load(trained, "both")


def test_where_there_is_no_model(tmp_path):
    with pytest.raises(ModelError, match="nowhere: .*textgen train"):
        model_dir.load(tmp_path / "nowhere")
    with pytest.raises(ModelError, match=f"^{tmp_path}: "):
        model_dir.load(tmp_path)


@pytest.mark.framework
def test_a_network_of_300_layers_is_saved_and_read(tmp_path):
    """An HDF5 file has some kilobytes of structure for each array, which may hold four numbers."""
    from textgen.model.build import build_model

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
    with pytest.raises(ModelError, match="model.keras"):
        model_dir.read_model(tmp_path / "model")
