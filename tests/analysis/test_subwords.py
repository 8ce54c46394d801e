"""Models with subwords are analysed in characters, compared with sums by hand."""

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.models import (
    LABELS,
    LETTERS,
    MERGES,
    WINDOWS,
    make_title,
    model_with_corpus,
    random_model,
    save_model,
)
from tests.analysis.source import source
from tests.analysis.test_document_scores import LINES, NONE, ROWS, TABLE, document_nats, nats
from tests.analysis.test_novelty import longest, samples, share
from textgen import compare, compare_labels, evaluate, evaluate_each, inspect, novelty
from textgen.analysis import document_reader
from textgen.analysis.losses import UNKNOWN_BITS
from textgen.analysis.text_reader import TextReader
from textgen.errors import CorpusError
from textgen.model.model_dir import TrainedModel
from textgen.sampling.context import make_reader
from textgen.sampling.decoding import probabilities
from textgen.settings import NoveltyConfig
from textgen.text import reading
from textgen.text.vocabulary import Vocabulary

TEXT = "abba chabb fae\nch ch  chab\n\nfaefab" * 3
VOCABULARY = Vocabulary(LETTERS, merges=MERGES)


@pytest.fixture
def continuous(tmp_path):
    trained = random_model(NONE, merges=MERGES)
    return trained, save_model(trained, tmp_path / "continuous")


@pytest.fixture
def documents(tmp_path):
    trained = random_model(LINES, merges=MERGES)
    return trained, save_model(trained, tmp_path / "documents")


def text_nats(trained: TrainedModel, text: str) -> Any:
    """The negative log-probability of each token of a continuous text but the first."""
    return nats(trained, trained.record.vocabulary.encode(text), [])


def first_length(vocabulary: Vocabulary, text: str) -> int:
    """The characters of the first token."""
    return int(vocabulary.lengths[vocabulary.encode(text)[0]])


def test_losses_are_per_character(continuous):
    trained, model = continuous
    total, evaluation = text_nats(trained, TEXT), evaluate([source(TEXT)], model)
    predicted = len(TEXT) - first_length(VOCABULARY, TEXT)
    assert len(total) + 1 < 0.7 * len(TEXT)  # there are subwords in it
    assert (evaluation.characters, evaluation.predicted) == (len(TEXT), predicted)
    assert evaluation.loss == pytest.approx(total.sum() / predicted, abs=1e-9)
    assert evaluation.bits_per_character == pytest.approx(evaluation.loss / math.log(2))
    assert evaluation.charged_bits_per_character == pytest.approx(evaluation.bits_per_character)
    assert evaluation.perplexity == pytest.approx(math.exp(total.sum() / predicted))
    assert evaluation.to_json()["perplexity_per_token"] == pytest.approx(math.exp(total.mean()))
    assert (evaluation.coverage, evaluation.unknown) == (1, 0)


def test_windows_are_of_tokens(continuous):
    trained, model = continuous
    ids = VOCABULARY.encode(TEXT)
    rows = [ids[start : start + 5] for start in range(0, len(ids) - 4, 4)]
    total = sum(nats(trained, row, []).sum() for row in rows)
    predicted = sum(int(VOCABULARY.lengths[row[1:]].sum()) for row in rows)
    evaluation = evaluate([source(TEXT)], model, windows=4)
    assert evaluation.predicted == predicted
    assert evaluation.loss == pytest.approx(total / predicted, abs=1e-6)


@pytest.mark.parametrize("has_unknown", [False, True])
def test_characters_outside_the_vocabulary(tmp_path, has_unknown):
    trained = random_model(NONE, has_unknown=has_unknown, merges=MERGES)
    model = save_model(trained, tmp_path / "model")
    text = "abba xchxabb abxb"
    evaluation = evaluate([source(text)], model)
    assert (evaluation.characters, evaluation.unknown) == (len(text), 3)
    assert evaluation.coverage == 1 - 3 / len(text)
    vocabulary = trained.record.vocabulary
    unknown = vocabulary.unknown_id
    pieces = [vocabulary.encode(part) for part in ("abba ", "ch", "abb ab", "b")]
    between = [np.array([] if unknown is None else [unknown], np.int64)] * 3
    ids = np.concatenate(
        [pieces[0], *(part for pair in zip(between, pieces[1:], strict=True) for part in pair)]
    )
    values = nats(trained, ids, [])
    known = values[ids[1:] != (-1 if unknown is None else unknown)].sum()
    known_characters = len(text) - 3 - 4  # the first token, "abba", is not predicted
    predicted = known_characters + (3 if has_unknown else 0)
    assert evaluation.predicted == predicted
    assert evaluation.loss == pytest.approx(values.sum() / predicted, abs=1e-6)
    share = evaluation.coverage
    bits = share * known / known_characters / math.log(2) + (1 - share) * UNKNOWN_BITS
    assert evaluation.charged_bits_per_character == pytest.approx(bits, abs=1e-6)
    surprises = list(inspect([source(text)], model))
    assert "".join(surprise.character for surprise in surprises) == text
    x = [surprise for surprise in surprises if surprise.character == "x"]
    assert [surprise.bits is None for surprise in x] == [not has_unknown] * 3
    assert [surprise.token for surprise in x] == ["x"] * 3
    total = sum(surprise.bits or 0 for surprise in surprises)
    assert total == pytest.approx(values.sum() / math.log(2), abs=1e-5)


def in_blocks(text: str, cuts: Sequence[int]) -> list[str]:
    """A text cut at some places."""
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    return [text[start:end] for start, end in pairwise(bounds)]


@given(
    st.text(alphabet=LETTERS + "x", max_size=300).map(lambda text: text + "ab" * 40 + text),
    st.lists(st.integers(0, 700), max_size=20),
)
def test_ids_do_not_depend_on_blocks(text, cuts):
    reader, whole = TextReader(VOCABULARY), TextReader(VOCABULARY)
    blocks = in_blocks(text, cuts)
    assert "".join(reader.whole_words(blocks)) == text
    ids = np.concatenate([np.empty(0, np.int64), *reader.encode_blocks(blocks)])
    assert ids.tolist() == whole.encode(text).tolist()
    assert (reader.digest, reader.characters) == (whole.digest, len(text))
    assert reader.unknown == whole.unknown


def test_an_unfinished_word_is_all_that_waits():
    reader = TextReader(VOCABULARY)
    blocks = reader.whole_words(iter(["abba ch", "abb", " ", "fae", "a" * 200, ""]))
    assert list(blocks) == ["abba", " chabb", " fae" + "a" * 188, "a" * 12]
    characters = TextReader(VOCABULARY.character_vocabulary)
    assert list(characters.whole_words(["abba ch", "abb"])) == ["abba ch", "abb"]


def test_figures_do_not_depend_on_blocks(continuous, monkeypatch):
    _, model = continuous
    whole = evaluate([source(TEXT)], model), list(inspect([source(TEXT)], model))
    read = reading.read_texts

    def read_small(*arguments):
        for text, count in read(*arguments):
            yield from ((text[at : at + 3], count) for at in range(0, len(text), 3))

    monkeypatch.setattr(document_reader, "read_texts", read_small)
    cut = evaluate([source(TEXT)], model), list(inspect([source(TEXT)], model))
    assert cut[0].predicted == whole[0].predicted
    assert cut[0].loss == pytest.approx(whole[0].loss, abs=1e-12)
    assert cut[1] == whole[1]


def test_each_character_says_which_subword_it_belongs_to(continuous):
    trained, model = continuous
    surprises = list(inspect([source(TEXT)], model, likeliest=99))
    assert "".join(surprise.character for surprise in surprises) == TEXT
    values, place = [None, *text_nats(trained, TEXT)], 0
    tokens = [VOCABULARY.table[token_id] for token_id in VOCABULARY.encode(TEXT).tolist()]
    assert "abba" in tokens and " ch" in tokens
    for token, value in zip(tokens, values, strict=True):
        entries = surprises[place : place + len(token)]
        assert [entry.token for entry in entries] == [token] * len(token)
        if value is None:
            assert [entry.bits for entry in entries] == [None] * len(token)
        else:
            assert [entry.bits for entry in entries] == pytest.approx(
                [value / math.log(2) / len(token)] * len(token), abs=1e-5
            )
            assert len({(entry.rank, entry.likeliest) for entry in entries}) == 1
            shares = dict(entries[0].likeliest)
            assert shares[token] == pytest.approx(math.exp(-value), rel=1e-4)
        place += len(token)
    reader = make_reader(trained.network(), None)
    after = probabilities(reader.step(int(VOCABULARY.encode(TEXT)[0])))
    expected = sorted(zip(VOCABULARY.table, after, strict=True), key=lambda item: -item[1])
    second = surprises[len(tokens[0])]
    assert [name for name, _ in second.likeliest] == [name for name, _ in expected]


def test_documents_and_their_ends(documents):
    trained, model = documents
    names = ("abba", "ch fae", "chab", "h")
    expected = [document_nats(trained, name) for name in names]
    total, characters = sum(values.sum() for values in expected), sum(map(len, names))
    evaluation = evaluate([source("\n".join(names))], model)
    assert (evaluation.ends, evaluation.predicted) == (4, characters + 4)
    assert evaluation.loss == pytest.approx(total / (characters + 4), abs=1e-6)
    assert evaluation.bits_per_character == pytest.approx(total / characters / math.log(2))
    assert evaluation.nats_per_document == pytest.approx(total / 4)
    tokens = sum(map(len, expected))
    assert evaluation.perplexity_per_token == pytest.approx(math.exp(total / tokens))
    scores = list(evaluate_each([source("\n".join(names))], model))
    assert [score.nats for score in scores] == pytest.approx(
        [values.sum() for values in expected], abs=1e-5
    )
    assert [score.bits_per_character for score in scores] == pytest.approx(
        [
            values.sum() / len(name) / math.log(2)
            for name, values in zip(names, expected, strict=True)
        ],
        abs=1e-5,
    )
    surprises = list(inspect([source("\n".join(names))], model))
    assert [surprise.character for surprise in surprises] == [
        character for name in names for character in (*name, "")
    ]
    assert [surprise.token for surprise in surprises[3:6]] == ["abba", "", "c"]
    total_bits = sum(surprise.bits or 0 for surprise in surprises)
    assert total_bits * math.log(2) == pytest.approx(total, abs=1e-4)


def test_a_model_of_continuous_text_reads_separators_of_subwords(continuous):
    trained, model = continuous
    evaluation = evaluate([source("faeabbachab")], model, separator="abba")
    start = VOCABULARY.encode("abba").tolist()
    assert len(start) == 1
    ids = VOCABULARY.encode
    expected = [nats(trained, [*ids(name), *start], start) for name in ("fae", "chab")]
    assert (evaluation.ends, evaluation.predicted) == (8, 3 + 4 + 8)
    assert evaluation.loss == pytest.approx(np.concatenate(expected).sum() / 15, abs=1e-6)


def test_labels_are_per_character(tmp_path):
    trained = random_model(ROWS, labels=LABELS, merges=MERGES)
    model = save_model(trained, tmp_path / "model")
    table = tmp_path / "table.csv"
    table.write_text(TABLE)
    evaluation = evaluate(table, model)
    scores = {score.text: score for score in evaluate_each(table, model)}
    horror = next(label for label in evaluation.labels if label.value == "horror")
    texts = [text for text, score in scores.items() if score.labels["genre"] == "horror"]
    total, characters = sum(scores[text].nats for text in texts), sum(map(len, texts))
    assert (horror.documents, horror.characters) == (len(texts), characters)
    assert horror.loss == pytest.approx(total / (characters + len(texts)), abs=1e-6)
    comparison = compare_labels(model, table, label="genre")
    nats_of = document_nats(trained, "abba", (1, 0))
    fit = next(fit for fit in comparison.fits if fit.text == "abba")
    other = document_nats(trained, "abba", (2, 0)).sum()
    assert fit.lead == pytest.approx(abs(nats_of.sum() - other), abs=1e-5)
    comedy = comparison.values.index("comedy")
    losses = comparison.losses[comedy]
    assert losses is not None
    assert losses[comedy] == pytest.approx(nats_of.sum() / 4, abs=1e-5)


def test_the_corpus_of_a_model_is_of_characters(tmp_path):
    path, directory = tmp_path / "corpus.txt", tmp_path / "model"
    path.write_text("".join(f"{make_title(n)} {make_title(n * n)}\n" for n in range(300)))
    trained, prepared = model_with_corpus(directory, path, NONE, WINDOWS, "bpe:24")
    record = trained.record
    assert record.vocabulary.merges and not prepared.vocabulary.merges
    seeds = tuple(path.read_text()[at : at + 9] for at in range(0, 900, 30))
    save_model(replace(trained, record=replace(record, seeds=seeds)), directory)
    training, validation, _ = prepared.ranges(WINDOWS.validation)
    validating = path.read_text()[validation]
    evaluation = evaluate(model=directory)
    assert evaluation.characters == len(validating)
    assert evaluation.loss == pytest.approx(evaluate([source(validating)], directory).loss)
    config = NoveltyConfig((1.0,), samples=8, length=30)
    result = novelty(directory, config=config)
    (texts,), learned = samples(directory, config), path.read_text()[training]
    (figures,) = result.by_temperature
    assert result.training_characters == len(learned)
    assert figures.characters == sum(map(len, texts)) == 8 * 30
    assert figures.shares[4] == pytest.approx(share(texts, learned, 4))
    assert 0 < (figures.shares[4] or 0) < 1
    assert figures.longest_copy == longest(texts, learned)
    assert novelty(directory, path, config).by_temperature == result.by_temperature


def test_models_with_other_tokens_are_compared_by_bits_per_character(continuous, tmp_path):
    _, model = continuous
    characters = save_model(random_model(NONE), tmp_path / "characters")
    rows = compare([model, characters], [source(TEXT)])
    evaluations = [evaluate([source(TEXT)], directory) for directory in (model, characters)]
    assert [row.bits_per_character for row in rows] == [
        evaluation.bits_per_character for evaluation in evaluations
    ]
    assert sorted(row.rank or 0 for row in rows) == [1, 2]


def test_a_single_subword_is_too_short(continuous):
    _, model = continuous
    with pytest.raises(CorpusError, match="single subword of the model, of 4 characters"):
        evaluate([source("abba")], model)
    assert evaluate([source("abbac")], model).predicted == 1


def test_the_commands(textgen, continuous, tmp_path):
    _, model = continuous
    shown = textgen("evaluate", "-", "--model", model, stdin=TEXT)
    assert "nats per character\n" in shown.stdout and " per character, " in shown.stdout
    lines = textgen("inspect", "-", "--model", model, "--format", "jsonl", stdin="abba ch\n")
    records = [json.loads(line) for line in lines.stdout.splitlines()]
    assert [record["token"] for record in records] == ["abba"] * 4 + [" ch"] * 3 + ["\n"]
    text = textgen("inspect", "-", "--color", "--model", model, stdin="abba ch\n")
    assert text.returncode == 0
    characters = save_model(random_model(NONE), tmp_path / "characters")
    done = textgen("evaluate", "-", "--model", characters, "--format", "json", stdin=TEXT)
    assert "perplexity_per_token" not in json.loads(done.stdout)


def test_only_models_with_subwords_load_tokenizers(continuous, tmp_path):
    _, model = continuous
    characters = save_model(random_model(NONE), tmp_path / "characters")
    (tmp_path / "text.txt").write_text(TEXT)
    code = (
        "import sys, textgen; textgen.evaluate('text.txt', sys.argv[1]);"
        "list(textgen.inspect('text.txt', sys.argv[1]));"
        "print(*(name in sys.modules for name in ('tokenizers', 'keras')))"
    )
    loaded = [
        subprocess.run(
            [sys.executable, "-c", code, directory],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for directory in (model, characters)
    ]
    assert loaded == ["True False\n", "False False\n"]
