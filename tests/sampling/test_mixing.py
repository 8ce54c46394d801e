"""Samplers of several models: their texts, and which models can be mixed."""

import math
from typing import Any

import numpy as np
import pytest

from tests.sampling.document_models import NAMES, BigramModel
from tests.sampling.subword_models import SUBWORDS, SubwordModel
from tests.sampling.test_sampler import LETTERS, random_network, speller
from textgen.errors import ModelError, SettingsError, TextgenError
from textgen.sampling import Sampler
from textgen.sampling.mixing import mix_samplers
from textgen.sampling.stopping import StopCondition
from textgen.settings import Decoding, Mix
from textgen.text.vocabulary import Vocabulary


def sampler(seed=0, window=None, vocabulary=LETTERS) -> Sampler:
    network = random_network(seed=seed, size=vocabulary.size)
    return Sampler(network, vocabulary, window, ["abc", "de"])


def mix(*samplers: Sampler, weights=(), to=(), by="probabilities") -> Sampler:
    return mix_samplers(samplers, Mix(["one", "two"], weights, to, by))


def arguments(sampler: Sampler, length: int = 40) -> tuple[Decoding, StopCondition, int]:
    return Decoding(1.0), sampler.stop_condition(length), 3


def streams_and_batch(sampler: Sampler, seed: str, **options: Any) -> tuple[str, str]:
    stream = "".join(sampler.generate_stream(seed, *arguments(sampler), **options))
    others = sampler.generate_batch([seed, seed[-1:], seed[:2]], *arguments(sampler), **options)
    return stream, next(iter(others)).text


@pytest.mark.parametrize("by", ["probabilities", "logits"])
def test_a_model_mixed_with_itself_writes_its_texts(by):
    one = sampler()
    both = mix(one, one, weights=(0.3, 0.7), by=by)
    assert both.generate("ab", length=60, random_seed=1) == one.generate(
        "ab", length=60, random_seed=1
    )
    expected, actual = np.exp(one.logprobs("abcdefgh")), np.exp(both.logprobs("abcdefgh"))
    assert np.abs(expected - actual).max() < 1e-6


def test_a_weight_of_one_is_that_model_alone():
    one, two = sampler(), sampler(1, vocabulary=Vocabulary("abcdefghijk"))
    assert mix(one, two, weights=(1, 0)) is one
    assert mix(one, two, weights=(0, 1)) is two
    assert mix(one, two, weights=(1, 0), to=(0, 1)) not in (one, two)


@pytest.mark.parametrize("to", [(), (0.2, 0.8)])
@pytest.mark.parametrize("by", ["probabilities", "logits"])
def test_a_stream_and_a_batch_write_the_same(by, to):
    both = mix(sampler(1), sampler(2, window=3), weights=(0.6, 0.4), to=to, by=by)
    assert both.window is None
    stream, text = streams_and_batch(both, "ab")
    assert stream == text and len(text) == 40
    assert len(set(streams_and_batch(mix(sampler(1), sampler(2)), "ab"))) == 1


def test_a_ramp_ends_with_the_last_model_wherever_it_began():
    up, down = sampler(), speller()
    texts = [
        mix(up, down, weights=(1, 0), to=(0, 1)).generate(seed, length=30, random_seed=4)
        for seed in ("abcdefghabcdefgh", "a")
    ]
    for text in texts:
        beginning, end = text[-30:-20], text[-3:]
        assert end in "abcdefghab" and beginning not in "abcdefghabcdefghab"


def test_a_ramp_needs_a_length():
    both = mix(sampler(), sampler(1), weights=(1, 0), to=(0, 1))
    with pytest.raises(SettingsError, match="mix changes over the text, which has no end"):
        both.stream("a")
    assert len(both.generate("a", length=20)) == 21


def test_characters_of_both_models_are_written_and_read():
    one, two = speller(), speller(3, Vocabulary("xyz"))
    both = mix(one, two, weights=(0.5, 0.5))
    assert both.vocabulary.characters == "abcdefghxyz"
    text = both.generate("hxh", length=200, temperature=1, random_seed=1)
    assert set(text) == set("abcdefghxyz")
    assert both.logprobs("abx").tolist()[0] == pytest.approx(math.log(0.5))


def test_windows_of_all_models_bound_what_is_read():
    assert mix(sampler(1, 5), sampler(2, 3)).window == 5
    stream, text = streams_and_batch(mix(sampler(1, 5), sampler(2, 3)), "abcdefghabc")
    assert stream == text


def test_documents_end_and_unknown_characters_are_never_written():
    names = BigramModel(NAMES).sampler()
    others = BigramModel(["Bob", "Bo", "Obo"], characters="x").sampler()
    names.document_length = 5
    for to in ((), (0, 1)):
        both = mix(names, others, weights=(1, 0) if to else (0.5, 0.5), to=to)
        documents = both.generate(n=200, temperature=1, random_seed=1)
        assert all(set(text) <= set("".join([*NAMES, "BobO"])) for text in documents)
        assert {text[0] for text in documents} >= ({"A", "N"} if to else {"A", "N", "B", "O"})
        stream, text = streams_and_batch(both, "")
        assert stream == text


def test_labels_of_one_model_are_those_of_the_mixture():
    labelled = BigramModel(NAMES, ["x", "y"] * 5 + ["x"]).sampler()
    plain = BigramModel(NAMES).sampler()
    both = mix(plain, labelled)
    assert both.labels is labelled.labels
    stream, text = streams_and_batch(both, "", label="kind=x")
    assert stream == text


@pytest.mark.parametrize("to", [(), (0, 1)])
def test_models_with_the_same_subwords_are_mixed(to):
    one, other = SubwordModel().sampler(), SubwordModel().sampler(window=4)
    both = mix(one, other, weights=(1, 0) if to else (0.5, 0.5), to=to)
    for seed in ("the ca", "a bad"):
        stream, text = streams_and_batch(both, seed)
        assert stream == text and len(text) == 40
    same = mix(one, one)
    assert same.generate("the", random_seed=1) == one.generate("the", random_seed=1)


def test_filters_look_into_the_corpora_of_all_models():
    class Known:
        def __init__(self, *documents):
            self.documents, self.false_positives = documents, 0.5

        def find_documents(self, documents):
            return [document in self.documents for document in documents]

        def find_copies(self, documents, length):
            return [document[:length] in self.documents for document in documents]

    samplers = [BigramModel(NAMES).sampler() for _ in range(2)]
    assert mix(*samplers).corpus is None
    samplers[0].corpus, samplers[1].corpus = Known("Anna"), Known("Nan")
    both = mix(*samplers)
    assert both.corpus is not None and both.corpus.false_positives == 0.75
    assert [*both.corpus.find_documents(["Anna", "Nan", "Ann"])] == [True, True, False]
    assert [*both.corpus.find_copies(["Annabel", "Nano"], 3)] == [False, True]
    with pytest.raises(TextgenError):
        both.generate(n=5, match="^(Anna|Nan)$", novel=True, tries=20)


END = Vocabulary("abc", has_document_end=True)
OTHER_SUBWORDS = Vocabulary(SUBWORDS.characters, merges=SUBWORDS.merges[:-1])


@pytest.mark.parametrize(
    ("one", "other", "problem"),
    [
        (
            sampler(),
            sampler(vocabulary=END),
            "two: has characters of documents, and one has characters of continuous text",
        ),
        (
            SubwordModel().sampler(),
            sampler(),
            "two: has characters of continuous text, and one has subwords of continuous text",
        ),
        (
            SubwordModel().sampler(),
            SubwordModel(OTHER_SUBWORDS).sampler(),
            "two: has other subwords than one",
        ),
        (
            BigramModel(NAMES, ["x", "y"] * 5 + ["x"]).sampler(),
            BigramModel(NAMES, ["x", "z"] * 5 + ["x"]).sampler(),
            "two: has other labels than the models before it",
        ),
    ],
)
def test_models_of_different_kinds_are_an_error(one, other, problem):
    for weights in ((0.5, 0.5), (1, 0)):
        with pytest.raises(ModelError) as caught:
            mix(one, other, weights=weights)
        assert str(caught.value).startswith(problem) and "\n" not in str(caught.value)


def test_mixed_logits_need_a_common_character():
    with pytest.raises(SettingsError, match="mix_by logits needs characters that all models know"):
        mix(speller(), speller(3, Vocabulary("xyz")), by="logits")
