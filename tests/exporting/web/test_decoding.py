"""How the engine chooses tokens, compared with sampling/decoding.py."""

import numpy as np
import pytest

from tests.analysis.models import random_model
from tests.exporting.web.models import CONTINUOUS
from textgen.exporting.web.model_file import write_model_file
from textgen.model.model_dir import TrainedModel
from textgen.sampling.decoding import FILTERS, probabilities
from textgen.settings import Decoding

DRAWS = 4_000

DRAW = """async ({ load }, [file, options, draws]) => {
  const model = await load(file);
  model.seedRandom(1);
  model.step(0);
  const counts = new Array(model.info.vocabularySize).fill(0);
  for (let i = 0; i < draws; i++) counts[model.choose(options)]++;
  return counts;
}"""


def constant_model(logits: np.ndarray) -> TrainedModel:
    """A model that always predicts the same."""
    characters = "".join(chr(0x4E00 + number) for number in range(len(logits)))
    trained = random_model(CONTINUOUS, characters)
    weights = [np.zeros_like(array) for array in trained.weights]
    weights[-1] = logits.astype(np.float32)
    return TrainedModel(trained.record, weights)


def allowed_probabilities(logits: np.ndarray, decoding: Decoding) -> np.ndarray:
    """The probability of each token, after the temperature and the filters."""
    scaled = (logits - logits.max()) / decoding.temperature
    for name, function in FILTERS.items():
        if (value := getattr(decoding, name)) != getattr(Decoding, name):
            scaled = function(scaled, value)
    return probabilities(scaled)


def few_logits() -> np.ndarray:
    """Logits of 12 tokens, some of which are equally likely."""
    return np.array([0, 1, 3, 3, -2, 2.5, 1, 1, -30, 0.5, 2.9, -1], np.float32).astype(np.float64)


def many_logits() -> np.ndarray:
    """Logits of 700 tokens, most of which are unlikely."""
    numbers = 3 * np.random.default_rng(4).standard_normal(700)
    return numbers.astype(np.float32).astype(np.float64)


@pytest.mark.parametrize(
    "decoding",
    [
        Decoding(1.0),
        Decoding(0.5),
        Decoding(1.0, top_k=2),
        Decoding(1.0, top_k=1000),
        Decoding(1.0, top_p=0.9),
        Decoding(1.0, min_p=0.1),
        Decoding(2.0, top_k=6, top_p=0.8, min_p=0.4),
        Decoding(1e-30),
    ],
    ids=str,
)
@pytest.mark.parametrize("make_logits", [few_logits, many_logits])
def test_tokens_are_drawn_in_proportion_to_their_probabilities(engine, make_logits, decoding):
    logits = make_logits()
    file = write_model_file(constant_model(logits), "test", "float32").decode()
    options = {
        "temperature": decoding.temperature,
        "topK": decoding.top_k,
        "topP": decoding.top_p,
        "minP": decoding.min_p,
    }
    counts = np.array(engine.run(DRAW, [file, options, DRAWS]))
    expected = DRAWS * allowed_probabilities(logits, decoding)
    assert counts.sum() == DRAWS and not counts[expected == 0].any()
    assert (counts[expected > 30] > 0).all()
    # Pearson's statistic, with all unlikely tokens as one.
    likely = expected > 5
    observed = np.append(counts[likely], counts[~likely].sum())
    wanted = np.append(expected[likely], max(expected[~likely].sum(), 1e-9))
    if likely.sum() > 1:
        statistic = ((observed - wanted) ** 2 / wanted).sum()
        degrees = len(wanted) - 1
        assert statistic < degrees + 4 * np.sqrt(2 * degrees) + 4


def test_the_first_of_equally_likely_tokens_is_chosen_at_temperature_0(engine):
    logits = few_logits()
    file = write_model_file(constant_model(logits), "test", "float32").decode()
    options = {"temperature": 0, "topK": 1, "topP": 0.1, "minP": 0.5}
    counts = engine.run(DRAW, [file, options, 10])
    assert counts[int(logits.argmax())] == 10


PROBABILITIES = """async ({ load }, [file, temperature]) => {
  const model = await load(file);
  model.step(0);
  const alternatives = model.alternatives(5, temperature);
  return [Array.from(model.probabilities(temperature)), alternatives];
}"""


@pytest.mark.parametrize("temperature", [0.3, 1, 2])
def test_probabilities_at_a_temperature(engine, temperature):
    logits = many_logits()
    file = write_model_file(constant_model(logits), "test", "float32").decode()
    ours, alternatives = engine.run(PROBABILITIES, [file, temperature])
    theirs = probabilities(logits / temperature)
    assert np.abs(np.array(ours) - theirs).max() < 1e-6
    assert [each["id"] for each in alternatives] == np.argsort(-theirs)[:5].tolist()
    assert [each["text"] for each in alternatives] == [
        chr(0x4E00 + number) for number in np.argsort(-theirs)[:5]
    ]


@pytest.mark.parametrize("temperature", [1, 1e-40])
def test_very_unlikely_tokens_have_a_probability_of_nearly_0(engine, temperature):
    logits = np.array([500.0, -500, 0, 499, 412.5])
    file = write_model_file(constant_model(logits), "test", "float32").decode()
    ours, _ = engine.run(PROBABILITIES, [file, temperature])
    assert np.abs(np.array(ours) - probabilities(logits / temperature)).max() < 1e-6
