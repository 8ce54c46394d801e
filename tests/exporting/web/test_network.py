"""The engine's network, compared with the one in NumPy."""

import numpy as np
import pytest

from tests.analysis.models import LABELS
from tests.exporting.web.models import (
    CONTINUOUS,
    MODELS,
    ROWS,
    expected_probabilities,
    lively_model,
    random_ids,
)
from textgen.exporting.web.model_file import round_weights, write_model_file
from textgen.model.model_dir import read_model
from textgen.settings import WEIGHT_DTYPES

# The first token of a document was read by `reset`.
PROBABILITIES = """async ({ load }, [file, ids, options, label]) => {
  const model = await load(file, options);
  model.reset(label);
  const probabilities = [];
  for (const id of ids) {
    if (probabilities.length || !model.info.documents) model.step(id);
    probabilities.push(Array.from(model.probabilities()));
  }
  return [model.info.kernels, probabilities];
}"""


def difference(engine, trained, dtype="float32", *, weights=None, web_assembly=True):
    """The largest difference between the engine's probabilities and those of NumPy's network."""
    file = write_model_file(trained, "test", dtype).decode()
    ids = random_ids(trained.record.vocabulary)
    has_labels = trained.record.labels is not None
    label = {"genre": "horror", "author": "Ann"} if has_labels else None
    options = {"webAssembly": web_assembly}
    kernels, ours = engine.run(PROBABILITIES, [file, ids, options, label])
    assert kernels == ("wasm" if web_assembly else "plain")
    theirs = expected_probabilities(trained, ids, (2, 1) if has_labels else (), weights)
    assert theirs.max(axis=1).min() < 0.9 and np.ptp(theirs, axis=0).max() > 0.3
    return np.abs(np.array(ours) - theirs).max()


@pytest.mark.parametrize("name", MODELS)
def test_probabilities_are_those_of_numpy(engine, name):
    assert difference(engine, MODELS[name]) < 1e-5


@pytest.mark.parametrize("name", ["lstm, several layers", "gru on windows", "labels", "rnn"])
def test_without_webassembly_too(engine, name):
    assert difference(engine, MODELS[name], web_assembly=False) < 1e-5


@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
@pytest.mark.parametrize("name", ["lstm", "gru, several layers", "labels, one-hot, windows"])
def test_weights_are_rounded_as_their_type_says(engine, name, dtype):
    trained = MODELS[name]
    rounded = round_weights(trained.weights, dtype)
    assert difference(engine, trained, dtype, weights=rounded) < 1e-5


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float16", 2e-3)])
@pytest.mark.parametrize("fixture", ["trained", "trained_on_windows"])
def test_a_trained_model_predicts_what_textgen_does(engine, fixture, dtype, tolerance, request):
    trained = read_model(request.getfixturevalue(fixture))
    assert difference(engine, trained, dtype) < tolerance


@pytest.mark.parametrize("labels", [None, LABELS], ids=["", "labels"])
def test_products_of_many_embeddings_are_computed_when_they_are_needed(engine, labels):
    # More numbers than a table of all products may have.
    characters = "".join(chr(0x4E00 + number) for number in range(4_200))
    corpus = ROWS if labels else CONTINUOUS
    trained = lively_model("lstm", (256,), 4, corpus, characters, labels=labels)
    assert trained.record.vocabulary.size * 4 * 256 > 1 << 22
    file = write_model_file(trained, "test", "float16").decode()
    ids = random_ids(trained.record.vocabulary, 12)
    label = {"genre": "horror", "author": "Ann"} if labels else None
    _, ours = engine.run(PROBABILITIES, [file, ids, {}, label])
    rounded = round_weights(trained.weights, "float16")
    theirs = expected_probabilities(trained, ids, (2, 1) if labels else (), rounded)
    assert np.abs(np.array(ours) - theirs).max() < 1e-5
