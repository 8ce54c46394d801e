"""Characters that are never chosen."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.raising import raises_settings_error
from tests.sampling.document_models import NAMES, BigramModel
from tests.sampling.subword_models import CHARACTERS, SubwordModel
from textgen.sampling.characters import find_banned
from textgen.settings import Decoding

DOCUMENTS = BigramModel(NAMES, ["x", "y"] * 5 + ["x"]).sampler()
SUBWORDS = SubwordModel().sampler()
WINDOWS = SubwordModel().sampler(5)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([SUBWORDS, WINDOWS]),
    st.sets(st.sampled_from(CHARACTERS), max_size=8),
    st.text(CHARACTERS, min_size=1, max_size=6),
    st.integers(0, 99),
)
def test_no_subword_has_a_banned_character_whatever_the_seed_has(sampler, banned, seed, number):
    options: dict[str, Any] = {"length": 30, "temperature": 1.5, "random_seed": number}
    text = sampler.generate(seed, ban="".join(banned), **options)
    assert text.startswith(seed) and not banned & {*text.removeprefix(seed)}
    allowed = "".join({*CHARACTERS} - banned)
    assert sampler.generate(seed, only=allowed, **options) == text
    assert sampler.generate(seed, n=2, ban="".join(banned), **options)[0] == text
    stream = sampler.stream(seed, ban="".join(banned), **options)
    assert seed + "".join(stream) == text


def test_documents_end_without_the_characters_that_are_banned():
    documents = DOCUMENTS.generate(n=50, ban="D", only="A-Za-n", temperature=1.0, random_seed=1)
    assert len({*documents}) > 5
    assert not any("D" in document for document in documents)


def test_only_and_ban_together_exclude_what_either_excludes():
    assert find_banned("abcd", Decoding(ban="a", only="a-c")) == "ad"
    assert find_banned("abcd", Decoding(ban="", only="a-z")) == ""


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("only", {"only": "x-z"}),
        ("only", {"only": "a-c", "ban": "a-c"}),
        ("ban", {"ban": "\n -z"}),
        ("lines", {"only": "a-z", "lines": 1}),
        ("lines", {"ban": "\n", "lines": 1}),
        ("until", {"ban": "b", "until": "ab"}),
    ],
)
@pytest.mark.parametrize("method", ["generate", "stream"])
def test_what_leaves_nothing_or_no_end_is_refused(method, name, options):
    with raises_settings_error(name):
        list(getattr(SUBWORDS, method)("a", **options))


def test_documents_that_could_only_be_empty_are_refused():
    with raises_settings_error("only"):
        DOCUMENTS.generate(only="x")
