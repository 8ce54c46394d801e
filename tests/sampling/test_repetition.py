"""Texts that repeat themselves less, or not at all."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sampling.document_models import NAMES, BigramModel
from tests.sampling.subword_models import CHARACTERS, SUBWORDS, SubwordModel, reciter
from tests.sampling.test_sampler import LETTERS, random_network
from textgen.sampling import Sampler
from textgen.sampling.repetition import FREE, NoRepeat, RepetitionPenalty
from textgen.sampling.requests import TextRequest
from textgen.sampling.subwords import Spelling
from textgen.text.vocabulary import Vocabulary

SAMPLERS = {
    "characters": Sampler(random_network(), LETTERS, None, ["a"]),
    "windows": Sampler(random_network(), LETTERS, 3, ["a"]),
    "subwords": SubwordModel().sampler(),
    "subwords in windows": SubwordModel().sampler(4),
    "documents": BigramModel(NAMES).sampler(),
}


def repeats(text: str, length: int) -> int:
    """How many sequences of a text were there before."""
    found = [text[place : place + length] for place in range(len(text) - length + 1)]
    return len(found) - len({*found})


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([*SAMPLERS]), st.integers(1, 9), st.integers(0, 99))
def test_no_sequence_occurs_twice(data, name, length, random_seed):
    sampler = SAMPLERS[name]
    characters = sampler.vocabulary.characters
    seed = data.draw(st.text(characters, min_size=name != "documents", max_size=8))
    options: dict[str, Any] = {
        "no_repeat": length,
        "temperature": 0.8,
        "random_seed": random_seed,
        "length": 60,
    }
    text = sampler.generate(seed, **options)
    counts = [repeats(text[:place], length) for place in range(len(seed), len(text) + 1)]
    if counts[-1] > counts[0]:  # at the first one nothing else could follow
        place = len(seed) + counts.index(counts[0] + 1) - 1
        before = text[place - length + 1 : place]
        assert all(before + other in text[:place] for other in characters)
    assert sampler.generate(seed, n=2, **options)[0] == text
    assert seed + "".join(sampler.stream(seed, **options)) == text


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(SUBWORDS.tokens), max_size=12), st.integers(1, 8))
def test_just_the_subwords_that_repeat_a_sequence_are_excluded(tokens, length):
    seed, spelling = "the tab", Spelling(SUBWORDS)
    control = NoRepeat(length, SUBWORDS, spelling)(TextRequest([0], (1,), seed=seed))
    text = seed
    for token in tokens:
        control.advance(SUBWORDS.table.index(token))
        text += token
    logits = np.zeros(SUBWORDS.size, np.float32)
    control.adjust(logits, 10)
    before = repeats(text, length)
    expected = [repeats(text + token, length) > before for token in SUBWORDS.tokens]
    assert np.isneginf(logits).tolist() == expected


def test_a_loop_of_subwords_ends():
    sampler = reciter(" the", "ab")
    assert repeats(sampler.generate("a", length=60, temperature=0), 12) > 30
    assert repeats(sampler.generate("a", length=60, temperature=0, no_repeat=12), 12) == 0


def test_the_penalty_grows_with_the_length_of_what_is_repeated():
    vocabulary = Vocabulary("abcdefghijk", has_document_end=True)
    text = "abcdefghijk" + "a" + "bcdefgh"
    seen = []
    for end in range(12, len(text) + 1):
        ids = [vocabulary.document_end_id, *vocabulary.encode(text[:end]).tolist()]
        control = RepetitionPenalty(2.0, vocabulary)(TextRequest(ids, (1,)))
        logits = np.zeros(vocabulary.size, np.float32)
        control.adjust(logits, 5)
        (lowered,) = np.flatnonzero(logits).tolist() or [-1]
        seen.append(float(np.exp2(round(logits.min() / np.log(2)))))
        expected = vocabulary.encode(text[end - 11]).item() if end - 11 > FREE else -1
        assert lowered == expected
    assert seen == [2.0 ** -max(0, repeated - FREE) for repeated in range(1, 9)]


@pytest.mark.parametrize("name", [*SAMPLERS])
def test_a_penalty_gives_the_same_text_in_a_stream_and_in_a_batch_and_repeats_less(name):
    sampler, seed = SAMPLERS[name], "A" if name == "documents" else "a"
    options: dict[str, Any] = {"temperature": 0.1, "random_seed": 4, "length": 3000}
    text = sampler.generate(seed, repetition_penalty=3.0, **options)
    assert sampler.generate(seed, n=3, repetition_penalty=3.0, **options)[0] == text
    assert seed + "".join(sampler.stream(seed, repetition_penalty=3.0, **options)) == text
    if name != "documents":
        assert repeats(text, 12) < repeats(sampler.generate(seed, **options), 12)


def test_what_is_remembered_is_bounded_and_what_is_near_is_remembered(monkeypatch):
    monkeypatch.setattr("textgen.sampling.repetition._MEMORY", 16)
    vocabulary = Vocabulary("abcdefgh")
    control = RepetitionPenalty(2.0, vocabulary)(TextRequest([0], (1,)))
    for number in [*range(8)] * 9:
        control.advance(number)
    logits = np.zeros(8, np.float32)
    control.adjust(logits, 5)
    assert logits.argmin() == 0 and (logits[1:] == 0).all()
    assert -logits[0] > 10 * np.log(2)


def test_all_options_of_control_go_together():
    sampler = SAMPLERS["subwords"]
    options: dict[str, Any] = {
        "ban": "d",
        "only": CHARACTERS,
        "repetition_penalty": 1.3,
        "no_repeat": 5,
    }
    texts = sampler.generate("the", n=4, length=80, min_p=0.01, random_seed=3, **options)
    assert sampler.generate("the", length=80, min_p=0.01, random_seed=3, **options) == texts[0]
    assert len({*texts}) == 4 and not any("d" in text for text in texts)
