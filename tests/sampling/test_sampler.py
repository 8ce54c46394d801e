"""The loop, driven by networks that know what they want to say."""

import numpy as np
import pytest

from textgen.config import ModelConfig
from textgen.errors import SeedError
from textgen.sampling import Sampler
from textgen.sampling.context import carried, window
from textgen.sampling.network import Network, weight_specs
from textgen.vocabulary import Vocabulary

LETTERS = Vocabulary("abcdefgh")


def random_network(cell="lstm", size=8, units=(6, 5), seed=0, scale=1.0):
    config = ModelConfig(cell=cell, units=units, embedding=4)
    generator = np.random.default_rng(seed)
    weights = [
        (generator.standard_normal(spec.shape) * scale).astype(np.float32)
        for spec in weight_specs(config, size)
    ]
    return Network(config, size, weights)


class Speller:
    """Stands where a network stands; prefers the letter after the one it has just read."""

    def __init__(self, size):
        self._size = size

    def zero_state(self, rows):
        return [[np.zeros((rows, 1), np.float32)]]

    def advance(self, ids, state):
        state[0][0][:] = np.asarray(ids)[:, None]
        return state[0][0]

    def logits(self, hidden):
        logits = np.zeros((len(hidden), self._size))
        logits[np.arange(len(hidden)), (hidden[:, 0].astype(int) + 1) % self._size] = 50.0
        return logits


@pytest.mark.parametrize("span", [None, 1, 3])
@pytest.mark.parametrize("temperature", [0, 0.5, 1])
def test_spells_what_the_network_wants(span, temperature):
    sampler = Sampler(Speller(8), LETTERS, span, ["a"])  # type: ignore[arg-type]
    assert sampler.generate("cd", 10, temperature) == "cdefghabcdef"


def test_unknown_is_never_written():
    vocabulary = Vocabulary("abc", has_unknown=True)
    sampler = Sampler(Speller(4), vocabulary, None, ["a"])  # type: ignore[arg-type]
    text = sampler.generate("c", 500, 1.0, 1)
    assert set(text) == set("abc")


def test_the_same_random_seed_gives_the_same_text_and_another_one_another():
    sampler = Sampler(random_network(), LETTERS, None, ["abc", "def", "gh"])
    texts = [sampler.generate(None, 300, 1.0, seed) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert sampler.generate("a", 300, 1.0) != sampler.generate("a", 300, 1.0)


def test_greedy_text_does_not_depend_on_the_random_seed():
    sampler = Sampler(random_network(), LETTERS, 5, ["abc"])
    assert sampler.generate("ab", 200, 0, 1) == sampler.generate("ab", 200, 0, 2)


def test_many_texts_are_those_of_one_by_one():
    sampler = Sampler(random_network(), LETTERS, None, ["abc"])
    seeds = ["ab", "cd", "abc", "ef"] + ["gh"] * 70
    texts = list(sampler.texts(seeds, 30, 0.8, 5))
    assert len(texts) == len(seeds) and len(set(texts[4:])) == 70
    for number, text in enumerate(texts):
        assert text == "".join(sampler.stream(seeds[number], 30, 0.8, 5, number))


def test_seeds_are_checked():
    sampler = Sampler(random_network(), LETTERS, None, [])
    with pytest.raises(SeedError, match=r"character 3, 'é' \(U\+00E9\)"):
        sampler.check_seed("abé")
    assert sampler.check_seed("aébé", "skip") == "ab"
    with pytest.raises(SeedError, match="no character of the model's"):
        sampler.check_seed("éé", "skip")
    with pytest.raises(SeedError, match="empty"):
        sampler.check_seed("")
    with pytest.raises(SeedError, match="--seed"):
        sampler.random_seed_text(1)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("maxlen", [1, 2, 7])
def test_the_window_is_that_of_reading_it_again(cell, maxlen):
    """Staggered states against re-reading the last maxlen characters from a zero state."""
    network = random_network(cell)
    ids = np.random.default_rng(3).integers(0, 8, (2, 25))
    step = window(network, 2, maxlen)
    for place in range(ids.shape[1]):
        got = step(ids[:, place])
        again = carried(network, 2)
        for column in ids[:, max(0, place + 1 - maxlen) : place + 1].T:
            expected = again(column)
        np.testing.assert_allclose(got, expected, atol=1e-5)


def test_a_vocabulary_too_large_for_a_table_gives_the_same(monkeypatch):
    from textgen.sampling import network as module

    with_table = random_network()
    monkeypatch.setattr(module, "_TABLE_AT_MOST", 0)
    without = random_network()
    ids = np.array([1, 2, 3])
    states = with_table.zero_state(3), without.zero_state(3)
    for _ in range(3):
        np.testing.assert_allclose(
            with_table.advance(ids, states[0]), without.advance(ids, states[1]), atol=1e-6
        )
