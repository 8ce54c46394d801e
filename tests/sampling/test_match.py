"""Texts that match a regular expression: of all kinds of models, alone and side by side."""

import re
from typing import Any

import pytest

from tests.raising import raises_settings_error
from tests.sampling.document_models import NAMES, BigramModel
from tests.sampling.subword_models import CHARACTERS, MERGES, SubwordModel
from tests.sampling.test_sampler import random_network
from textgen.errors import SettingsError
from textgen.sampling import Sampler
from textgen.text.vocabulary import Vocabulary

LETTERS = "\n -.01245ABEINTaeginst"
DOCUMENTS_OF_SUBWORDS = Vocabulary(CHARACTERS, merges=MERGES, has_document_end=True)
PLAIN: dict[str, Any] = {"temperature": 1.0, "random_seed": 3}


def characters(window=None):
    vocabulary = Vocabulary(LETTERS)
    return Sampler(random_network(size=vocabulary.size), vocabulary, window, ["a"])


def subwords():
    return SubwordModel().sampler()


@pytest.mark.parametrize(
    ("seed", "options", "whole"),
    [
        ("\n", {"length": 40, "match": "^[^eE]*$"}, r"\n[^eE]{40}"),
        ("\n", {"lines": 1, "match": r"^[\sA-Z]+$"}, r"\n[A-Z ]*\n"),
        ("\n", {"lines": 1, "match": r"^\n.{5,20}ing$"}, r"\n.{5,20}ing\n"),
        ("A ", {"length": 30, "match": r"\d{4}-\d\d-\d\d"}, r"A [^z]{30}"),
        ("A ", {"length": 30, "match": r"^A \d{4}-\d\d-\d\d$"}, r"A \d{4}-\d\d-\d\d"),
        ("A ", {"length": 5, "match": "^A (ab?)*ing"}, r"A (?s:.){5}"),
        ("A", {"length": 6, "match": "^A(ing)*$"}, r"A(ing){0,2}\n?"),
        ("A", {"length": 5, "match": "^A(ing)*$"}, r"A(ing)?\n?"),
        ("A", {"lines": 3, "length": 40, "match": r"(?m)^1$\n^2$"}, r"A(?s:.)*"),
        ("A", {"until": "..", "match": r"^A\d{3,9}\.\.$"}, r"A\d{3,9}\.\."),
        ("\n", {"lines": 1, "match": "^\n([^aei]*[aei]+){12}[^aei]*$"}, r"\n.*\n"),
        ("In", {"lines": 1, "length": 40, "match": r"\bIn\b"}, r"In(?s:.)*"),
    ],
)
@pytest.mark.parametrize("window", [None, 3])
def test_texts_match(seed, options, whole, window):
    options = PLAIN | options
    texts = characters(window).generate(seed, n=9, **options)
    for text in texts:
        assert re.search(options["match"], text) and re.fullmatch(whole, text), text
        if "lines" in options:
            assert text.count("\n") - seed.count("\n") <= options["lines"]
    assert texts[0] == characters(window).generate(seed, **options)
    assert texts[0] == seed + "".join(characters(window).stream(seed, **options))


@pytest.mark.parametrize(
    ("seed", "options", "whole"),
    [
        ("th", {"length": 30, "match": "^[^a]*$"}, r"th[^a]{30}"),
        ("th", {"length": 30, "match": r"^the\b[^b]*$"}, r"the[^b]{29}"),
        ("th", {"length": 9, "match": "^th(e cab)?$"}, r"th(e cab)?\n?"),
        ("the", {"length": 9, "match": "^the cabd$"}, r"the cabd"),
        ("the", {"length": 5, "match": "^the ca"}, r"the ca.."),
        ("the", {"lines": 1, "match": "^the.{3}cab$"}, r"the...cab\n"),
        ("cab", {"until": "dt", "match": "^[a-d ]*e{2}dt$"}, r"[a-d ]*eedt"),
        ("a\n", {"length": 7, "match": r"^a\n(ab){3}"}, r"a\n(ab){3}."),
        ("eaea", {"length": 7, "match": "^(ea)+$"}, r"(ea){2,5}\n?"),
        ("ea", {"length": 3, "match": "^ea[ ]?a?a$"}, r"ea[ ]?a?a\n?"),
    ],
)
def test_texts_of_subwords_match(seed, options, whole):
    options = PLAIN | options
    texts = subwords().generate(seed, n=20, **options)
    for text in texts:
        assert re.search(options["match"], text) and re.fullmatch(whole, text, re.DOTALL), text
    assert texts[0] == subwords().generate(seed, **options)
    assert [seed + "".join(subwords().stream(seed, **options))] == texts[:1]


@pytest.mark.parametrize("seed", ["", "th", "cab"])
def test_documents_of_subwords_match(seed):
    sampler = SubwordModel(DOCUMENTS_OF_SUBWORDS).sampler()
    for expression in ("^[^\n]{3,9}$", "ab|the", r"^\w+( \w+)?$", "d$"):
        texts = sampler.generate(seed, n=20, length=12, match=expression, **PLAIN)
        for text in texts:
            assert re.search(expression, text) and text.startswith(seed)
            assert len(text) <= len(seed) + 12
        stream = sampler.stream(seed, length=12, match=expression, **PLAIN)
        assert texts[0] == seed + "".join(stream)


def test_documents_match_with_filters_labels_and_lengths():
    sampler = BigramModel([*NAMES, "Bob", "Bobo"], ["name"] * len(NAMES) + ["other"] * 2).sampler()
    cases: tuple[dict[str, Any], ...] = (
        {"match": "^A.*a$", "label": "name", "length": 40},
        {"match": "(?i)N{2}", "unique": True, "length": 40},
        {"match": "ia", "min_length": 4, "max_length": 5},
        {"match": r"^\w{5}$", "max_length": 5, "tries": 1},
        {"match": "n$", "length": 4},
    )
    for options in cases:
        for text in sampler.generate(n=9, **PLAIN, **options):
            assert re.search(options["match"], text), text
    assert {*sampler.generate(n=9, match="^Bob$", label="other", **PLAIN)} == {"Bob"}
    assert sampler.generate("Ann", match="^Ann$", **PLAIN) == "Ann"


def test_a_document_that_would_be_too_long_is_cut_where_it_matches():
    sampler = BigramModel(NAMES).sampler()
    for text in sampler.generate(n=20, length=3, match="^An*a*$", temperature=1.0):
        assert len(text) <= 3 and re.search("^An*a*$", text)


def test_what_always_matches_changes_nothing():
    for sampler in (characters(), subwords(), BigramModel(NAMES).sampler()):
        for expression in ("", "a", "e?"):
            assert sampler.generate("a", n=5, match=expression, length=50, **PLAIN) == (
                sampler.generate("a", n=5, length=50, **PLAIN)
            )


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("(", "is not a regular expression"),
        (3, "must be a regular expression, as a text"),
        ("é", "matches no text of the model's characters; the model has no 'é'"),
        (r"a$a", "matches no text of the model's characters"),
        ("^e", "has no match in a text that begins with the seed, 'a'"),
        ("^a$", "matches the seed, 'a', and nothing may follow"),
        ("e{41}", "needs 41 characters or more after the seed, and the text has at most 40"),
        (r"(a)\1", "refers back to a group"),
        (r"(a)?(?(1)e|i)", "depends on a group"),
        ("(?=ea)", "looks ahead or behind for more than one character"),
        ("(?<!ea)i", "looks ahead or behind for more than one character"),
        ("(?>ea|e)a", "has an atomic group"),
        ("(?:ea)++", "has a possessive repetition"),
        ("e{20000}", "is too large"),
        ("^(e?){9000}$", "is too large"),
        ("(" * 90 + "a?" + "){0,99}" * 90, "is too large"),
    ],
)
def test_what_cannot_match_is_refused(expression, problem):
    with pytest.raises(SettingsError) as caught:
        characters().generate("a", length=40, match=expression)
    assert str(caught.value).startswith(f"match {problem}") and "\n" not in str(caught.value)


def test_a_long_seed_is_shortened_in_messages():
    with pytest.raises(SettingsError, match=r"with the seed, '\.\.\.a{30}'$"):
        characters().generate("a" * 99, length=40, match="^e")


def test_characters_that_are_excluded_lead_nowhere():
    sampler = characters()
    sampler.excluded = "t"
    with raises_settings_error("match"):
        sampler.generate("a", match="t")
    assert "t" in sampler.generate("at", match="t", length=9)
    for text in sampler.generate("a", n=9, match="ni?t|ne", length=20, **PLAIN):
        assert "ne" in text and "t" not in text


def test_a_document_is_never_empty():
    sampler = BigramModel(NAMES).sampler()
    with raises_settings_error("match"):
        sampler.generate(match="^$")
    assert all(sampler.generate(n=9, match="^n*$", **PLAIN))
