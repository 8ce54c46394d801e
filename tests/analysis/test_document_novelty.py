"""How much of a model's documents is copied, compared with a search by hand."""

import json
from itertools import pairwise

import pytest

from tests.analysis.models import WINDOWS, model_with_corpus
from tests.analysis.test_novelty import longest, share
from tests.optional import present
from textgen import novelty
from textgen.model import model_dir
from textgen.settings import CorpusConfig, Decoding, NoveltyConfig, WindowConfig

CONFIG = NoveltyConfig(temperatures=(0.7, 1.0), samples=30, length=60)
LINES = CorpusConfig(documents="lines")


def text(number: int) -> str:
    """A document: short ones occur often among others, and in what a random model writes."""
    return "".join("abcd"[number * place**2 // 7 % 4] for place in range(1, 2 + number % 23))


@pytest.fixture(params=["characters", "bpe:12"])
def model(tmp_path, request):
    path = tmp_path / "texts.txt"
    path.write_text("".join(f"{text(number)}\n" for number in range(400)))
    directory = tmp_path / "model"
    _, prepared = model_with_corpus(directory, path, LINES, WINDOWS, request.param)
    return directory, path, prepared


def parts_of(prepared) -> list[list[str]]:
    """The training, validation and test documents."""
    starts, counts = prepared.documents.starts, prepared.documents.counts
    texts = [
        prepared.vocabulary.decode(prepared.ids[first:last]) for first, last in pairwise(starts)
    ]
    return [texts[sum(counts[:part]) : sum(counts[: part + 1])] for part in range(3)]


def samples(directory, temperature: float, config: NoveltyConfig) -> list[str]:
    sampler = model_dir.load(directory)
    ending = sampler.stop_condition(config.length)
    seeds = [""] * present(config.samples)
    batch = sampler.generate_batch(seeds, Decoding(temperature), ending, config.random_seed)
    return [sample.document for sample in batch]


def test_figures_are_those_of_a_search_by_hand(model):
    directory, _, prepared = model
    result = novelty(directory, config=CONFIG)
    training, validation, _ = parts_of(prepared)
    corpus = "\n".join(training)  # no document has a line end
    assert result.training_characters == sum(map(len, training))
    assert result.samples == 30
    for column, temperature in zip(result.by_temperature, CONFIG.temperatures, strict=True):
        texts = samples(directory, temperature, CONFIG)
        assert column.characters == sum(map(len, texts))
        for n, value in column.shares.items():
            if value is not None:
                assert value == pytest.approx(share(texts, corpus, n))
        assert column.longest_copy == longest(texts, corpus)
        assert column.exact_copies == sum(text in training for text in texts)
    if prepared.subwords is None:  # of subwords, the random model copies no whole document
        assert sum(present(column.exact_copies) for column in result.by_temperature) > 0
    assert all(present(column.shares[4]) > 0 for column in result.by_temperature)
    count = min(len(validation), 30)
    unseen = [validation[number * len(validation) // count][:60] for number in range(count)]
    figures = present(result.unseen)
    assert figures.characters == sum(map(len, unseen))
    assert figures.longest_copy == longest(unseen, corpus)
    assert figures.exact_copies is None
    assert " are exact copies of training documents; " in result.verdict


def test_passages_name_the_documents_they_are_from(model):
    directory, _, prepared = model
    (training, *_) = parts_of(prepared)
    config = NoveltyConfig(temperatures=(0.01,), samples=5, length=60)
    result = novelty(directory, config=config)
    passages = list(result.passages)
    if not passages:
        pytest.skip("the random model copies nothing that is long enough")
    for passage in passages:
        first = next(document for document in training if passage.text in document)
        assert passage.document == first[:200]
        assert passage.line is passage.offset is None
        assert "\n" not in passage.text


def test_the_text_can_be_named(model):
    directory, path, _ = model
    expected = novelty(directory, config=CONFIG)
    assert novelty(directory, path, CONFIG) == expected


def test_documents_without_a_single_n_gram(tmp_path):
    path = tmp_path / "short.txt"
    path.write_text("".join(f"{letter}\n" * 9 for letter in "abcd"))
    directory = tmp_path / "model"
    model_with_corpus(directory, path, LINES, WindowConfig(maxlen=1, validation=0.0))
    config = NoveltyConfig(temperatures=(1.0,), samples=8, length=4)
    result = novelty(directory, config=config)
    assert result.unseen is None and "of 8 documents" in result.verdict


def test_the_command(textgen, model):
    directory, *_ = model
    done = textgen("novelty", "--model", directory, "--temperature", "1")
    assert done.returncode == 0, done.stderr
    assert "of 200 documents (temperature 1) are exact copies" in done.stdout
    assert "whole documents" in done.stdout
    figures = json.loads(textgen("novelty", "--model", directory, "--format", "json").stdout)
    assert figures["by_temperature"][0]["exact_copies"] is not None
