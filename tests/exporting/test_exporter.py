"""Exports as a whole: what is in their directory, and what prevents them."""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import textgen
from tests.analysis.models import LABELS, LETTERS, MERGES, random_model, save_model
from tests.exporting.test_formats import needs
from tests.optional import present
from tests.raising import raises_settings_error
from textgen import storage
from textgen.errors import ExportError, ModelError, OutputError
from textgen.exporting.formats import FORMATS
from textgen.exporting.result import EXPORT_KIND
from textgen.exporting.verification import verification_ids
from textgen.model import model_dir
from textgen.settings import STEP_FORMATS, CorpusConfig
from textgen.text.vocabulary import Vocabulary


@pytest.mark.parametrize("name", STEP_FORMATS)
@pytest.mark.parametrize("fixture", ["trained", "trained_on_windows"])
def test_an_export_is_verified_and_described(name, fixture, request, tmp_path):
    needs(name)
    model = request.getfixturevalue(fixture)
    done = textgen.export(model, tmp_path / "new" / "exported", name)
    directory = tmp_path / "new" / "exported"
    assert done.path == directory and done.format == name and done.characters == 500
    assert present(done.difference) < 1e-5
    assert {path.name for path in directory.iterdir()} == {
        FORMATS[name].file,
        "vocabulary.json",
        "signature.json",
        "manifest.json",
    }
    files = storage.read_manifest(directory, EXPORT_KIND)
    assert done.size == sum(entry["bytes"] for entry in files.values())
    storage.read_files(directory, EXPORT_KIND, files)
    assert (directory / "vocabulary.json").read_bytes() == (model / "vocabulary.json").read_bytes()
    signature = json.loads((directory / "signature.json").read_bytes())
    windows = fixture == "trained_on_windows"
    assert signature["format"] == name and signature["file"] == FORMATS[name].file
    assert signature["window"] == (12 if windows else None)
    assert [tensor["name"] for tensor in signature["inputs"]] == (
        ["id", "h_1", "c_1", "h_2", "c_2"] if windows else ["id", "h_1", "c_1"]
    )
    assert ("arrays" in signature) == (name == "numpy")
    assert signature["document_end"] is None and signature["labels"] == []


@pytest.mark.parametrize("name", STEP_FORMATS)
def test_an_export_says_what_labels_mean_and_which_id_ends_a_document(name, tmp_path):
    needs(name)
    trained = random_model(CorpusConfig(documents="lines"), labels=LABELS)
    record = dataclasses.replace(trained.record, seeds=("abc\nfed", "hah"))
    save_model(dataclasses.replace(trained, record=record), tmp_path / "model")
    done = textgen.export(tmp_path / "model", tmp_path / "exported", name)
    assert present(done.difference) < 1e-5
    signature = json.loads((tmp_path / "exported" / "signature.json").read_bytes())
    assert signature["document_end"] == record.vocabulary.document_end_id == len(LETTERS)
    inputs = [(tensor["name"], tensor["dtype"], tensor["shape"]) for tensor in signature["inputs"]]
    assert inputs[:3] == [(name, "int32", ["batch"]) for name in ("id", "label_1", "label_2")]
    assert inputs[3][0] == "h_1"
    genre, author = signature["labels"]
    values = ["comedy", "horror"]
    assert genre == {"input": "label_1", "name": "genre", "values": values, "rare": 3}
    assert (author["input"], author["rare"]) == ("label_2", None)


def test_an_export_of_subwords_says_what_its_tokens_are(tmp_path):
    trained = random_model(CorpusConfig(documents="lines"), has_unknown=True, merges=MERGES)
    record = dataclasses.replace(trained.record, seeds=("abba cab", "fae " * 20))
    save_model(dataclasses.replace(trained, record=record), tmp_path / "model")
    directory = tmp_path / "exported"
    done = textgen.export(tmp_path / "model", directory, "numpy")
    assert {path.name for path in directory.iterdir()} == {
        "model.npz",
        "vocabulary.json",
        "tokenizer.json",
        "signature.json",
        "manifest.json",
    }
    storage.read_files(directory, EXPORT_KIND, storage.read_manifest(directory, EXPORT_KIND))
    content = json.loads((directory / "vocabulary.json").read_bytes())
    vocabulary = record.vocabulary
    assert content["tokens"] == [*LETTERS, *vocabulary.subwords]
    signature = json.loads((directory / "signature.json").read_bytes())
    assert signature["document_end"] == vocabulary.size - 1 == len(content["tokens"]) + 1
    assert signature["outputs"][0]["shape"] == ["batch", vocabulary.size]
    ids = verification_ids(record)
    assert ids.shape == (500, 2) and ids.max() == vocabulary.document_end_id
    assert len(vocabulary.characters) < ids[1, 0] < vocabulary.unknown_id
    # Each of the 500 tokens counts the characters that it has; a document end is one.
    ends = int((ids[:, 0] == vocabulary.document_end_id).sum())
    assert done.characters == len(vocabulary.decode(ids[:, 0])) + ends > 800


def test_an_export_is_replaced_only_with_force(trained, tmp_path):
    textgen.export(trained, tmp_path / "exported", "numpy")
    with pytest.raises(OutputError, match="--force"):
        textgen.export(trained, tmp_path / "exported", "numpy")
    (tmp_path / "exported" / "signature.json").unlink()
    textgen.export(trained, str(tmp_path / "exported"), "numpy", force=True)
    assert (tmp_path / "exported" / "signature.json").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    for other in (trained, tmp_path / "other"):
        with pytest.raises(OutputError, match="model export"):
            textgen.export(trained, other, "numpy", force=True)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is not a directory"):
        textgen.export(trained, tmp_path / "file", "numpy", force=True)


def test_wrong_uses_leave_nothing_behind(trained, tmp_path):
    with raises_settings_error("format"):
        textgen.export(trained, tmp_path / "exported", "pickle")
    with pytest.raises(ModelError, match="nothing"):
        textgen.export(tmp_path / "nothing", tmp_path / "exported", "numpy")
    assert list(tmp_path.iterdir()) == []


def test_keras_cannot_change_to_tensorflow_in_a_process_where_it_runs(trained, tmp_path):
    pytest.importorskip("scipy", reason="Keras on NumPy needs it; it comes with the extra `jax`")
    code = (
        "import keras, textgen\n"
        "try:\n"
        f"    textgen.export({str(trained)!r}, {str(tmp_path / 'new')!r}, 'saved-model')\n"
        "except textgen.TextgenError as error:\n"
        "    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": "numpy"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "Keras runs on numpy in this process already and cannot change to" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["onnx", "litert"])
def test_without_its_packages_a_format_is_not_written(name, trained, tmp_path, monkeypatch):
    for package in FORMATS[name].packages:
        monkeypatch.setitem(sys.modules, package, None)
    message = f"{' and '.join(FORMATS[name].packages)}, .*pip install 'keras-textgen\\[export\\]'"
    with pytest.raises(ExportError, match=message):
        textgen.export(trained, tmp_path / "exported", name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [1.01, np.nan])
def test_an_export_that_predicts_something_else_is_removed(wrong, trained, tmp_path, monkeypatch):
    textgen.export(trained, tmp_path / "exported", "numpy")
    before = (tmp_path / "exported" / "model.npz").read_bytes()
    right = FORMATS["numpy"]

    def write(path, signature, weights):
        right.write(path, signature, [*weights[:-1], weights[-1] * np.float32(wrong)])

    monkeypatch.setitem(FORMATS, "numpy", dataclasses.replace(right, write=write))
    with pytest.raises(ExportError, match="differ"):
        textgen.export(trained, tmp_path / "exported", "numpy", force=True)
    assert (tmp_path / "exported" / "model.npz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["exported"]


def test_a_model_is_verified_on_its_seeds(trained):
    record = model_dir.read_model(trained).record
    ids = verification_ids(record)
    assert ids.shape == (500, 2) and ids.dtype == np.int32
    seeds = "".join(record.seeds)
    assert record.vocabulary.decode(ids[:20, 0]) == seeds[:20]
    np.testing.assert_array_equal(ids[:, 1], ids[::-1, 0])
    documents = dataclasses.replace(record.vocabulary, has_document_end=True)
    ids = verification_ids(dataclasses.replace(record, vocabulary=documents))
    assert ids[0, 0] == documents.document_end_id
    few = Vocabulary("bc", has_unknown=True)
    for texts in ((), ("ddd",), ("dcb",)):
        odd = dataclasses.replace(record, seeds=texts, vocabulary=few)
        ids = verification_ids(odd)
        assert (
            ids.shape == (500, 2)
            and ids.min() == 0
            and ids.max() == (1 if "c" in "".join(texts) else 2)
        )
