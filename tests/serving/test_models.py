"""Models by name, and their replacement while they are served."""

import shutil
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from tests.analysis.models import random_model, save_model
from tests.serving.serving import CONTINUOUS, serve
from textgen.errors import ModelError, UsageError
from textgen.serving.models import name_models
from textgen.settings import ServeConfig

ASK = {"prompt": "abc", "max_tokens": 30, "temperature": 0}


def wait_for_line(running, text, seconds=20):
    end = time.monotonic() + seconds
    while not any(text in line for line in running.lines):
        assert time.monotonic() < end, running.lines
        time.sleep(0.02)


@pytest.fixture
def changing(tmp_path):
    """A server with a model that a test may replace."""
    save_model(random_model(CONTINUOUS), tmp_path / "model")
    with serve(
        {"model": tmp_path / "model"}, ServeConfig(max_length=10_000_000, grace=0.1)
    ) as running:
        yield running


def other_model():
    trained = random_model(CONTINUOUS)
    weights = [np.flip(weight).copy() for weight in trained.weights]
    return replace(trained, weights=weights)


def test_a_replaced_model_is_served_without_interruption(changing, tmp_path):
    (before,) = changing.texts(**ASK)
    running, texts = [], []

    def ask():
        with changing.client.stream(
            "POST", "/v1/completions", json={**ASK, "max_tokens": 3_000_000, "stream": True}
        ) as answer:
            for line in answer.iter_lines():
                running.append(line)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        while not running:
            time.sleep(0.01)
        save_model(other_model(), tmp_path / "model")
        wait_for_line(changing, "switched to the new model")
        texts = changing.texts(**ASK)
        count = len(running)
        assert texts != [before]
        while len(running) == count:  # the old one is used to the end
            time.sleep(0.01)
    finally:
        changing.server.stop()
        thread.join(30)
    assert not [line for line in changing.lines if "error" in line]


def test_a_damaged_model_is_not_served(changing, tmp_path):
    (before,) = changing.texts(**ASK)
    vocabulary = tmp_path / "model/vocabulary.json"
    content = vocabulary.read_bytes()
    vocabulary.write_bytes(b"{}")
    manifest = tmp_path / "model/manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b"\n")
    wait_for_line(changing, "keeps its model")
    assert changing.texts(**ASK) == [before]
    assert len([line for line in changing.lines if "keeps its model" in line]) == 1
    vocabulary.write_bytes(content)  # the last file of a copy that took its time
    wait_for_line(changing, "switched to the new model")
    assert changing.texts(**ASK) == [before]


def test_a_model_whose_directory_is_removed_is_still_served(changing, tmp_path):
    (before,) = changing.texts(**ASK)
    shutil.rmtree(tmp_path / "model")
    time.sleep(1.5)
    assert changing.texts(**ASK) == [before]
    save_model(other_model(), tmp_path / "model")
    wait_for_line(changing, "switched to the new model")
    assert changing.texts(**ASK) != [before]


def test_names_of_models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [*name_models(("a/b/titles/", "poems=c", "."))] == ["titles", "poems", tmp_path.name]
    for models in (("a/titles", "b/titles"), ("titles=a", "b/titles")):
        with pytest.raises(UsageError, match="other=b/titles"):
            name_models(models)
    for model in ("", "=a", "a="):
        with pytest.raises(UsageError, match="names no model"):
            name_models((model,))


def test_a_model_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(ModelError, match="no such model directory"), serve({"a": tmp_path / "a"}):
        pass
