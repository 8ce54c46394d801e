"""What released versions wrote: every later version opens it and works with it.

Each directory of tests/released has what one version wrote, and is never changed:
tests/released/make.py writes the next one.
"""

import json
import math
import shutil
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import textgen as package
from textgen import exporting, storage
from textgen.analysis import evaluation, novelty, surprise
from textgen.analysis.comparison import compare
from textgen.analysis.report.page import report
from textgen.api import train
from textgen.errors import ModelError, PreparedError, TextgenError, UsageError
from textgen.model import model_dir
from textgen.model import record as model_record
from textgen.model.paths import MODEL_KIND, checkpoint_path
from textgen.settings import (
    CorpusConfig,
    NoveltyConfig,
    Settings,
    TrainConfig,
    WindowConfig,
    added_in,
    to_python_value,
)
from textgen.text import prepared
from textgen.text.prepare import prepare
from textgen.text.prepared import open_prepared
from textgen.text.vocabulary import Vocabulary
from textgen.training import checkpoint

RELEASES = sorted(path for path in (Path(__file__).parent / "released").glob("*.*.*"))
MODELS = [
    pytest.param(path / name, id=f"{path.name}-{name}")
    for path in RELEASES
    for name in ("model", "model-windows", "unfinished", "unfinished-by-time")
]
EACH_RELEASE = pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
EACH_MODEL = pytest.mark.parametrize("model", MODELS)

# Settings that every version has, by the file and the part of it that they are in.
FIRST = {
    "windows": {"maxlen", "step", "targets", "validation"},
    "model": {"cell", "units", "embedding", "dropout", "drop_connect", "init_stddev"},
    "training": {"optimizer", "learning_rate", "time", "epochs", "carry_state", "noise"},
}


def expected(model):
    return json.loads((model.parent / "expected.json").read_bytes())[model.name]


def rewrite(directory, name, change):
    """Change a JSON file of a model directory or prepared corpus, with its manifest."""
    path = directory / name
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content))
    files = json.loads((directory / storage.MANIFEST).read_bytes())["files"]
    files[name] = storage.describe_file(path)
    kind = prepared.PREPARED_KIND if name == "prepared.json" else MODEL_KIND
    storage.write_manifest(directory, kind, files)


def rewrite_checkpoint(directory, change):
    path = checkpoint_path(directory)
    with np.load(path) as archive:
        members = {name: archive[name] for name in archive.files}
    about = json.loads(members["about"].tobytes())
    change(about)
    np.savez(path, **{**members, "about": np.frombuffer(json.dumps(about).encode(), np.uint8)})


def test_there_is_a_release():
    assert "0.1.0" in [path.name for path in RELEASES]


@EACH_MODEL
def test_a_vocabulary_of_characters_is_written_as_it_was_released(model):
    content = (model / "vocabulary.json").read_bytes()
    assert Vocabulary.from_bytes(content).to_bytes() == content


@EACH_MODEL
def test_a_released_model_samples(model):
    greedy = expected(model)["greedy"]
    loaded = model_dir.load(model)
    assert loaded.generate("The ", length=len(greedy) - 4, temperature=0) == greedy
    assert len(model_dir.load(model, "carry").generate(None, length=20, random_seed=1)) >= 20
    assert len(model_dir.load(model, "window").generate(None, length=20, random_seed=1)) >= 20


@EACH_MODEL
def test_a_released_model_evaluates_and_inspects(model, corpus):
    loss = expected(model)["loss"]
    evaluated = evaluation.evaluate([str(corpus)], model)
    assert evaluated.unknown == 0 and evaluated.loss == pytest.approx(loss, rel=1e-3)
    bits = [character.bits or 0.0 for character in surprise.inspect([str(corpus)], model)][1:]
    assert sum(bits) / len(bits) == pytest.approx(loss / math.log(2), rel=1e-3)


@EACH_MODEL
def test_a_released_model_is_reported_and_compared(model, corpus):
    for texts in ((), [str(corpus)]):  # what is in the cache, and what is named
        page = report(model, texts)
        assert 'id="alternatives"' in page.html and page.notes == ()
    (compared,) = compare([model], [str(corpus)])
    assert compared.loss == pytest.approx(expected(model)["loss"], rel=1e-3)


@EACH_MODEL
def test_the_novelty_of_a_released_model(model, corpus):
    config = NoveltyConfig(temperatures=(0.0,), samples=1, length=40)
    assert novelty.novelty(model, (), config) == novelty.novelty(model, [str(corpus)], config)


@EACH_RELEASE
def test_a_released_model_is_exported(release, tmp_path):
    """The export itself is compared with the model before it is accepted."""
    exporting.export(release / "model", tmp_path / "exported", "numpy")
    assert list((tmp_path / "exported").iterdir())


@EACH_RELEASE
@pytest.mark.parametrize("name", ["model", "model-windows"])
def test_a_training_starts_from_a_released_model(release, name, corpus, tmp_path):
    corpus.write_text(corpus.read_text() + "A zebra?\n")
    options: dict[str, Any] = {"epochs": 1, "maxlen": 12, "sample_length": 0}
    train([str(corpus)], model=tmp_path / "new", init_from=release / name, **options)
    old, new = model_dir.read_model(release / name), model_dir.read_model(tmp_path / "new")
    assert new.record.settings.model.units == old.record.settings.model.units
    assert set(new.record.vocabulary.characters) > set(old.record.vocabulary.characters)


@EACH_RELEASE
def test_a_released_training_is_resumed_to_the_same_end(release, tmp_path):
    directory = tmp_path / "model"
    shutil.copytree(release / "unfinished", directory)
    done = train(model=directory, resume=True, device="cpu")
    assert done.reason == "done"
    resumed, whole = model_dir.read_model(directory), model_dir.read_model(release / "model")
    assert resumed.record.settings == whole.record.settings
    import keras

    if keras.backend.backend() == "tensorflow":  # which made the fixtures
        for array, other in zip(resumed.weights, whole.weights, strict=True):
            np.testing.assert_allclose(array, other, atol=0.02)


@EACH_RELEASE
def test_the_command_of_a_released_training_resumes_it(release, tmp_path, corpus):
    """The text is compared by its characters: the file may be another one."""
    directory = tmp_path / "model"
    shutil.copytree(release / "unfinished", directory)
    small: dict[str, Any] = {
        "units": (16,),
        "embedding": 8,
        "maxlen": 16,
        "batch_size": 4,
        "epochs": 4,
    }
    small |= {"dropout": 0.2, "drop_connect": 0.1, "noise": 0.01, "sample_length": 20}
    before = checkpoint.read_checkpoint(checkpoint_path(directory)).snapshot.state["steps"]
    steps = iter(range(5))
    train(
        [str(corpus)],
        model=directory,
        stop=lambda: next(steps, None) is None,
        device="cpu",
        **small,
    )
    after = checkpoint.read_checkpoint(checkpoint_path(directory))
    assert after.snapshot.state["steps"] > before
    assert after.about["versions"]["textgen"] == package.__version__


@EACH_RELEASE
def test_a_released_training_by_time_is_resumed(release, tmp_path):
    directory = tmp_path / "model"
    shutil.copytree(release / "unfinished-by-time", directory)

    def add_time(about):
        # A busy machine may take longer to start than the 11 seconds that are left, and a training
        # that is finished has no checkpoint.
        about["settings"]["training"]["time"] = about["left"] = 1000.0

    rewrite_checkpoint(directory, add_time)
    before = checkpoint.read_checkpoint(checkpoint_path(directory)).snapshot
    steps = iter(range(20))
    train(model=directory, resume=True, device="cpu", stop=lambda: next(steps, None) is None)
    after = checkpoint.read_checkpoint(checkpoint_path(directory)).snapshot
    assert after.state["steps"] > before.state["steps"] and after.seconds_left < before.seconds_left


@EACH_RELEASE
def test_a_training_from_a_released_prepared_corpus(release, tmp_path):
    options: dict[str, Any] = {"units": (4,), "epochs": 1, "batch_size": 4, "sample_length": 0}
    train([str(release / "prepared")], model=tmp_path / "m", **options)
    record = model_dir.read_model(tmp_path / "m").record
    assert record.settings.windows == WindowConfig(maxlen=20, step=2)
    assert record.corpus_config(tmp_path / "m").encoding == "latin-1"
    assert record.versions["textgen"] == package.__version__
    with pytest.raises(UsageError, match="with encoding latin-1"):
        train([str(release / "prepared")], model=tmp_path / "n", encoding="utf-8", **options)


@EACH_MODEL
def test_a_setting_that_a_release_did_not_have_means_what_was_done_then(model):
    content = json.loads((model / "settings.json").read_bytes())
    record = model_dir.read_model(model).record
    for part in Settings.PARTS:
        settings = getattr(record.settings, part)
        for field in fields(settings):
            if field.name not in content[part]:
                assert getattr(settings, field.name) == field.metadata["before"]
    assert record.versions["textgen"] == model.parent.name


@dataclass(frozen=True)
class LaterTraining(TrainConfig):
    """Settings of a later version, which has one more."""

    zoneout: float = added_in("0.2.0", 0.1, before=0.0)


@dataclass(frozen=True)
class LaterCorpus(CorpusConfig):
    dialect: str = added_in("0.2.0", "scots", before="none")


@EACH_RELEASE
def test_a_later_version_with_more_settings_opens_all(release, tmp_path, monkeypatch):
    monkeypatch.setitem(Settings.PARTS, "training", LaterTraining)
    monkeypatch.setattr(prepared, "CorpusConfig", LaterCorpus)
    monkeypatch.setattr(model_record, "CorpusConfig", LaterCorpus)
    record = model_dir.read_model(release / "model").record
    assert record.settings.by_name()["zoneout"] == 0.0
    assert vars(record.corpus_config(release / "model"))["dialect"] == "none"
    assert model_dir.read_training_corpus(release / "model", record) is not None
    directory = tmp_path / "model"
    shutil.copytree(release / "unfinished", directory)
    steps = iter(range(3))
    train(model=directory, resume=True, device="cpu", stop=lambda: next(steps, None) is None)
    settings = checkpoint.read_checkpoint(checkpoint_path(directory)).identity.settings
    assert settings.by_name()["zoneout"] == 0.0 and "zoneout" not in settings.to_json()["training"]
    options: dict[str, Any] = {"units": (4,), "epochs": 1, "batch_size": 4, "sample_length": 0}
    train([str(release / "prepared")], model=tmp_path / "m", encoding="latin-1", **options)


@pytest.fixture
def first(tmp_path):
    """Copies of what 0.1.0 wrote."""
    shutil.copytree(Path(__file__).parent / "released/0.1.0", tmp_path / "0.1.0")
    return tmp_path / "0.1.0"


@pytest.mark.parametrize(
    ("part", "name"), [(part, name) for part, names in FIRST.items() for name in sorted(names)]
)
def test_a_missing_setting_that_every_version_has_is_damage(first, part, name):
    def remove(content):
        content["versions"]["textgen"] = "99.1.0"  # of whatever version
        del content[part][name]

    rewrite(first / "model", "settings.json", remove)
    with pytest.raises(ModelError, match=rf"damaged \({name} is missing"):
        model_dir.read_model(first / "model")


def newer(part, name, value):
    """As a newer version would have written a file."""

    def change(content):
        content["about" if "about" in content else "versions"] |= (
            {"versions": {"textgen": "99.1.0"}} if "about" in content else {"textgen": "99.1.0"}
        )
        for key in part:
            content = content[key]
        content[name] = value

    return change


def use(model, corpus):
    """What needs the network, the vocabulary, the window and how text was read."""
    model_dir.load(model).generate("The ", length=5, random_seed=1)
    model_dir.load(model, "window").generate("The ", length=5, random_seed=1)
    evaluation.evaluate([str(corpus)], model)
    next(iter(surprise.inspect([str(corpus)], model)))
    novelty.novelty(model, (), NoveltyConfig(temperatures=(0.0,), samples=1, length=40))
    return report(model).html


@pytest.mark.parametrize(
    ("name", "value"), [("zoneout", 0.3), ("optimizer", "muon"), ("sample_temperatures", ["auto"])]
)
def test_what_only_training_needs_may_be_unknown(first, corpus, name, value):
    model = first / "unfinished"
    rewrite(model, "settings.json", newer(["training"], name, value))
    page = use(model, corpus)
    assert f'<th scope="row">{name}</th>' in page
    assert model_dir.read_model(model).record.settings.by_name()[name] == to_python_value(value)
    rewrite_checkpoint(model, newer(["settings", "training"], name, value))
    before = checkpoint_path(model).read_bytes()
    with pytest.raises(ModelError, match=r"written by textgen 99\.1\.0.*keras-textgen>=99\.1\.0"):
        train(model=model, resume=True)
    assert checkpoint_path(model).read_bytes() == before


@pytest.mark.parametrize(
    ("part", "name", "value", "says"),
    [
        ("model", "experts", 4, "setting experts "),
        ("windows", "overlap", 4, "setting overlap "),
        ("model", "cell", "mamba", "cell .*'mamba'"),
        ("training", "carry_state", "always", "carry_state "),
    ],
)
def test_what_sampling_needs_must_be_known(first, corpus, part, name, value, says):
    model = first / "model"
    rewrite(model, "settings.json", newer([part], name, value))
    message = rf"model/settings\.json: written by textgen 99\.1\.0, .*{says}.*>=99\.1\.0$"
    with pytest.raises(ModelError, match=message):
        model_dir.load(model)
    with pytest.raises(ModelError, match=message):
        train([str(corpus)], model=first / "new", init_from=model)


def test_an_unknown_value_that_is_no_text_is_damage(first):
    rewrite(first / "model", "settings.json", newer(["training"], "optimizer", "\ud800"))
    with pytest.raises(ModelError, match="damaged"):
        model_dir.load(first / "model")


def test_a_newer_version_lists_the_settings_that_only_training_needs(first, corpus):
    model = first / "model"
    rewrite(model, "settings.json", newer(["model"], "zoneout", 0.5))
    rewrite(model, "settings.json", lambda content: content.update(training_only=["zoneout"]))
    use(model, corpus)
    record = model_dir.read_model(model).record
    assert record.settings.unknown == {"zoneout": 0.5} and "training_only" not in record.about


def test_how_text_was_read_must_be_known_to_read_more(first, corpus):
    model = first / "model"
    rewrite(model, "settings.json", newer(["corpus", "settings"], "dialect", "scots"))
    assert model_dir.load(model).generate("The ", length=5, random_seed=1)
    for command in (
        lambda: evaluation.evaluate([str(corpus)], model),
        lambda: surprise.inspect([str(corpus)], model),
        lambda: novelty.novelty(model, (), NoveltyConfig(samples=1, length=40)),
        lambda: report(model),
    ):
        with pytest.raises(ModelError, match=r"setting dialect .*install keras-textgen>=99\.1\.0$"):
            command()


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [("corpus", "dialect", 1), ("windows", "overlap", 1), ("windows", "targets", "masked")],
)
def test_a_prepared_corpus_of_a_newer_version(first, part, name, value):
    directory = first / "prepared"

    def change(content):
        content["versions"] = {"textgen": "99.1.0"}
        content[part][name] = value

    rewrite(directory, "prepared.json", change)
    message = rf"prepared/prepared\.json: written by textgen 99\.1\.0, .*{name} .*>=99\.1\.0$"
    with pytest.raises(PreparedError, match=message):
        open_prepared(directory)
    with pytest.raises(PreparedError, match=message):
        train([str(directory)], model=first / "new")


def test_a_cache_of_a_newer_version_is_made_again(first, corpus):
    """It is only a cache: the text is there to read."""
    options: dict[str, Any] = {
        "units": (4,),
        "epochs": 1,
        "maxlen": 12,
        "batch_size": 4,
        "sample_length": 0,
    }
    train([str(corpus)], model=first / "new", **options)
    rewrite(first / "new/cache", "prepared.json", newer(["corpus"], "dialect", 1))
    train([str(corpus)], model=first / "new", force=True, **options)
    resolved = CorpusConfig(documents="none")
    assert open_prepared(first / "new/cache").corpus == resolved


@pytest.mark.parametrize("version", ["0.0.9", package.__version__, None, 1, "99", "\x1b[2J99.0"])
def test_an_unknown_setting_of_no_newer_version_is_damage(first, version):
    for part, name in (("model", "a"), ("windows", "a"), ("training", "a")):
        copy = first / f"copy-{part}"
        shutil.copytree(first / "model", copy)
        rewrite(copy, "settings.json", newer([part], name, 1))
        rewrite(copy, "settings.json", lambda content: content["versions"].update(textgen=version))
        with pytest.raises(TextgenError, match="damaged"):
            model_dir.load(copy)


def test_every_file_records_which_version_wrote_it(tmp_path, corpus):
    prepared_corpus = prepare([str(corpus)], tmp_path / "p", maxlen=12)
    content = json.loads((prepared_corpus.path / "prepared.json").read_bytes())
    assert content["versions"]["textgen"] == package.__version__
    assert content["chosen"] == ["maxlen"]
    options: dict[str, Any] = {"units": (4,), "epochs": 1, "batch_size": 4, "sample_length": 0}
    steps = iter(range(2))
    train(
        [str(prepared_corpus.path)],
        model=tmp_path / "m",
        stop=lambda: next(steps, None) is None,
        **options,
    )
    saved = checkpoint.read_checkpoint(checkpoint_path(tmp_path / "m"))
    assert saved.about["versions"]["textgen"] == package.__version__
    assert model_dir.read_model(tmp_path / "m").record.versions["textgen"] == package.__version__
    for directory in (tmp_path / "p", tmp_path / "m"):
        assert json.loads((directory / storage.MANIFEST).read_bytes())["version"] == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("clip_norm", 1e40), ("learning_rate", 1e-31), ("time", 2e9)],
)
def test_a_number_that_later_versions_refuse_does_not_close_a_released_model(tmp_path, name, value):
    shutil.copytree(Path(__file__).parent / "released/0.1.0/model", tmp_path / "model")

    def change(settings):
        settings["training"] |= {name: value, **({"epochs": 0} if name == "time" else {})}

    rewrite(tmp_path / "model", "settings.json", change)
    assert model_dir.load(tmp_path / "model").generate("The ", length=5, temperature=0)
