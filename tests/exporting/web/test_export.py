"""Exports for the web as a whole: what is written, and what prevents it."""

import dataclasses
import os
import shutil

import numpy as np
import pytest

import textgen
from tests.analysis.models import LABELS, MERGES, random_model, save_model
from tests.optional import present
from tests.raising import raises_settings_error
from textgen import storage
from textgen.errors import ExportError, ModelError, OutputError
from textgen.exporting.result import EXPORT_KIND
from textgen.exporting.web import check, export
from textgen.exporting.web.bundle import engine_module
from textgen.exporting.web.model_file import write_model_file
from textgen.exporting.web.page import model_page
from textgen.model.model_dir import TrainedModel, read_model
from textgen.sampling.network import weight_specs
from textgen.settings import WEB_FORMATS, WEIGHT_DTYPES, CorpusConfig
from textgen.text.documents.labels import LabelField, Labels

NAMES = {"html": "page.html", "js": "web"}


def without_runtimes(monkeypatch):
    monkeypatch.setattr(check, "find_runtimes", lambda: iter(()))


def test_a_directory_for_programs_has_the_engine_and_the_model(trained, tmp_path):
    done = textgen.export(trained, tmp_path / "new" / "web", "js", weights="float32")
    directory = tmp_path / "new" / "web"
    assert sorted(os.listdir(directory)) == ["manifest.json", "model.json", "textgen.js"]
    files = storage.read_manifest(directory, EXPORT_KIND)
    storage.read_files(directory, EXPORT_KIND, files)
    assert (done.path, done.format) == (directory, "js")
    assert done.size == sum(entry["bytes"] for entry in files.values())
    assert (directory / "textgen.js").read_text("utf-8") == engine_module()
    model = (directory / "model.json").read_bytes()
    assert model == write_model_file(read_model(trained), trained.name, "float32")
    assert present(done.difference) < 1e-5 and done.characters == 500 and done.runtime
    stored = present(done.weights)
    assert present(stored.difference) < 1e-5


def test_a_page_is_one_file(trained, tmp_path):
    done = textgen.export(trained, str(tmp_path / "page.html"), "html")
    assert os.listdir(tmp_path) == ["page.html"]
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.startswith("<!doctype html>") and f"<title>{trained.name}</title>" in page
    assert done.size == (tmp_path / "page.html").stat().st_size
    assert present(done.difference) < 1e-5 and 0 < present(present(done.weights).difference) < 2e-3


@pytest.mark.parametrize("name", WEB_FORMATS)
def test_the_sizes_are_those_of_the_files(name, trained, tmp_path, monkeypatch):
    without_runtimes(monkeypatch)
    sizes = []
    for dtype in WEIGHT_DTYPES:
        done = textgen.export(trained, tmp_path / dtype, name, weights=dtype)
        stored = present(done.weights)
        assert stored.dtype == dtype and stored.sizes[dtype] == done.size
        sizes.append({each: stored.sizes[each] for each in WEIGHT_DTYPES})
    assert sizes[0] == sizes[1] == sizes[2]
    assert sizes[0]["int8"] < sizes[0]["float16"] < sizes[0]["float32"]
    assert textgen.export(trained, tmp_path / "new", name).size == sizes[0]["float16"]


def test_without_node_and_a_browser_an_export_is_not_compared(trained, tmp_path, monkeypatch):
    without_runtimes(monkeypatch)
    done = textgen.export(trained, tmp_path / "web", "js")
    assert (done.runtime, done.difference, done.characters) == (None, None, 0)
    assert present(done.weights).difference is None and (tmp_path / "web/model.json").exists()


@pytest.mark.parametrize("name", WEB_FORMATS)
def test_an_export_is_replaced_only_with_force(name, trained, tmp_path, monkeypatch):
    without_runtimes(monkeypatch)
    path = tmp_path / NAMES[name]
    textgen.export(trained, path, name, weights="int8")
    with pytest.raises(OutputError, match="--force"):
        textgen.export(trained, path, name)
    done = textgen.export(trained, path, name, force=True)
    assert os.listdir(tmp_path) == [NAMES[name]]
    if name == "html":
        assert path.stat().st_size == done.size


@pytest.mark.parametrize("name", WEB_FORMATS)
def test_an_export_that_predicts_something_else_is_not_kept(name, trained, tmp_path, monkeypatch):
    textgen.export(trained, tmp_path / NAMES[name], name)

    def files():
        paths = [path for path in tmp_path.rglob("*") if path.is_file()]
        return {path: path.read_bytes() for path in paths}

    def write(model, title, dtype):
        wrong = [*model.weights[:-1], model.weights[-1] * np.float32(1.05)]
        return write_model_file(dataclasses.replace(model, weights=wrong), title, dtype)

    before = files()
    monkeypatch.setattr(export, "write_model_file", write)
    with pytest.raises(ExportError, match="predicts something else in"):
        textgen.export(trained, tmp_path / NAMES[name], name, force=True)
    assert files() == before
    with pytest.raises(ExportError, match="nothing was written"):
        textgen.export(trained, tmp_path / "other", name)
    assert os.listdir(tmp_path) == [NAMES[name]]


@pytest.mark.parametrize("name", WEB_FORMATS)
def test_wrong_uses_leave_nothing_behind(name, trained, tmp_path):
    with raises_settings_error("weights"):
        textgen.export(trained, tmp_path / "new", name, weights="bfloat16")
    with pytest.raises(ModelError, match="nothing"):
        textgen.export(tmp_path / "nothing", tmp_path / "new", name)
    shutil.copytree(trained, tmp_path / "damaged")
    (tmp_path / "damaged" / "vocabulary.json").write_text("{}")
    with pytest.raises(ModelError, match="damaged"):
        textgen.export(tmp_path / "damaged", tmp_path / "new", name)
    assert os.listdir(tmp_path) == ["damaged"]


def test_other_formats_have_no_weights_to_choose(trained, tmp_path):
    with raises_settings_error("weights"):
        textgen.export(trained, tmp_path / "new", "numpy", weights="float32")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("place", [".", "nowhere/page.html"])
def test_a_page_is_a_file_in_an_existing_directory(place, trained, tmp_path):
    with pytest.raises(OutputError, match="is not a file in an existing directory"):
        textgen.export(trained, tmp_path / place, "html", force=True)


def test_a_weight_can_be_too_large_for_float16(tmp_path):
    trained = random_model(CorpusConfig(documents="none"))
    weights = [array.copy() for array in trained.weights]
    weights[1][0, 0] = 1e5
    save_model(dataclasses.replace(trained, weights=weights), tmp_path / "model")
    with pytest.raises(ExportError, match="too large for float16; export it with --weights"):
        textgen.export(tmp_path / "model", tmp_path / "web", "js")
    done = textgen.export(tmp_path / "model", tmp_path / "web", "js", weights="float32")
    assert present(done.weights).sizes.keys() == {"float32", "int8"}


def test_what_weights_cost_is_measured_where_the_corpus_is(trained, tmp_path, monkeypatch):
    without_runtimes(monkeypatch)
    stored = present(textgen.export(trained, tmp_path / "web", "js").weights)
    assert stored.losses["float32"] == 0 and abs(stored.losses["float16"]) < 1e-3
    assert stored.characters > 100
    shutil.copytree(trained, tmp_path / "model", ignore=shutil.ignore_patterns("cache"))
    stored = present(textgen.export(tmp_path / "model", tmp_path / "other", "js").weights)
    assert (stored.losses, stored.characters) == ({}, 0)


def test_every_kind_of_model_is_exported(tmp_path):
    lines, text = CorpusConfig(documents="lines"), CorpusConfig(documents="none")
    for number, trained in enumerate(
        (
            random_model(lines, labels=LABELS, has_unknown=True, merges=MERGES),
            random_model(text, window=5),
        )
    ):
        model = save_model(trained, tmp_path / f"model-{number}")
        for name in WEB_FORMATS:
            done = textgen.export(model, tmp_path / f"{name}-{number}", name, weights="float32")
            assert present(done.difference) < 1e-5


def test_the_content_of_a_model_cannot_leave_its_place_in_a_page(tmp_path, browser):
    """A page shows names, labels and seeds as text, whatever is in them."""
    evil = '</script><script>window.evil = 1</script><img src=x onerror="evil = 1"><!--'
    letters = "".join(sorted(set(evil + "\n\u2028\u2029\0")))
    merges = (("<", "/"), ("<", "!"), ("-", "-"), ("<!", "--"))
    labels = Labels((LabelField("genre", (evil, "b"), (7, 9)),), (((1,), 7), ((2,), 9)))
    for number, trained in enumerate(
        (
            random_model(CorpusConfig(documents="none"), letters, merges=merges),
            random_model(CorpusConfig(documents="lines"), letters, labels, merges=merges),
        )
    ):
        record = dataclasses.replace(trained.record, seeds=(evil, evil[::-1]))
        directory = tmp_path / f"<img src=x onerror=alert({number})>"
        save_model(dataclasses.replace(trained, record=record), directory)
        path = tmp_path / f"page-{number}.html"
        assert present(textgen.export(directory, path, "html").difference) < 1e-5
        page = browser.new_page()
        wrong: list[str] = []
        page.on("console", lambda message, wrong=wrong: wrong.append(message.text))
        page.on("pageerror", lambda error, wrong=wrong: wrong.append(str(error)))
        page.goto(path.as_uri())
        info = page.evaluate("async () => (await textgen.load()).info")
        assert info["name"] == directory.name == page.locator("h1").inner_text()
        if number:
            assert info["labels"][0]["values"] == [evil, "b"]
        else:
            assert info["seeds"] == [evil, evil[::-1]]
        assert page.evaluate("window.evil") is None and wrong == []
        assert page.locator("main img, header img").count() == 0
        page.close()


def test_a_page_runs_the_model_that_was_exported(trained, tmp_path, browser):
    path = tmp_path / "page.html"
    textgen.export(trained, path, "html", weights="float32")
    page = browser.new_page()
    page.goto(path.as_uri())
    text = page.evaluate(
        """async () => {
          const model = await textgen.load();
          let text = "";
          const options = { seed: "The ", temperature: 0, length: 300 };
          for await (const token of model.generate(options)) text += token.text;
          return text;
        }"""
    )
    page.close()
    sampler = textgen.load(trained)
    assert "The " + text == sampler.generate("The ", length=300, temperature=0)


@pytest.mark.parametrize(("units", "most"), [((256,), 1_500_000), ((512, 512), 10_000_000)])
def test_a_page_is_small(units, most):
    """Of a text with as many characters as Shakespeare's plays."""
    letters = "".join(map(chr, range(0x30, 0x30 + 65)))
    small = random_model(CorpusConfig(documents="none"), letters)
    config = dataclasses.replace(small.record.settings.model, units=units, embedding=64)
    settings = dataclasses.replace(small.record.settings, model=config)
    weights = [np.zeros(spec.shape, np.float32) for spec in weight_specs(config, len(letters))]
    trained = TrainedModel(dataclasses.replace(small.record, settings=settings), weights)
    page = model_page(write_model_file(trained, "name", "float16").decode(), "name")
    assert 0.6 * most < len(page.encode()) < most
