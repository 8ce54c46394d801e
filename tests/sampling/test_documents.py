"""Whole documents: from the document end that precedes them to the one that ends them."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.raising import raises_settings_error
from tests.sampling.document_models import NAMES, BigramModel
from tests.sampling.test_sampler import random_network
from textgen.errors import SeedError, SettingsError
from textgen.sampling import Sampler
from textgen.settings import Decoding
from textgen.text.vocabulary import Vocabulary

MODEL = BigramModel(NAMES)
LABELLED = BigramModel(
    ["ab", "aba", "abb", "xyz", "xyy", "xz"], ["letters", "letters", "letters", "end", "end", "end"]
)
WINDOWS = (None, 1, 3)


def follows(model: BigramModel, document: str) -> bool:
    """Whether each pair of characters of a document is in the model's documents."""
    known = {pair for text in model.documents for pair in pairs(text)}
    return known >= set(pairs(document))


def pairs(document: str) -> list[str]:
    marked = f"^{document}$"
    return [marked[place : place + 2] for place in range(len(marked) - 1)]


@pytest.mark.parametrize("window", WINDOWS)
def test_documents_begin_from_nothing_and_end_by_themselves(window):
    sampler = MODEL.sampler(window)
    assert sampler.generates_documents
    documents = sampler.generate(n=200, temperature=1.0, random_seed=1)
    assert all(follows(MODEL, document) for document in documents)
    assert {document[0] for document in documents} == {"A", "N", "I", "D"}
    assert len({*documents}) > 20 and "\ufffd" not in "".join(documents)
    assert documents == sampler.generate("", n=200, temperature=1.0, random_seed=1)
    assert documents[0] == sampler.generate(temperature=1.0, random_seed=1)
    assert documents[0] == "".join(sampler.stream(temperature=1.0, random_seed=1))


@pytest.mark.parametrize("window", WINDOWS)
def test_a_seed_is_the_beginning_of_a_document(window):
    documents = MODEL.sampler(window).generate("Di", n=50, temperature=1.0)
    assert all(document.startswith("Di") and follows(MODEL, document) for document in documents)
    with pytest.raises(SeedError, match="character 2, 'x'"):
        MODEL.sampler(window).generate("Ax")
    assert MODEL.sampler(window).check_seed("Axn", "skip") == "An"
    for end in ("\udfff", "\ufffd"):
        with pytest.raises(SeedError, match="is not in the model's vocabulary"):
            MODEL.sampler(window).generate(end)


@pytest.mark.parametrize("window", WINDOWS)
@settings(max_examples=25)
@given(st.integers(0, 99), st.data())
def test_documents_side_by_side_are_those_of_one_by_one(window, random_seed, data):
    """With a random network, whose documents have all lengths and are cut at some."""
    vocabulary = Vocabulary("\nabcdef", has_document_end=True)
    states = data.draw(st.integers(1, 5)) * (window or 1)
    sampler = Sampler(random_network(size=8), vocabulary, window, [], batch_states=states)
    length = data.draw(st.sampled_from([1, 5, 40]))
    ends = data.draw(st.sampled_from([{}, {"until": ("ab", "c")}, {"lines": 1}]))
    stop, decoding = sampler.stop_condition(length, **ends), Decoding(1.0)
    texts = list(
        sampler.generate_batch(["", "a", "bad"] * 4, decoding, stop, random_seed, scores=True)
    )
    completed: list[bool] = []
    stream = sampler.generate_stream(
        "", decoding, stop, random_seed, lambda: completed.append(True)
    )
    assert texts[0].text == "".join(stream) and texts[0].complete == bool(completed)
    for text in texts:
        assert len(text.text) <= length
        is_stopped = bool(ends) and text.text.endswith(ends.get("until", "\n"))
        assert text.complete or (len(text.text) == length and not is_stopped)
        logs = sampler.logprobs(text.document)[len(text.seed) :]
        ended = text.complete and not is_stopped
        assert text.log_probability == pytest.approx(logs[: len(text.text) + ended].sum(), abs=1e-4)
        count = len(text.text) + ended
        assert text.mean_log_probability == pytest.approx(text.log_probability / count)


def test_a_document_as_long_as_the_limit_may_still_end():
    sampler = BigramModel(["abc"]).sampler()
    stop = sampler.stop_condition(3)
    (text,) = sampler.generate_batch([""], Decoding(0.5), stop, 1)
    assert (text.text, text.complete) == ("abc", True)
    (text,) = sampler.generate_batch([""], Decoding(0.5), sampler.stop_condition(2), 1)
    assert (text.text, text.complete) == ("ab", False)
    assert sampler.generate(length=2) == "ab" and sampler.generate(length=3) == "abc"


def test_a_document_that_never_ends_is_cut():
    endless = BigramModel(["ab"])
    weights = endless.weights
    weights[-1][endless.vocabulary.document_end_id] -= 1000
    assert len(endless.sampler().generate(temperature=1.0)) == 10_000


@pytest.mark.parametrize("window", WINDOWS)
def test_log_probabilities_are_those_of_all_characters_and_the_end(window):
    sampler = MODEL.sampler(window)
    counts = Counter(pair for name in NAMES for pair in pairs(name))
    before = Counter(pair[0] for name in NAMES for pair in pairs(name))
    for document in ("Diana", "A", "Nanan"):
        expected = [np.log((counts[pair] or 1e-12) / before[pair[0]]) for pair in pairs(document)]
        np.testing.assert_allclose(sampler.logprobs(document), expected, atol=1e-3)
    assert sampler.logprobs("").shape == (1,)


@pytest.mark.parametrize("window", WINDOWS)
def test_labels_choose_what_is_written(window):
    sampler = LABELLED.sampler(window)
    options: Any = {"n": 100, "temperature": 1.0, "random_seed": 2}
    for label in ("letters", "kind=letters", ["letters"], {"kind": "letters"}):
        documents = sampler.generate(**options, label=label)
        assert set("".join(documents)) == set("ab")
        assert documents[0] == sampler.generate(temperature=1.0, random_seed=2, label=label)
        streamed = sampler.stream(temperature=1.0, random_seed=2, label=label)
        assert documents[0] == "".join(streamed)
    drawn = sampler.generate(**options)
    assert drawn == sampler.generate(**options) and set("".join(drawn)) == set("abxyz")
    beginnings = Counter(document[0] for document in drawn)
    assert 30 < beginnings["a"] < 70
    assert not any({"a", "x"} <= set(document) for document in drawn)
    without = sampler.generate(**options, label="kind=")
    assert {document[0] for document in without} == {"a", "x"}
    texts = list(sampler.generate_batch([""] * 9, Decoding(1.0), sampler.stop_condition(99), 2))
    assert [text.text for text in texts] == drawn[:9]
    for text in texts:
        assert text.labels == {"kind": "letters" if text.text[0] == "a" else "end"}


def test_log_probabilities_depend_on_the_label():
    sampler = LABELLED.sampler()
    letters, end, unknown = (
        sampler.logprobs("aba", label=label).sum() for label in ("letters", "end", None)
    )
    assert letters > unknown > end


def test_labels_that_do_not_exist_are_refused():
    sampler = LABELLED.sampler()
    for function in (sampler.generate, lambda **options: sampler.logprobs("a", **options)):
        with pytest.raises(SettingsError, match="no value 'comedy'; it has end, letters"):
            function(label="comedy")
        with raises_settings_error("label"):
            function(label="genre=end")
        with raises_settings_error("label"):
            function(label={"genre": "end"})
    for plain in (MODEL.sampler(), Sampler(random_network(), Vocabulary("abcdefgh"), None, ["a"])):
        with pytest.raises(SettingsError, match="label .* trained without labels"):
            plain.generate(label="end")
        with raises_settings_error("label"):
            plain.stream(label="end")


def test_excluded_characters_are_never_written():
    sampler = BigramModel(["a\nb", "a"]).sampler()
    assert "\n" in "".join(sampler.generate(n=50, temperature=1.0))
    sampler.excluded = "\n"
    assert {*sampler.generate(n=50, temperature=1.0)} == {"a"}


@pytest.mark.parametrize("window", WINDOWS)
def test_no_document_is_empty(window):
    """Not even with a network that would end it before it begins."""
    model = BigramModel(["ab"])
    end = model.vocabulary.document_end_id
    model.weights[-1][end] += 1000
    sampler = model.sampler(window)
    for temperature in (0, 0.5, 1.0):
        assert {*sampler.generate(n=9, temperature=temperature)} == {"a"}
        assert sampler.generate(temperature=temperature) == "a"
        assert sampler.generate("a", temperature=temperature) == "a"
