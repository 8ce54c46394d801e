"""Seeds in, text out: with a network that spells the alphabet, and with random ones."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.raising import raises_settings_error
from tests.sampling.fake_networks import FakeNetwork
from textgen.errors import SeedError, SettingsError
from textgen.sampling import Sampler
from textgen.sampling import network as network_module
from textgen.sampling.network import Network, weight_specs
from textgen.sampling.readers import Reader
from textgen.sampling.stopping import StopCondition
from textgen.settings import Decoding, ModelConfig
from textgen.text.vocabulary import Vocabulary

LETTERS = Vocabulary("abcdefgh")


def random_network(cell="lstm", size=8, units=(6, 5), seed=0, scale=1.0, label_sizes=(), **options):
    config = ModelConfig(cell=cell, units=units, embedding=4, label_sizes=label_sizes)
    generator = np.random.default_rng(seed)
    weights = [
        (generator.standard_normal(spec.shape) * scale).astype(np.float32)
        for spec in weight_specs(config, size)
    ]
    return Network(config, size, weights, **options)


class Speller(FakeNetwork):
    """A fake network that prefers the letter after the one it has just read."""

    def __init__(self, size):
        self.size = size

    def make_reader(self, allocate):
        shape = allocate(1).shape[:-1]

        def step(ids):
            ids = np.broadcast_to(ids, shape)
            return np.eye(self.size, dtype=np.float32)[(ids + 1) % self.size] * 50

        return Reader(step, lambda _: None, list)


def speller(size=8, vocabulary=LETTERS, span=None):
    network: Any = Speller(size)
    return Sampler(network, vocabulary, span, ["a"])


def generation_arguments(
    sampler, length=400, until=(), lines=0, temperature=0.8, **options
) -> tuple[Decoding, StopCondition, int]:
    return Decoding(temperature, **options), sampler.stop_condition(length or None, until, lines), 5


def texts(sampler, seeds, temperature=0.8, **options):
    arguments = generation_arguments(sampler, temperature=temperature, **options)
    return list(sampler.generate_batch(seeds, *arguments, scores=True))


def is_stopped(text, options):
    """Whether a text contains what it stops after."""
    lines = options.get("lines", 0)
    return text.endswith(options.get("until", ())) or 0 < lines <= text.count("\n")


@pytest.mark.parametrize("span", [None, 1, 3])
@pytest.mark.parametrize("temperature", [0, 0.5, 1])
def test_the_sampler_writes_what_the_network_predicts(span, temperature):
    sampler = speller(span=span)
    assert sampler.generate("cd", length=10, temperature=temperature) == "cdefghabcdef"
    (first, second) = texts(sampler, ["cd", "h"], temperature, length=3)
    assert (first.seed, first.text, second.text) == ("cd", "efg", "abc")


@pytest.mark.parametrize("span", [None, 4])
def test_unknown_is_never_written(span):
    sampler = speller(4, Vocabulary("abc", has_unknown=True), span)
    text = sampler.generate("c", length=500, temperature=1.0, random_seed=1)
    assert set(text) == set("abc")
    assert set("".join(result.text for result in texts(sampler, ["c"] * 9, length=50))) == set(
        "abc"
    )


def test_without_n_the_result_is_a_string_and_with_n_a_list():
    sampler = Sampler(random_network(), LETTERS, None, ["abc", "def", "gh"])
    options: Any = {"length": 30, "temperature": 1.0, "random_seed": 4}
    single, several = sampler.generate(**options), sampler.generate(n=3, **options)
    assert isinstance(single, str) and several[0] == single and len(set(several)) == 3
    assert sampler.generate(n=1, **options) == [single]
    seeds = [sampler.draw_seed(4, number) for number in range(3)]
    arguments = Decoding(1.0), sampler.stop_condition(30), 4
    results = sampler.generate_batch(seeds, *arguments)
    assert several == [text.seed + text.text for text in results]
    with pytest.raises(SettingsError) as refused:
        sampler.generate(n=0)
    assert refused.value.option == "n"


def test_a_text_ends_after_a_text_or_a_number_of_lines():
    sampler = Sampler(random_network(size=3), Vocabulary("\nab"), None, ["a"])
    assert sampler.generate("a", until="b", random_seed=1)[1:].find("b") == len(
        sampler.generate("a", until=["b"], length=0, random_seed=1)[1:-1]
    )
    for text in sampler.generate("a", n=4, lines=2, temperature=1.0):
        assert text.count("\n") == 2 and text.endswith("\n")
    assert "".join(sampler.stream("a", lines=2, temperature=1.0)).count("\n") == 2
    for empty in ("", ["a", ""]):
        for function in (sampler.generate, sampler.stream):
            with pytest.raises(SettingsError) as refused:
                function("a", until=empty)
            assert refused.value.option == "until"
    unknown: dict[str, Any] = {"top_q": 1}
    with pytest.raises(TypeError, match="top_q"):
        sampler.generate("a", **unknown)


def test_the_same_random_seed_gives_the_same_text_and_another_one_another():
    sampler = Sampler(random_network(), LETTERS, None, ["abc", "def", "gh"])
    written = [
        sampler.generate(None, length=300, temperature=1.0, random_seed=seed) for seed in (1, 1, 2)
    ]
    assert written[0] == written[1] != written[2]
    assert sampler.generate("a", length=300, temperature=1.0) != sampler.generate(
        "a", length=300, temperature=1.0
    )
    three = [result.text for result in texts(sampler, ["a"] * 3, 1.0)]
    assert (
        three == [result.text for result in texts(sampler, ["a"] * 3, 1.0)] and len(set(three)) == 3
    )


def test_greedy_text_does_not_depend_on_the_random_seed():
    sampler = Sampler(random_network(), LETTERS, 5, ["abc"])
    greedy = [
        sampler.generate("ab", length=200, temperature=0, random_seed=seed) for seed in (1, 2)
    ]
    assert greedy[0] == greedy[1]


def test_a_stream_is_the_text_that_generate_writes():
    sampler = Sampler(random_network(), LETTERS, None, ["abc"])
    endless = sampler.stream("ab", temperature=0.7, top_p=0.9, random_seed=3)
    first = "".join(next(endless) for _ in range(9000))
    assert "ab" + first == sampler.generate(
        "ab", length=9000, temperature=0.7, top_p=0.9, random_seed=3
    )
    assert len(list(sampler.stream("ab", length=12))) == 12
    assert sampler.generate("ab", length=50, temperature=1.0, top_k=1) == sampler.generate(
        "ab", length=50, temperature=0
    )


@pytest.mark.parametrize("span", [None, 3])
@settings(max_examples=25)
@given(st.lists(st.text("abcdefgh", min_size=1, max_size=150), min_size=1, max_size=12), st.data())
def test_many_texts_are_those_of_one_by_one(span, seeds, data):
    """Seeds of all lengths, more than there are rows, texts that end at different times."""
    options = data.draw(
        st.sampled_from(
            [
                {"length": 30},
                {"length": 90, "until": ("a", "bcd")},
                {"length": 0, "until": ("h", "g")},
                {"length": 40, "min_p": 0.1, "top_k": 5},
            ]
        )
    )
    states = data.draw(st.integers(1, 5)) * (span or 1)
    sampler = Sampler(random_network(), LETTERS, span, ["abc"], batch_states=states)
    results = texts(sampler, seeds, **options)
    assert [text.seed for text in results] == seeds
    completed: list[bool] = []
    characters = sampler.generate_stream(
        seeds[0],
        *generation_arguments(sampler, **options),
        on_complete=lambda: completed.append(True),
    )
    first = "".join(characters)
    assert results[0].text == first and results[0].complete == bool(completed)
    # Each text's random numbers depend on its own number only.
    alone = texts(sampler, [seeds[0]], **options)[0]
    assert alone.text == first
    for result in results:
        logprobs = sampler.logprobs(result.seed + result.text)[-len(result.text) :]
        assert result.mean_log_probability == pytest.approx(logprobs.mean(), abs=1e-5)
        if "until" in options:
            assert result.complete == is_stopped(result.text, options)
            assert result.complete or len(result.text) == options["length"]
            assert not any(
                is_stopped(result.text[:end], options) for end in range(len(result.text))
            )
        else:
            assert result.complete and len(result.text) == options["length"]


def test_lines_end_a_text():
    vocabulary = Vocabulary("\nab")
    sampler = Sampler(random_network(size=3), vocabulary, None, ["a"])
    for written in texts(sampler, ["a", "b\n"] * 20, 1.0, lines=3):
        assert written.text.count("\n") == 3 and written.text.endswith("\n")
    characters = sampler.generate_stream("a", *generation_arguments(sampler, lines=2))
    assert "".join(characters).count("\n") == 2


def test_stop_conditions_that_can_never_be_met_are_refused():
    with pytest.raises(SettingsError, match="'z'"):
        texts(speller(), ["a"], until=("az",))
    with raises_settings_error("lines"):
        texts(speller(), ["a"], lines=1)
    with raises_settings_error("length"):
        speller().generate("a", length=0)
    for length in (0, 2.5, -1):
        with raises_settings_error("length"):
            speller().stream("a", length=length)
    with raises_settings_error("random_seed"):
        speller().generate("a", random_seed=-1)
    five = speller().generate("a", length=np.int64(5), random_seed=np.int64(7))
    assert five == speller().generate("a", length=5, random_seed=7)


def test_seeds_are_checked():
    sampler = Sampler(random_network(), LETTERS, None, [])
    with pytest.raises(SeedError, match=r"character 3, 'é' \(U\+00E9\)"):
        sampler.check_seed("abé")
    assert sampler.check_seed("aébé", "skip") == "ab"
    assert sampler.check_seed("a\udcffb", "skip") == "ab"
    with pytest.raises(SeedError, match=r"character 2, '\\udcff' \(U\+DCFF\)"):
        sampler.check_seed("a\udcffb")
    with pytest.raises(SeedError, match="no character of the model's"):
        sampler.check_seed("éé", "skip")
    for empty in (sampler.check_seed, sampler.generate, sampler.stream, sampler.logprobs):
        with pytest.raises(SeedError, match="empty"):
            empty("")
    with pytest.raises(SeedError, match="--seed"):
        sampler.draw_seed(1)
    with pytest.raises(SeedError, match="two or more"):
        sampler.logprobs("a")


def test_a_drawn_seed_is_not_changed():
    assert Sampler(random_network(), LETTERS, None, ["ab\0"]).draw_seed(1) == "ab\0"


def test_log_probabilities_are_those_of_the_next_characters():
    sampler = speller()
    likely = sampler.logprobs("abcd")
    assert likely.shape == (3,) and (likely > -1e-6).all()
    assert (sampler.logprobs("adh") < -40).all()


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_vocabulary_too_large_for_a_table_gives_the_same(cell):
    with_table = random_network(cell).reader((3,))
    without = random_network(cell, max_table_numbers=0).reader((3,))
    ids = np.array([1, 2, 3])
    for _ in range(3):
        np.testing.assert_allclose(with_table.step(ids), without.step(ids), atol=1e-6)


@pytest.mark.parametrize("span", [None, 3])
@pytest.mark.parametrize("real", [np.float64, np.float32])
def test_numbers_may_be_those_of_numpy(span, real):
    sampler: Any = Sampler(random_network(), LETTERS, span, ["abc"])
    whole = np.int64
    plain = {"temperature": 0.5, "top_k": 3, "top_p": 0.75, "min_p": 0.125, "random_seed": 7}
    of_numpy = {
        name: real(value) if isinstance(value, float) else whole(value)
        for name, value in plain.items()
    }
    text = sampler.generate("a", length=50, **plain)
    assert sampler.generate("a", length=whole(50), **of_numpy) == text
    assert "a" + "".join(sampler.stream("a", length=np.int32(50), **of_numpy)) == text
    ending = sampler.stop_condition(whole(9), ["ab"], np.uint8(0))
    assert ending == sampler.stop_condition(9, ["ab"], 0)
    written = [
        [
            result.text
            for result in sampler.generate_batch(["a"] * 3, Decoding(temperature), ending, seed)
        ]
        for temperature, seed in ((0.5, 5), (real(0.5), whole(5)))
    ]
    assert written[0] == written[1]
    for wrong in (True, np.bool_(True), real(3), 3.0, "3"):
        with raises_settings_error("top_k"):
            sampler.generate("a", length=5, top_k=wrong)
        with raises_settings_error("random_seed"):
            sampler.generate("a", length=5, random_seed=wrong)


def test_a_large_network_generates_with_weights_in_float16_and_scores_in_float32(monkeypatch):
    exact = Sampler(random_network(units=(30,)), LETTERS, None, ["a"])
    monkeypatch.setattr(network_module, "MAX_FLOAT32_PRODUCTS", 100)
    sampler = Sampler(random_network(units=(30,)), LETTERS, None, ["a"])
    logits, others = (each.predictor.reader().step(1) for each in (sampler, exact))
    assert (logits != others).any()
    np.testing.assert_allclose(logits, others, atol=0.01)
    text = sampler.generate("a", length=50, random_seed=1)
    np.testing.assert_array_equal(sampler.logprobs(text), exact.logprobs(text))
