"""The most probable of several texts."""

import math
import weakref
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from tests.raising import raises_settings_error
from tests.sampling.document_models import NAMES, BigramModel
from tests.sampling.subword_models import SubwordModel
from tests.sampling.test_sampler import LETTERS, random_network
from textgen.sampling import Sampler
from textgen.sampling.candidates import choose_best, repeat_candidates
from textgen.sampling.texts import Candidate, GeneratedText, TextConfig
from textgen.settings import Decoding

LABELS = ["x", "y"] * 5 + ["x"]
SAMPLERS = {
    "characters": Sampler(random_network(), LETTERS, None, ["a"]),
    "windows": Sampler(random_network(), LETTERS, 3, ["a"]),
    "subwords": SubwordModel().sampler(),
    "documents": BigramModel(NAMES, LABELS).sampler(),
}


def generate(sampler: Sampler, candidates: Any, best_of: int = 1) -> list[GeneratedText]:
    stop = sampler.stop_condition(20)
    config = TextConfig(Decoding(1.0), stop, 5, scores=True, best_of=best_of)
    return list(sampler.generate_candidates(candidates, config))


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_best_one_is_chosen_of_texts_that_begin_with_the_one_without(name):
    sampler, seed = SAMPLERS[name], "A" if name == "documents" else "a"
    candidates = [Candidate(seed, number) for number in range(6)]
    best = generate(sampler, candidates, 4)
    all_texts = generate(sampler, repeat_candidates(candidates, 4))
    for number, text in enumerate(best):
        some = all_texts[4 * number : 4 * number + 4]
        assert some[0].text == generate(sampler, candidates[: number + 1])[-1].text
        assert text == max(some, key=lambda each: each.mean_log_probability)
        assert len({str(each.labels) for each in some}) == 1
        assert len({each.text for each in some}) > 1
    assert any(text != all_texts[4 * number] for number, text in enumerate(best))


def test_python_has_the_same_texts_also_with_filters():
    sampler = SAMPLERS["documents"]
    options: dict[str, Any] = {"temperature": 1.0, "length": 20, "random_seed": 5}
    best = [text.document for text in generate(sampler, [Candidate("", n) for n in range(5)], 3)]
    assert sampler.generate(n=5, best_of=3, **options) == best
    assert sampler.generate(best_of=3, **options) == best[0]
    unique = sampler.generate(n=3, best_of=3, unique=True, **options)
    assert unique[0] == best[0] and len({*unique}) == 3
    assert sampler.generate(n=5, best_of=1, **options) == sampler.generate(n=5, **options)


def test_as_few_candidates_are_read_as_are_side_by_side():
    sampler = Sampler(random_network(), LETTERS, None, ["a"], batch_states=4)
    read: list[int] = []

    def candidates():
        for number in range(10**9):
            read.append(number)
            yield Candidate("a", number)

    stop = sampler.stop_condition(5)
    config = TextConfig(Decoding(1.0), stop, 5, best_of=3)
    assert len([*islice(sampler.generate_candidates(candidates(), config), 20)]) == 20
    assert len(read) < 30


def test_the_first_of_equals_is_chosen_and_one_without_characters_last():
    def text(name: str, mean: float) -> GeneratedText:
        return GeneratedText("", name, mean, True)

    texts = [text("a", math.nan), text("b", -2), text("c", -2), text("d", math.nan)]
    assert [each.text for each in choose_best(texts, 2)] == ["b", "c"]
    assert [each.text for each in choose_best(texts[2:] + texts[:2], 4)] == ["c"]


def test_texts_are_dropped_as_soon_as_a_better_one_is_known():
    references: list[weakref.ref[GeneratedText]] = []
    most = 0

    def texts() -> Iterator[GeneratedText]:
        nonlocal most
        for number in range(300):
            text = GeneratedText("", str(number), -number, True)
            references.append(weakref.ref(text))
            most = max(most, sum(each() is not None for each in references))
            yield text

    assert [text.text for text in choose_best(texts(), 100)] == ["0", "100", "200"]
    assert most < 6


def test_the_number_is_1_or_more_and_a_stream_has_none():
    with raises_settings_error("best_of"):
        SAMPLERS["characters"].generate("a", best_of=0)
    with pytest.raises(TypeError):
        SAMPLERS["characters"].stream("a", best_of=2)  # type: ignore[call-arg]
