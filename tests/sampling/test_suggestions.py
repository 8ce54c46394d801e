"""Suggestions for the word or the line at the end of a text."""

import numpy as np
import pytest

import textgen
from tests.sampling.document_models import BigramModel
from tests.sampling.subword_models import SubwordModel
from textgen.errors import SeedError
from textgen.sampling.suggestions import Suggester
from textgen.settings import Decoding, Mix


@pytest.fixture(scope="module")
def model(trained):
    return textgen.load(trained)


def test_a_word_is_completed_by_different_ends_the_most_likely_first(model):
    text = "The king sat on the mat.\nThe "
    for temperature in (0.0, 0.5, 2.0):
        words = Suggester(model).suggest(text + "c", Decoding(temperature))
        assert 0 < len({*words}) == len(words) <= 3 and all(word.isalpha() for word in words)
    assert words == Suggester(model).suggest(text + "c", Decoding(2.0))
    (likely, *_) = Suggester(model).suggest(text + "c", Decoding(0.5))
    assert likely == "at"  # the cat

    def probability(word):  # of the word and a space
        return model.logprobs(f"{text}c{word} ")[len(text) :].sum()

    assert probability(likely) >= max(map(probability, words))


def test_a_word_that_has_ended_is_followed_by_the_rest_of_the_line(model):
    for text in ("The cat", "The cat sat ", "The cat sat on the mat.", "", "\n"):
        lines = Suggester(model).suggest(text, Decoding())
        assert len({*lines}) == len(lines) == 3
        for line in lines:
            assert line.strip("\n") and "\n" not in line.lstrip("\n") and len(line) <= 60
        if text.endswith("."):
            assert lines[0].startswith("\n")  # the next line


def test_suggestions_do_not_depend_on_what_was_read_before(model):
    text, decoding = "The king sat on the mat.\nA dog ran to the sea.\n" * 5, Decoding()
    grown = Suggester(model)
    lengths = [*range(1, len(text), 23), 100, 0, 70, 130, len(text)]
    for length in lengths:
        fresh = Suggester(model).suggest(text[:length], decoding)
        assert grown.suggest(text[:length], decoding) == fresh, length


def test_suggestions_follow_from_the_whole_text():
    model = BigramModel(["ab", "ab"]).sampler()
    assert Suggester(model).suggest("a", Decoding(0.0)) == ["b"]


def test_labels_choose_suggestions():
    model = BigramModel(["aab", "aba", "xyx", "xxy"], ["first", "first", "second", "second"])
    suggester = Suggester(model.sampler())
    for label, letters in (("first", {*"ab"}), ("second", {*"xy"}), ("first", {*"ab"})):
        texts = suggester.suggest("", Decoding(1.0), label=label)
        assert texts and {*"".join(texts)} <= letters


def test_subwords_and_windows(trained_on_windows):
    model = textgen.load(trained_on_windows)
    assert len(Suggester(model).suggest("The cat sat on the c", Decoding())) == 3
    subwords = SubwordModel().sampler()
    for text in ("", "a t", "a the", "a the " * 40, "th"):
        words = Suggester(subwords).suggest(text, Decoding(1.0))
        assert words and all(words)
        assert words == Suggester(subwords).suggest(text, Decoding(1.0))


def test_unknown_characters_are_refused(model):
    with pytest.raises(SeedError):
        Suggester(model).suggest("é", Decoding())
    assert np.isfinite(model.logprobs("The cat")).all()  # and the model is as it was


def test_a_mixture_suggests_what_its_models_expect_together(trained, trained_on_windows):
    mixed = textgen.load(Mix((str(trained), str(trained_on_windows)), (0.5, 0.5), (1, 0)))
    words = Suggester(mixed).suggest("The king sat on the mat.\n" * 20 + "The c", Decoding())
    assert len({*words}) == 3 and words[0] == "at"
