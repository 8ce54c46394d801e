"""Texts looked up in the documents that a model was trained on."""

import shutil

import pytest

from tests.model.changing import sign
from tests.sampling.document_models import NAMES, BigramModel
from textgen.errors import ModelError
from textgen.model.known_documents import KnownDocuments
from textgen.model.model_dir import load, read_model
from textgen.text.bloom import BloomFilter
from textgen.text.corpus_fingerprint import hash_corpus
from textgen.text.documents.hashes import hash_texts
from textgen.text.prepared import open_prepared

DOCUMENTS = (*NAMES, *(f"{first}{second}" for first in NAMES for second in NAMES))
TEXTS = ["Anna", "Annu", "", "Nan", "nan", "AnnaAnna", "AnnaAnnaAnna", "Dan\ufffd", "Ω"]
KNOWN = [text in DOCUMENTS for text in TEXTS]


@pytest.fixture
def directory(tmp_path):
    return BigramModel(DOCUMENTS).save(tmp_path / "model")


def known(directory):
    return KnownDocuments(directory, read_model(directory).record)


def test_documents_of_the_corpus_are_found(directory):
    assert known(directory).find_documents(TEXTS).tolist() == KNOWN
    assert known(directory).false_positives == 0


def test_without_the_corpus_the_fingerprint_knows_them(directory):
    shutil.rmtree(directory / "cache")
    documents = known(directory)
    assert documents.find_documents(DOCUMENTS).all()
    assert documents.find_documents(TEXTS).tolist() == KNOWN  # as it happens
    assert 0 < documents.false_positives < 0.001
    with pytest.raises(ModelError, match="which --max-copy needs; train it again"):
        documents.find_copies(["Anna"], 3)


def test_with_the_corpus_what_only_seems_known_is_not(directory):
    corpus = open_prepared(directory / "cache")
    full = BloomFilter.of([hash_texts(map(str, range(9000)))], 100)  # nearly all bits are set
    assert full.false_positives > 0.99
    (directory / "documents.bloom").write_bytes(full.to_bytes())
    sign(directory)
    texts = [f"Ann{number}" for number in range(50)]
    assert len(corpus.ids) and not known(directory).find_documents(texts).any()
    shutil.rmtree(directory / "cache")
    assert known(directory).find_documents(texts).sum() > 40


def test_without_both_there_is_no_answer(directory):
    (directory / "documents.bloom").unlink()
    sign(directory)
    assert known(directory).find_documents(TEXTS).tolist() == KNOWN
    shutil.rmtree(directory / "cache")
    with pytest.raises(ModelError, match="which --novel needs"):
        known(directory).find_documents([])
    for sampler in (load(directory),):
        with pytest.raises(ModelError, match="which --novel needs"):
            sampler.generate(novel=True)
    assert load(directory).generate(n=3, unique=True)


@pytest.mark.parametrize("content", [b"", b"textgen bloom 1\n", b"x" * 99])
def test_a_damaged_fingerprint_is_named(directory, content):
    (directory / "documents.bloom").write_bytes(content)
    with pytest.raises(ModelError, match=r"documents\.bloom: (truncated|changed)"):
        known(directory).find_documents(["Anna"])
    sign(directory)
    with pytest.raises(ModelError, match=r"documents\.bloom: damaged \(not a set of hashes\)"):
        known(directory).find_documents(["Anna"])


@pytest.mark.parametrize("length", [1, 3, 4, 5, 8, 9])
def test_copies_are_found(directory, length):
    texts = [*DOCUMENTS[:30], "AnnaDx", "xAnnieAnn", "aa", "", "NinaNinaNina"]
    expected = [
        any(
            text[place : place + length] in document
            for document in DOCUMENTS
            for place in range(len(text) - length + 1)
        )
        for text in texts
    ]
    assert known(directory).find_copies(texts, length).tolist() == expected


def test_the_hashes_of_a_corpus_are_those_of_its_documents(directory):
    (hashes,) = hash_corpus(open_prepared(directory / "cache"))
    assert {*hashes.tolist()} == {*hash_texts(DOCUMENTS).tolist()}


@pytest.mark.framework
def test_a_training_writes_what_sampling_needs(tmp_path):
    from textgen.api import train

    corpus, model = tmp_path / "names.txt", tmp_path / "model"
    corpus.write_text("".join(f"{document}\n" for document in DOCUMENTS * 4), "utf-8")
    train(corpus, model=model, documents="lines", units=24, embedding=8, epochs=8, batch_size=8)
    sampler = load(model)
    exact = sampler.generate(n=20, unique=True, novel=True, temperature=1.0, random_seed=1)
    assert not {*exact} & {*DOCUMENTS} and len({*exact}) == 20
    uncopied = sampler.generate(n=5, max_copy=8, temperature=1.0, random_seed=1)
    assert not known(model).find_copies(uncopied, 8).any()
    shutil.rmtree(model / "cache")
    assert (
        load(model).generate(n=20, unique=True, novel=True, temperature=1.0, random_seed=1) == exact
    )
    for window in (None, 5):
        other = load(model, None if window is None else "window")
        assert all(other.generate(n=50, temperature=1.0))
