"""Tests of prepared corpora with subwords."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from textgen.errors import CorpusError, OutputError, PreparedError
from textgen.text.prepare import prepare
from textgen.text.prepared import open_prepared
from textgen.text.tokens import encode
from textgen.text.tokens.choice import TokenChoice
from textgen.text.tokens.encode import IdFile, find_chunks
from textgen.text.vocabulary import Vocabulary

LINES = [f"the cat number {i} sat on the other mat, then it ate {i % 7} rats" for i in range(3000)]
TEXT = "\n".join(LINES) + "\ncafé\n"


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(encode, "_CHUNK", 5000)
    monkeypatch.setattr(encode, "_SEARCH", 500)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_the_text_as_subwords(corpus, tmp_path):
    prepared = prepare(corpus, tmp_path / "prepared", tokens="bpe:120", test=0.2)
    tokens = open_prepared(tmp_path / "prepared").tokens
    assert prepared.vocabulary.decode(prepared.ids) == TEXT
    assert tokens.vocabulary.decode(tokens.ids) == TEXT
    assert tokens.vocabulary.size == 120
    assert np.array_equal(tokens.ids, tokens.vocabulary.encode(TEXT))  # although in chunks
    assert len(tokens.ids) < len(TEXT) / 2
    assert tokens.characters == len(TEXT)
    summary = prepared.summary()
    assert summary["tokens"] == len(tokens.ids)
    assert summary["characters"] == len(TEXT)


def test_the_parts_are_of_the_same_text(corpus, tmp_path):
    prepared = prepare(corpus, tmp_path / "prepared", tokens="bpe:120", test=0.2)
    for share in (0.1, 0.25, 0):
        parts = (*prepared.split(share), prepared.test)
        token_parts = (*prepared.tokens.split(share), prepared.tokens.test)
        texts = [prepared.vocabulary.decode(part) for part in parts]
        token_texts = [prepared.tokens.vocabulary.decode(part) for part in token_parts]
        assert "".join(token_texts) == TEXT
        # A subword on both sides of a bound is in the later part.
        for end, of_tokens in zip(
            np.cumsum([len(text) for text in texts]),
            np.cumsum([len(text) for text in token_texts]),
            strict=True,
        ):
            assert end - 32 < of_tokens <= end


def test_documents(corpus, tmp_path):
    prepared = prepare(
        corpus, tmp_path / "prepared", tokens="bpe:120", documents="lines", min_count=2
    )
    assert prepared.unknown
    tokens = open_prepared(tmp_path / "prepared").tokens
    assert prepared.documents is not None and tokens.documents is not None
    for part in range(2):
        characters, subwords = prepared.documents.part(part), tokens.documents.part(part)
        assert len(characters) == len(subwords)
        first, second = prepared.split(0.1)[part], tokens.split(0.1)[part]
        for number in (0, 1, len(characters) - 1):
            bounds, token_bounds = (
                slice(*index.starts[number : number + 2]) for index in (characters, subwords)
            )
            text = prepared.vocabulary.decode(first[bounds])
            assert tokens.vocabulary.decode(second[token_bounds]) == text
            assert second[token_bounds][-1] == tokens.vocabulary.document_end_id


def test_any_number_of_processes_gives_the_same_bytes(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(encode, "_CHARACTERS_PER_PROCESS", 1000)
    directories = [tmp_path / "one", tmp_path / "two"]
    for jobs, directory in enumerate(directories, 1):
        prepare(corpus, directory, tokens="bpe:120", jobs=jobs)
    for path in sorted(directories[0].iterdir()):
        if path.name not in ("prepared.json", "manifest.json"):
            assert path.read_bytes() == (directories[1] / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("failure", "raised"),
    [(OSError(28, "No space left on device"), OutputError), (KeyboardInterrupt(), None)],
)
@pytest.mark.parametrize("jobs", [1, 2])
def test_nothing_is_left_after_a_failure(failure, raised, jobs, corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(encode, "_CHARACTERS_PER_PROCESS", 1000)
    stages, before = [], psutil.Process().children()

    def fail(stage: str, done: int, total: int | None) -> None:
        stages.append(stage)
        if stage == "subwords" and total is not None and done > total / 3:
            raise failure

    with pytest.raises(raised or KeyboardInterrupt):
        prepare(corpus, tmp_path / "prepared", tokens="bpe:120", jobs=jobs, on_progress=fail)
    assert stages.count("subwords") > 2
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.txt"]
    assert psutil.Process().children() == before


def test_chunks_end_where_words_do(tmp_path):
    text = "word " * 4000
    vocabulary = Vocabulary(" dorw")
    np.save(tmp_path / "ids.npy", vocabulary.encode(text).astype(np.uint8))
    source = IdFile.of(np.load(tmp_path / "ids.npy", mmap_mode="r"))
    bounds = find_chunks(source, vocabulary)
    assert len(bounds) > 3
    assert all(text[bound] == " " for bound in bounds[1:-1])


def test_one_hot_tensors_are_of_tokens(corpus, tmp_path):
    prepare(corpus, tmp_path / "prepared", tokens="bpe:60", one_hot=True, step=2000)
    assert np.load(tmp_path / "prepared/X.npy", mmap_mode="r").shape[1:] == (40, 60)


@pytest.mark.parametrize("name", ["tokens.json", "tokens.npy", "token_chunks.npy"])
def test_a_file_that_was_edited(name, corpus, tmp_path):
    prepare(corpus, tmp_path / "prepared", tokens="bpe:60")
    path = tmp_path / "prepared" / name
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    with pytest.raises(PreparedError, match=f"{name}: changed after it was written; make it again"):
        open_prepared(tmp_path / "prepared")


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ("bpe:10", "bpe:10 leaves no room for subwords: the text has 28 distinct characters"),
        ("bpe:5000", r"supports at most \d+ tokens; give --tokens bpe:\d+ or fewer"),
        ("bpe:999999", "is too many; give 65,534 or fewer"),
    ],
)
def test_a_number_that_does_not_fit(tokens, message, corpus, tmp_path):
    with pytest.raises(CorpusError, match=message):
        prepare(corpus, tmp_path / "prepared", tokens=tokens)
    assert not (tmp_path / "prepared").exists()


@pytest.mark.parametrize("tokens", ["bpe", "bpe:2000"])
def test_a_text_without_subwords(tokens, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("".join(map(chr, range(0x4E00, 0x4E00 + 1000))), encoding="utf-8")
    with pytest.raises(CorpusError, match="repeats too little to have subwords; leave out"):
        prepare(text, tmp_path / "prepared", tokens=tokens)
    assert prepare(text, tmp_path / "auto", tokens="auto").subwords is None


def test_a_validation_part_of_few_subwords(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text(TEXT[:40_000], encoding="utf-8")
    match = "too short for --maxlen 400: .* 2.. in the validation part, and needs 401 and 401"
    with pytest.raises(CorpusError, match=match):  # of 800 characters
        prepare(text, tmp_path / "prepared", tokens="bpe:90", maxlen=400, validation=0.02)


def test_documents_of_few_subwords(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("\n".join("ab" * number for number in range(1, 21)), encoding="utf-8")
    with pytest.raises(CorpusError, match="those for training have 1.. tokens, with"):
        prepare(text, tmp_path / "prepared", tokens="bpe:4", documents="lines", maxlen=300)


def test_only_a_corpus_with_as_many_subwords_matches(corpus, tmp_path):
    prepared = prepare(corpus, tmp_path / "prepared", tokens="bpe:156")
    assert TokenChoice("bpe", seconds=1).matches(prepared)
    assert not TokenChoice("bpe", seconds=1000).matches(prepared)  # more time, more subwords
    assert not TokenChoice("auto").matches(prepared)


def test_choice():
    few, many = TokenChoice("auto", seconds=120), TokenChoice("auto", seconds=600)
    assert few.size(200_000, 65) is None
    sizes = [
        choice.size(length, 100) or 0 for choice, length in ((few, 5_000_000), (many, 50_000_000))
    ]
    assert sizes[1] > sizes[0] > 256
    assert many.size(5_000_000, 5000) is None  # Chinese: a character is nearly a word
    assert (replace(many, request="bpe").size(5_000_000, 5000) or 0) > 5000
