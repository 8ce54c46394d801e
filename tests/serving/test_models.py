"""Models by name, and their replacement while they are served."""

import shutil
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from tests.analysis.models import random_model, save_model
from tests.serving.serving import CONTINUOUS, DOCUMENTS, serve
from textgen import load
from textgen.errors import ModelError, SettingsError, UsageError
from textgen.serving.names import add_mix, name_models
from textgen.settings import Mix, ServeConfig

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


def test_a_mix_is_one_more_model_and_follows_its_models(tmp_path):
    paths = {name: tmp_path / name for name in ("one", "two")}
    save_model(random_model(CONTINUOUS), paths["one"])
    save_model(random_model(CONTINUOUS, "\n abcxyz", window=3), paths["two"])
    mixes = add_mix(paths, "0.7,0.3", None) | {"there": Mix(["one", "two"], (1, 0), (0, 1))}
    asked = {"prompt": "abc", "max_tokens": 40, "temperature": 0.8, "seed": 5}

    def expect(*weights):
        sampler = load(Mix([*paths.values()], *weights))
        text = sampler.generate("abc", length=40, temperature=0.8, random_seed=5)
        return [text.removeprefix("abc")]

    with serve(mixes) as running:
        assert running.texts(model="one+two", **asked) == expect((0.7, 0.3))
        assert running.texts(model="there", **asked) == expect((1, 0), (0, 1))
        about = {
            each["id"]: each["textgen"] for each in running.client.get("/v1/models").json()["data"]
        }
        assert about["one+two"]["mix"] == {"one": 0.7, "two": 0.3}
        assert about["there"]["mix_to"] == {"one": 0, "two": 1}
        parameters = [about[name]["parameters"] for name in ("one", "two", "one+two")]
        assert parameters[0] + parameters[1] == parameters[2]
        answer = running.post(
            model="there", prompt="xab", max_tokens=0, echo=True, logprobs=1, temperature=0
        )
        assert answer.json()["choices"][0]["logprobs"]["token_logprobs"][0] is None
        save_model(other_model(), paths["one"])
        wait_for_line(running, "there: switched to the new model, too")
        assert running.texts(model="one+two", **asked) == expect((0.7, 0.3))
        before = running.texts(model="one+two", **asked)
        save_model(random_model(DOCUMENTS), paths["two"])
        wait_for_line(running, "there: keeps its models, the new ones cannot be mixed")
        assert running.texts(model="one+two", **asked) == before


def test_models_that_cannot_be_mixed_are_an_error_at_the_start(tmp_path):
    paths = {name: tmp_path / name for name in ("one", "two")}
    save_model(random_model(CONTINUOUS), paths["one"])
    save_model(random_model(DOCUMENTS), paths["two"])
    mixed = add_mix(paths, "0.5,0.5", "logits")
    with pytest.raises(ModelError, match="two: has characters of documents"), serve(mixed):
        pass
    with pytest.raises(SettingsError, match="must have a weight for each model"):
        add_mix(paths, "1", None)
