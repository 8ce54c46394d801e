"""How well a model predicts a text, compared with Keras and with sums by hand."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.analysis.source import source
from tests.model.changing import sign
from tests.raising import raises_settings_error
from textgen import evaluate, inspect, novelty
from textgen.errors import CorpusError, ModelError, SettingsError
from textgen.model import model_dir
from textgen.settings import NoveltyConfig
from textgen.text.split import split_position


def test_a_text_in_order_has_the_loss_of_keras(trained, text):
    part = text[500:1200]
    record = model_dir.read_model(trained).record
    ids = record.vocabulary.encode(part)[None].astype(np.int32)
    saved = keras.models.load_model(trained / "model.keras")
    after = np.asarray(saved.predict_on_batch(ids[:, :-1]))[0]
    expected = -np.log(after[np.arange(len(after)), ids[0, 1:]]).mean()
    evaluation = evaluate([source(part)], trained)
    assert evaluation.loss == pytest.approx(expected, abs=1e-5)
    assert (evaluation.characters, evaluation.predicted, evaluation.unknown) == (700, 699, 0)
    assert evaluation.bits_per_character == pytest.approx(expected / math.log(2), abs=1e-5)
    assert evaluation.perplexity == pytest.approx(math.exp(expected), abs=1e-4)


@pytest.mark.parametrize(
    ("length", "windows", "width"), [(700, 50, 13), (9, 50, 1), (6000, 20, 299)]
)
def test_windows_are_read_from_a_zero_state(trained, text, length, windows, width):
    part = (text * 2)[:length]
    record = model_dir.read_model(trained).record
    ids = record.vocabulary.encode(part)
    saved = keras.models.load_model(trained / "model.keras")
    span = min(windows, length - 1)
    starts = np.arange((length - 1) // span) * span
    assert len(starts) == width
    rows = np.array([ids[start : start + span + 1] for start in starts]).astype(np.int32)
    after = np.asarray(saved.predict_on_batch(rows[:, :-1]))
    expected = -np.log(np.take_along_axis(after, rows[:, 1:, None], 2)).mean()
    evaluation = evaluate([source(part)], trained, windows=windows)
    assert evaluation.loss == pytest.approx(expected, abs=1e-5)
    assert evaluation.predicted == width * span


def test_characters_the_model_does_not_know_are_counted(trained):
    plain = evaluate([source("The cat sat on the mat.")], trained)
    odd = evaluate([source("Thé cat sät on the mat.")], trained)
    assert (plain.unknown, odd.unknown, odd.characters) == (0, 2, 23)
    assert odd.predicted == 20
    with pytest.raises(CorpusError, match="5 of them unknown"):
        evaluate([source("ééééé")], trained)


def spelled_out(coverage: float, bits: float) -> float:
    """Bits per character with each unknown one charged as one of Unicode's code points."""
    return coverage * bits + (1 - coverage) * math.log2(0x110000)


def test_unknown_characters_are_charged(trained):
    plain = evaluate([source("The cat sat on the mat.")], trained)
    assert (plain.coverage, plain.charged_bits_per_character) == (1, plain.bits_per_character)
    odd = evaluate([source("Thé cat sät on the mat.")], trained)
    assert odd.coverage == pytest.approx(21 / 23)
    expected = spelled_out(21 / 23, odd.bits_per_character)
    assert odd.charged_bits_per_character == pytest.approx(expected, abs=1e-12)
    assert {"coverage", "charged_bits_per_character"} <= odd.to_json().keys()


@pytest.mark.parametrize("windows", [None, 25])
def test_the_unknown_id_does_not_make_a_model_better(trained, text, tmp_path, windows):
    """A model that predicts "some rare character" is charged for which one it is, too."""
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    vocabulary = json.loads((copy / "vocabulary.json").read_text())
    rare = vocabulary["characters"][-1]
    vocabulary |= {"characters": vocabulary["characters"][:-1], "has_unknown": True}
    (copy / "vocabulary.json").write_text(json.dumps(vocabulary))
    sign(copy)
    part = text[:1000]
    ids = model_dir.read_model(trained).record.vocabulary.encode(part)
    saved = keras.models.load_model(trained / "model.keras")
    span = windows or len(ids) - 1
    starts = range(0, len(ids) - span, span)
    after = [np.asarray(saved.predict_on_batch(ids[None, at : at + span])) for at in starts]
    targets = np.concatenate([ids[at + 1 : at + span + 1] for at in starts])
    logs = np.log(np.concatenate([rows[0] for rows in after])[np.arange(len(targets)), targets])
    evaluation = evaluate([source(part)], copy, windows=windows)
    assert evaluation.unknown == part.count(rare) > 3
    assert evaluation.loss == pytest.approx(-logs.mean(), abs=1e-5)
    known = -logs[targets != len(vocabulary["characters"])].mean() / math.log(2)
    expected = spelled_out(1 - evaluation.unknown / len(part), known)
    assert evaluation.charged_bits_per_character == pytest.approx(expected, abs=1e-5)


def test_the_context_of_a_model_trained_on_windows(trained_on_windows, text):
    part = text[:300]
    sampler = model_dir.load(trained_on_windows)
    evaluation = evaluate([source(part)], trained_on_windows)
    assert evaluation.loss == pytest.approx(-sampler.logprobs(part).mean(), abs=1e-6)
    carried = evaluate([source(part)], trained_on_windows, context="carry")
    assert carried.loss != pytest.approx(evaluation.loss, abs=1e-4)


def test_settings_that_exclude_each_other_are_refused(trained, tmp_path):
    with raises_settings_error("windows"):
        evaluate([source("The cat")], trained, windows=0)
    with pytest.raises(SettingsError, match="windows.*context"):
        evaluate([source("The cat")], trained, windows=5, context="carry")
    with pytest.raises(ModelError, match="nowhere"):
        evaluate([source("The cat")], tmp_path / "nowhere")


def test_the_command(textgen, trained, corpus, text):
    done = textgen("evaluate", corpus, "--model", trained, "--format", "json")
    record = json.loads(done.stdout)
    assert record["characters"] == len(text) and 0 < record["loss"] < 2
    assert record["coverage"] == 1
    plain = textgen("evaluate", corpus, "--model", trained)
    assert "coverage            100%" in plain.stdout and "charged" not in plain.stdout
    unknown = textgen(
        "evaluate", "-", "--model", trained, "--windows", 20, stdin="The cat sät on it."
    )
    assert (
        "coverage            94.4%" in unknown.stdout
        and "with 20.09 bits charged for" in unknown.stdout
    )
    assert unknown.returncode == 0 and "nats per character" in unknown.stdout
    assert "1 characters are not in the model's vocabulary" in unknown.stderr


def test_without_a_text_it_is_the_validation_part(textgen, trained, text, tmp_path):
    cut = split_position(len(text), 0.1)
    expected = evaluate([source(text[cut:])], trained)
    assert (
        evaluate((), trained).loss == evaluate(model=trained).loss == pytest.approx(expected.loss)
    )
    assert expected.characters == len(text) - cut
    done = textgen("evaluate", "--model", trained, "--format", "json")
    assert json.loads(done.stdout)["loss"] == pytest.approx(expected.loss)
    no_test = textgen("evaluate", "--test", "--model", trained)
    assert no_test.returncode == 1 and "no part of the corpus is for test" in no_test.stderr
    with raises_settings_error("test"):
        evaluate([source(text)], trained, test=True)
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    shutil.rmtree(copy / "cache")
    gone = textgen("evaluate", "--model", copy)
    assert gone.returncode == 1 and "name a text, as in `textgen evaluate held-out" in gone.stderr


def test_numbers_may_be_those_of_numpy(trained, text):
    real: Any = np.float32
    part = [source(text[:200])]
    whole: Any = np.int64
    assert evaluate(part, trained, windows=whole(20)) == evaluate(part, trained, windows=20)
    surprises = list(inspect(part, trained, likeliest=whole(2)))
    assert surprises == list(inspect(part, trained, likeliest=2))
    config = NoveltyConfig((real(0.5),), samples=whole(2), length=whole(50))
    assert json.dumps(novelty(trained, config=config).to_json())
