"""Temperatures that change over a text, a line or a word."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.raising import raises_settings_error
from tests.sampling.document_models import NAMES, BigramModel
from tests.sampling.subword_models import SubwordModel
from tests.sampling.test_sampler import LETTERS, random_network
from textgen.sampling import Sampler
from textgen.sampling.requests import TextRequest
from textgen.sampling.temperature import LINE, WORD, Ramp
from textgen.settings import Decoding, SampleConfig, parse_temperature
from textgen.text.vocabulary import Vocabulary

SAMPLERS = {
    "characters": Sampler(random_network(), LETTERS, None, ["a"]),
    "windows": Sampler(random_network(), LETTERS, 3, ["a"]),
    "subwords": SubwordModel().sampler(),
    "documents": BigramModel(NAMES).sampler(),
}
WORDS = Vocabulary("\n ab")


def temperatures(
    value: str, text: str, left: int = 100, *, seed: str = "", **options: Any
) -> list[float]:
    """The temperature before each character of a text and after it."""
    ramp, sampler = Decoding(value).ramp, Sampler(random_network(size=4), WORDS, None, ["a"])
    assert ramp is not None
    stop = sampler.stop_condition(options.pop("max_length", left), **options)
    ids = WORDS.encode(seed).tolist() if seed else []
    control = Ramp(ramp, WORDS, stop, None)(TextRequest(ids, (1,), seed=seed))
    found = []
    for place in range(len(text) + 1):
        logits = np.array([0, -1, -2, -3], np.float32)
        control.adjust(logits, left - place)
        found.append(round(float(-1 / logits[1]), 3))
        if place < len(text):
            control.advance(WORDS.encode(text[place]).item())
    return found


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([*SAMPLERS]),
    st.sampled_from([0.0, 0.3, 1.0, 1.7]),
    st.sampled_from([{}, {"min_p": 0.1}, {"top_p": 0.9, "top_k": 3}]),
    st.sampled_from(["", "/line"]),
)
def test_one_that_stays_the_same_is_that_temperature(name, temperature, filters, unit):
    options = {"length": 30, "random_seed": 3, **filters}
    texts = SAMPLERS[name].generate(
        "A" if name == "documents" else "a", n=3, temperature=temperature, **options
    )
    ramp = f"{temperature}:{temperature}{unit}"
    seed = "A" if name == "documents" else "a"
    assert SAMPLERS[name].generate(seed, n=3, temperature=ramp, **options) == texts


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("ramp", ["1.5:0", "0:1.5", "2:0.1/line"])
def test_a_stream_and_a_batch_have_the_same_text(name, ramp):
    options: dict[str, Any] = {"length": 60, "random_seed": 3, "temperature": ramp}
    seed = "A" if name == "documents" else "a"
    texts = SAMPLERS[name].generate(seed, n=5, **options)
    assert SAMPLERS[name].generate(seed, **options) == texts[0]
    assert seed + "".join(SAMPLERS[name].stream(seed, **options)) == texts[0]
    assert len({*texts}) > 1


def test_a_text_changes_from_its_first_character_to_its_last():
    assert temperatures("1:0.5", "aaaaa", left=6) == [1.0, 0.9, 0.8, 0.7, 0.6, 0.5]
    assert temperatures("0.5:1", "aaaaa", left=6) == [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert temperatures("1:0.5", "a", left=1)[0] == 1.0


def test_a_text_that_can_end_before_its_maximum_is_taken_to_be_a_screenful():
    for options in ({"until": ["b"]}, {"lines": 3}, {"max_length": None}):
        found = temperatures("1:0.5", "a" * 450, left=10_000, **options)
        assert found[0] == 1.0 and found[398] > 0.5 and found[399:] == [0.5] * 52
        assert temperatures("1:0.5", "aa", left=3, **options) == [1.0, 0.75, 0.5]


def test_documents_are_taken_to_be_as_long_as_they_are_on_average():
    sampler = BigramModel(NAMES).sampler()
    sampler.document_length = 3
    config = sampler.requests.config(Decoding("1:0.5"), sampler.stop_condition(10_000))
    (control,) = config.make_controls(sampler.requests.text("", 1))
    found: list[float] = []
    for token_id in (0, 1, 2, 1):
        logits = np.array([0, -1] + [-2] * (sampler.vocabulary.size - 2), np.float32)
        control.adjust(logits, 10_000 - len(found))
        found.append(round(float(-1 / logits[1]), 3))
        control.advance(token_id)
    assert found == [1.0, 0.75, 0.5, 0.5]


def test_each_line_and_each_word_begins_again_also_after_a_seed():
    word = [1.0, 0.8, 0.6, 0.4]
    assert len(word) == WORD
    assert temperatures("1:0.4/word", "aaaaa b\nab") == [*word, 0.4, 0.4, *word[:2], *word[:3]]
    assert temperatures("1:0.4/word", "a", seed="b aa") == [0.6, 0.4]
    found = temperatures("1:0/line", "\n" + "a" * 45, left=100, seed="b\nb")
    assert found[1] == 1.0 and found[0] == round(1 - 1 / (LINE - 1), 3)
    assert found[LINE - 1] == round(1 / (LINE - 1), 3)


def test_a_temperature_of_0_leaves_the_most_likely_token_that_is_possible():
    sampler = SAMPLERS["characters"]
    options: dict[str, Any] = {"length": 9, "temperature": "1:0", "no_repeat": 1}
    text = sampler.generate("a", random_seed=1, **options)
    assert sorted(text[:8]) == [*"abcdefgh"]


def test_words_of_subwords_are_refused():
    with raises_settings_error("temperature"):
        SAMPLERS["subwords"].generate("a", temperature="1:0.5/word")


@pytest.mark.parametrize("value", ["1", "1:2:3", "1:x", "1:0.5/", "1:0.5/verse", "-1:1", "1:nan"])
def test_other_texts_are_refused(value):
    with raises_settings_error("temperature"):
        parse_temperature(value)
    with raises_settings_error("temperature"):
        SampleConfig(temperatures=(0.5, value))
