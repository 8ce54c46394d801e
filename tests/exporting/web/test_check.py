"""Exported models, run in Node and in a browser, and compared with textgen's own network."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.analysis.models import LABELS, MERGES, random_model
from tests.exporting.web.test_runtimes import FOUND
from textgen.errors import ExportError
from textgen.exporting.web.check import check_model_file, choose_passages
from textgen.exporting.web.model_file import round_weights, write_model_file
from textgen.exporting.web.runtimes import Runtime
from textgen.model.model_dir import TrainedModel
from textgen.settings import WEIGHT_DTYPES, CorpusConfig

SEEDS = ("abba cab\nfed", "hah! fae")
MODELS: dict[str, dict[str, Any]] = {
    "text": {"corpus": CorpusConfig(documents="none")},
    "windows of subwords": {
        "corpus": CorpusConfig(documents="none"),
        "merges": MERGES,
        "window": 7,
    },
    "labelled documents": {"corpus": CorpusConfig(documents="lines"), "labels": LABELS},
}


def model_of(name: str) -> TrainedModel:
    trained = random_model(**MODELS[name], has_unknown=True)
    return replace(trained, record=replace(trained.record, seeds=SEEDS))


def check(trained: TrainedModel, dtype: str, runtime: Runtime, wrong: int | None = None) -> Any:
    """Check a model; with `wrong`, a file in which one array of weights is another one."""
    weights = list(trained.weights)
    if wrong is not None:
        weights[wrong] = weights[wrong] * np.float32(1.05)
    content = write_model_file(replace(trained, weights=weights), "name", dtype)
    return check_model_file(content, trained, round_weights(trained.weights, dtype), [runtime])


# A browser takes seconds to start: after Node, each model and each type of weights once.
@pytest.mark.parametrize(
    ("runtime", "name", "dtype"),
    [
        pytest.param(runtime, name, dtype, id=f"{program}-{name}-{dtype}")
        for number, (program, runtime) in enumerate(FOUND.items())
        for place, name in enumerate(MODELS)
        for other, dtype in enumerate(WEIGHT_DTYPES)
        if number == 0 or place == other
    ],
)
def test_it_predicts_what_textgen_predicts(runtime, name, dtype):
    trained = model_of(name)
    done = check(trained, dtype, runtime)
    assert done.runtime == runtime.name and done.difference < 1e-5
    assert done.characters > 500 if name == "windows of subwords" else done.characters == 500
    bounds = {"float32": (0, 1e-5), "float16": (1e-5, 1e-2), "int8": (1e-3, 0.1)}
    least, most = bounds[dtype]
    assert least <= done.rounding < most


@pytest.mark.parametrize("name", ["text", "labelled documents"])
def test_each_array_of_weights_counts(name):
    runtime, trained = next(iter(FOUND.values())), model_of(name)
    for place in range(len(trained.weights)):
        with pytest.raises(ExportError, match=f"predicts something else in {runtime.name}: prob"):
            check(trained, "float32", runtime, wrong=place)


def test_labels_are_read_in_turn():
    trained = model_of("labelled documents")
    passages = choose_passages(trained)
    assert sum(len(passage.ids) for passage in passages) == 500
    # The id 3 of genres is that of rare ones, which has no value to choose it by.
    ids = [tuple(passage.label_ids.tolist()) for passage in passages[:5]]
    assert ids == [(0, 0), (1, 1), (2, 2), (0, 3), (0, 0)]
    assert [passage.label for passage in passages[:4]] == [
        {},
        {"genre": "comedy", "author": "Ann"},
        {"genre": "horror", "author": "Bob"},
        {"author": "Cy"},
    ]


@pytest.mark.parametrize("runtime", FOUND.values(), ids=FOUND)
def test_a_file_that_the_engine_refuses_is_not_kept(runtime):
    trained = model_of("text")
    content = json.loads(write_model_file(trained, "name", "float32"))
    content["version"] = 99
    message = f"does not run in {runtime.name}: TypeError: the model has version 99"
    with pytest.raises(ExportError, match=message):
        check_model_file(json.dumps(content).encode(), trained, trained.weights, [runtime])


def test_the_next_program_runs_it_where_one_fails():
    trained = model_of("text")
    content = write_model_file(trained, "name", "float32")
    broken, works = Runtime("broken", lambda _: None), next(iter(FOUND.values()))
    done = check_model_file(content, trained, trained.weights, [broken, works])
    assert done is not None and done.runtime == works.name
    assert check_model_file(content, trained, trained.weights, [broken]) is None
