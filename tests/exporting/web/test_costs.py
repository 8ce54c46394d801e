"""What each way to store the weights costs, measured on the validation part of the corpus."""

import math
import shutil
from dataclasses import replace

import pytest

from tests.analysis.models import (
    WINDOWS,
    make_title,
    model_of_titles,
    model_with_corpus,
    save_model,
)
from textgen import evaluate
from textgen.exporting.web import costs
from textgen.exporting.web.costs import measure_costs
from textgen.exporting.web.model_file import round_weights
from textgen.settings import WEIGHT_DTYPES, CorpusConfig


def text_model(folder):
    path, directory = folder / "text.txt", folder / "text"
    path.write_text("".join(f"{make_title(number)}\n" for number in range(400)))
    config = CorpusConfig(documents="none")
    return directory, *model_with_corpus(directory, path, config, WINDOWS)


@pytest.mark.parametrize("make", [text_model, model_of_titles])
def test_a_cost_is_the_loss_of_a_model_with_such_weights(make, tmp_path):
    directory, trained, _ = make(tmp_path)
    rounded = {dtype: round_weights(trained.weights, dtype) for dtype in WEIGHT_DTYPES}
    measured = measure_costs(trained, directory, rounded)
    assert measured is not None and measured.losses["float32"] == 0
    windows = 256 if make is text_model else None
    exact = evaluate(model=directory, windows=windows)
    assert measured.characters == exact.predicted > 200
    for dtype in ("float16", "int8"):
        save_model(replace(trained, weights=rounded[dtype]), directory)
        loss = evaluate(model=directory, windows=windows).loss
        assert measured.losses[dtype] == pytest.approx(loss - exact.loss, abs=1e-9)
    assert abs(measured.losses["float16"]) < 1e-3 < abs(measured.losses["int8"]) * 50


def test_a_large_text_is_read_for_a_short_time_only(tmp_path, monkeypatch):
    directory, trained, _ = text_model(tmp_path)
    rounded = {"int8": round_weights(trained.weights, "int8")}
    whole = measure_costs(trained, directory, rounded)
    monkeypatch.setattr(costs, "_MAX_WORK", 100 * trained.parameters)
    part = measure_costs(trained, directory, rounded)
    assert whole is not None and part is not None
    assert part.characters == 99 < whole.characters
    assert not math.isclose(part.losses["int8"], whole.losses["int8"], abs_tol=1e-12)


def test_without_its_corpus_there_is_nothing_to_measure(tmp_path):
    directory, trained, _ = text_model(tmp_path)
    shutil.rmtree(directory / "cache")
    assert measure_costs(trained, directory, {}) is None
    assert measure_costs(trained, "english", {}) is None
