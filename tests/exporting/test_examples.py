"""The examples of docs/export.md, run as they are."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import textgen
from tests.analysis.models import LABELS, MERGES, random_model, save_model
from tests.exporting.test_formats import needs
from textgen.settings import STEP_FORMATS, CorpusConfig

PAGE = (Path(__file__).parents[2] / "docs/export.md").read_text(encoding="utf-8")


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


BEFORE, AFTER, *STEPS, TOKENIZER, PLAIN, WINDOW, DOCUMENT = blocks()
SUBWORDS = (("T", "h"), ("Th", "e"), ("a", "b"), (" ", "c"), (" c", "ab"), ("The", "ab"))


def test_there_is_one_for_each_format():
    assert len(STEPS) == len(STEP_FORMATS)
    assert all(len(code.splitlines()) <= 22 for code in STEPS)


@pytest.mark.parametrize(("name", "code"), list(zip(STEP_FORMATS, STEPS, strict=True)))
def test_it_writes_text_as_textgen_does(name, code, trained, tmp_path, monkeypatch, capsys):
    needs(name)
    monkeypatch.chdir(tmp_path)
    textgen.export(trained, "exported", name)
    capsys.readouterr()
    exec(BEFORE + code + AFTER, {})
    text = capsys.readouterr().out
    assert text.startswith("The ") and len(text) == len("The ") + 200 + len("\n")
    # As good as textgen's own: the model finds it about as probable as what it writes itself.
    sampler = textgen.load(trained)
    expected = sampler.generate("The ", length=200, temperature=1, random_seed=1)
    assert sampler.logprobs(text).mean() > sampler.logprobs(expected).mean() - 0.6


@pytest.mark.parametrize(("name", "code"), list(zip(STEP_FORMATS, STEPS, strict=True)))
def test_it_writes_subwords_as_textgen_does(name, code, tmp_path, monkeypatch, capsys):
    """With textgen's own probabilities."""
    needs(name)
    monkeypatch.chdir(tmp_path)
    trained = random_model(CorpusConfig(), "\n Tehabc", has_unknown=True, merges=SUBWORDS)
    done = textgen.export(save_model(trained, tmp_path / "model"), "exported", name)
    assert done.characters >= 500
    capsys.readouterr()
    names: dict[str, Any] = {}
    exec(BEFORE + TOKENIZER + code + AFTER, names)
    ids, vocabulary = names["ids"], trained.record.vocabulary
    assert vocabulary.decode(ids) + "\n" == capsys.readouterr().out
    assert vocabulary.decode(ids[:2]) == "The " and len(ids) == 2 + 200
    assert max(ids) > len(vocabulary.characters) and vocabulary.unknown_id not in ids
    reader = trained.network().reader()
    for number in ids[:-1]:
        logits = reader.step(number)
    odds = np.exp(logits - logits.max())[: vocabulary.unknown_id]
    p: np.ndarray = names["p"]
    np.testing.assert_allclose(p / p.sum(), odds / odds.sum(), atol=2e-4)


@pytest.mark.parametrize("code", [TOKENIZER, PLAIN])
def test_text_becomes_the_ids_of_textgen(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained = random_model(CorpusConfig(), "\n Tehabc!\t", merges=SUBWORDS)
    textgen.export(save_model(trained, tmp_path / "model"), "exported", "numpy")
    names: dict[str, Any] = {}
    exec(BEFORE + code, names)
    vocabulary, random = trained.record.vocabulary, np.random.default_rng(3)
    texts = ["".join(random.choice(list("\n Thab!\t c"), 300)) for _ in range(20)]
    for text in ["", "The\n\n The", "Theab" * 30, "  cab" * 30, f"T{' ' * 70}cab", *texts]:
        ids = names["encode"](text)
        assert ids == vocabulary.encode(text).tolist()
        assert "".join(names["tokens"][number] for number in ids) == text


def test_the_numpy_example_takes_one_hot_input_and_windows(
    trained_on_windows, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    textgen.export(trained_on_windows, "exported", "numpy")
    names: dict[str, Any] = {}
    exec(BEFORE + STEPS[-1] + WINDOW, names)
    text = "A dog ran to a hill. The cat sat"
    sampler = textgen.load(trained_on_windows)
    assert sampler.window == 12
    for end in (5, 20, len(text) - 1):
        odds = names["predict"](text[:end])
        place = sampler.vocabulary.characters.index(text[end])
        assert np.log(odds[place]) == pytest.approx(sampler.logprobs(text[: end + 1])[-1], abs=1e-4)


@pytest.mark.parametrize(("labels", "merges"), [(None, ()), (LABELS, ()), (LABELS, MERGES)])
def test_the_numpy_example_writes_whole_documents(labels, merges, tmp_path, monkeypatch, capsys):
    """With textgen's own probabilities, of a text that begins and ends with the same id."""
    corpus = CorpusConfig(documents="lines")
    trained = random_model(corpus, labels=labels, has_unknown=True, merges=merges)
    weights = [0.3 * array for array in trained.weights[:-1]]
    ends = trained.weights[-1].copy()
    ends[-1] += 1
    trained = replace(trained, weights=[*weights, ends])
    monkeypatch.chdir(tmp_path)
    textgen.export(save_model(trained, tmp_path / "model"), "exported", "numpy")
    names: dict[str, Any] = {}
    exec(BEFORE + STEPS[-1] + DOCUMENT, names)
    text = capsys.readouterr().out.removesuffix("\n")
    assert text == names["text"]
    ids: list[int] = names["ids"]
    end = trained.record.vocabulary.document_end_id
    assert ids[0] == end and trained.record.vocabulary.decode(ids) == text
    reader = trained.network().reader()
    if labels:
        reader.set_labels((), (2, 0))
    for number in ids:
        logits = reader.step(number)
    odds = np.exp(logits - logits.max())
    odds /= odds.sum()
    odds[trained.record.vocabulary.unknown_id] = 0
    p: np.ndarray = names["p"]
    np.testing.assert_allclose(p / p.sum(), odds / odds.sum(), atol=2e-4)


def test_the_arrays_need_neither_textgen_nor_a_framework(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    textgen.export(trained, "exported", "numpy")
    code = BEFORE + STEPS[-1] + AFTER + "import sys\nprint(*sys.modules)\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    loaded = done.stdout.splitlines()[-1].split()
    assert "numpy" in loaded and not {"textgen", "keras", "tensorflow", "onnx"} & set(loaded)
