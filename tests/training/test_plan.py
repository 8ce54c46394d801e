"""Clocks and sizes: what a training plans."""

import io
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.raising import raises_settings_error
from textgen import storage
from textgen.api import train
from textgen.errors import CorpusError, UsageError
from textgen.model.paths import cache_path
from textgen.settings import CorpusConfig, TrainConfig, resolve_settings
from textgen.text import prepared
from textgen.text.prepare import prepare
from textgen.text.prepared import open_prepared
from textgen.text.sources import Source
from textgen.training import checkpoint
from textgen.training.automatic import choose_length, choose_sizes
from textgen.training.job import Job
from textgen.training.plan import create_plan

pytestmark = pytest.mark.usefixtures("without_starters")


def test_sizes_grow_with_the_time_and_shrink_with_the_text():
    def units(characters, seconds):
        return choose_sizes(characters, {"time": seconds})["units"][0]

    assert units(10**6, 60) < units(10**6, 600) <= units(10**8, 3600)
    assert units(20_000, 600) < units(10**6, 600)
    dropouts = [
        choose_sizes(characters, {"time": 600})["dropout"] for characters in (10**5, 10**6, 10**9)
    ]
    assert dropouts == sorted(dropouts, reverse=True) and dropouts[-1] == 0
    for characters in (100, 10_000, 10**6, 10**10):
        for seconds in (1, 600, 10**6):
            chosen = resolve_settings({}, automatic=choose_sizes(characters, {"time": seconds}))
            rows = chosen.training.batch_size
            assert rows == 1 or rows * chosen.windows.maxlen * 4 <= characters
    assert choose_length(10**6) == {"time": 600} and choose_length(10**5)["time"] < 120


def test_automatic_sizes_depend_on_what_the_user_chose():
    free = choose_sizes(10**6, {"time": 120})
    wide = choose_sizes(10**6, {"time": 120, "units": (512, 512), "maxlen": 100})
    assert "units" not in wide and "maxlen" not in wide
    assert wide["learning_rate"] < free["learning_rate"] and wide["dropout"] < free["dropout"]
    short = choose_sizes(4500, {"epochs": 20, "maxlen": 400})
    assert short["batch_size"] == 2
    passes = [choose_sizes(9000, {"epochs": epochs})["dropout"] for epochs in (1, 5, 50)]
    assert passes == sorted(passes) and passes[0] < 0.1 and passes[-1] > 0.3
    chosen = resolve_settings({"units": (8,)}, automatic=free)
    assert chosen.model.units == (8,) and chosen.model.dropout == free["dropout"]


@pytest.mark.parametrize(
    ("options", "preset", "length"),
    [
        ({}, None, (0, 60)),
        ({"cell": "gru"}, None, (0, 60)),
        ({"epochs": 3}, None, (0, 3)),
        ({"time": 90.0}, None, (90, 0)),
        ({}, "keras-example", (0, 40)),
    ],
)
def test_a_very_short_text_is_read_some_times(tmp_path, corpus, options, preset, length):
    training = planned([corpus], tmp_path / "m", options, preset).identity.settings.training
    assert (training.time, training.epochs) == length


def test_a_training_whose_settings_an_older_version_chose_is_the_same(tmp_path, corpus):
    now = planned([corpus], tmp_path / "m").identity
    training = replace(now.settings.training, time=30.0, epochs=0, weight_decay=0.01)
    before = replace(
        now,
        settings=replace(now.settings, training=training),
        automatic=tuple(set(now.automatic) - {"epochs", "weight_decay"}),
    )
    assert checkpoint.difference(now, before) is None
    chosen = planned([corpus], tmp_path / "m", {"weight_decay": 0.3}).identity
    assert checkpoint.difference(chosen, before) == "weight_decay"


def test_a_prepared_text_that_validation_takes_whole(tmp_path, corpus):
    prepare([str(corpus)], tmp_path / "prepared")
    with pytest.raises(CorpusError, match=r"\b41\b"):
        train([str(tmp_path / "prepared")], model=tmp_path / "model", validation=0.99999)


def refusal(characters: int, folder: Path, options: dict[str, Any], preset: str | None) -> str:
    """What is said of a text of so many characters; empty where it is long enough."""
    data = b"ab" * characters
    source = Source("it", lambda: io.BytesIO(data[:characters]), characters, modified=characters)
    try:
        job = Job(corpora=(source,), model=folder, options=options, preset=preset)
        create_plan(job, None, lambda _: None)
    except CorpusError as error:
        assert not (folder / "cache").exists()
        return str(error)
    shutil.rmtree(folder / "cache")
    return ""


@pytest.mark.parametrize("characters", [1, 2, 30, 300, 21_000])
@pytest.mark.parametrize(
    ("options", "preset"),
    [
        ({}, None),
        ({"batch_size": 16}, None),
        ({"batch_size": 500, "validation": 0.5}, None),
        ({"maxlen": 100, "validation": 0.01}, "medium"),
        ({"carry_state": False, "batch_size": 64}, None),
        ({}, "keras-example"),
        ({}, "min-char-rnn"),
    ],
)
def test_the_message_for_a_short_text_has_every_remedy(tmp_path, characters, options, preset):
    message = refusal(characters, tmp_path / "m", options, preset)
    if not message:
        return
    needed = re.search(r"([\d,]+) characters or more", message)
    assert needed is not None, message
    enough = int(needed[1].replace(",", ""))
    assert not refusal(enough, tmp_path / "m", options, preset)
    if characters > 1:
        assert refusal(enough - 1, tmp_path / "m", options, preset)
        _, _, advice = message.partition(", or add ")
        for remedy in advice.split(" or "):
            values = dict(re.findall(r"--([\w-]+) ([\d.]+)", remedy))
            more = {name.replace("-", "_"): json.loads(value) for name, value in values.items()}
            assert more, message
            assert not refusal(characters, tmp_path / "m", {**options, **more}, preset), remedy


def planned(corpora, directory, options=None, preset=None, corpus=None):
    job = Job(
        corpora=tuple(map(str, corpora)),
        model=directory,
        options=options or {},
        reading=corpus or {},
        preset=preset,
    )
    return create_plan(job, None, lambda _: None)


def without_chosen(directory):
    """A prepared corpus as 0.1.0 wrote it: it does not say what the user chose."""
    path = directory / "prepared.json"
    content = json.loads(path.read_bytes())
    del content["chosen"], content["versions"]
    path.write_text(json.dumps(content))
    files = json.loads((directory / "manifest.json").read_bytes())["files"]
    files[path.name] = storage.describe_file(path)
    storage.write_manifest(directory, prepared.PREPARED_KIND, files)


@pytest.mark.parametrize(
    ("windows", "maxlen", "before"),
    [
        ({}, 64, 64),
        ({"validation": 0.2}, 64, 64),
        ({"maxlen": 40}, 40, 64),  # as it was with 0.1.0, which did not record what was chosen
        ({"maxlen": 48}, 48, 48),
    ],
)
def test_windows_chosen_for_a_prepared_corpus_are_those_of_a_training(
    tmp_path, corpus, windows, maxlen, before
):
    corpus.write_text(corpus.read_text() * 5)
    prepare([str(corpus)], tmp_path / "p", **windows)
    identity = planned([tmp_path / "p"], tmp_path / "m").identity
    assert identity.settings.windows.maxlen == maxlen and ("maxlen" in identity.automatic) == (
        maxlen == 64
    )
    preset = planned([tmp_path / "p"], tmp_path / "m", preset="keras-example").identity
    assert preset.settings.windows.maxlen == 40
    with_maxlen = planned([tmp_path / "p"], tmp_path / "m", {"maxlen": 12}).identity
    assert with_maxlen.settings.windows.maxlen == 12
    without_chosen(tmp_path / "p")
    old = planned([tmp_path / "p"], tmp_path / "m").identity
    assert old.settings.windows.maxlen == before


def test_a_cached_corpus_records_what_was_chosen(tmp_path, corpus):
    corpus.write_text(corpus.read_text() * 5)
    for options, preset, chosen in (
        ({}, None, ()),
        ({"maxlen": 40}, None, ("maxlen",)),
        ({"step": 3}, "min-char-rnn", ("maxlen", "step", "targets")),
    ):
        directory = tmp_path / f"m{len(chosen)}"
        planned([corpus], directory, options, preset, {"encoding": "utf-8"})
        assert open_prepared(cache_path(directory)).chosen == ("encoding", *chosen)


@pytest.mark.parametrize(
    ("corpus_settings", "refused"),
    [
        (None, None),
        ({}, None),
        ({"encoding": "latin-1"}, None),
        ({"lowercase": True}, None),
        ({"encoding": "latin-1", "lowercase": True}, None),
        ({"encoding": "utf-8"}, "encoding latin-1"),
        ({"lowercase": False}, "lowercase True"),
        ({"min_count": 2}, "min-count 1"),
        ({"glob": ["*.txt"]}, r"glob \*"),
        ({"encoding": "utf-8", "lowercase": True}, "encoding latin-1"),
    ],
)
def test_a_prepared_text_is_not_read_another_way(tmp_path, corpus, corpus_settings, refused):
    prepare([str(corpus)], tmp_path / "p", encoding="latin-1", lowercase=True)
    for old in (False, True):
        if old:
            without_chosen(tmp_path / "p")
        if refused is None:
            plan = planned([tmp_path / "p"], tmp_path / "m", corpus=corpus_settings)
            expected = CorpusConfig("latin-1", lowercase=True, documents="none")
            assert plan.corpus.corpus == expected
        else:
            with pytest.raises(UsageError, match=f"prepared already, with {refused};"):
                planned([tmp_path / "p"], tmp_path / "m", corpus=corpus_settings)


@pytest.mark.parametrize(
    ("documents", "options", "refused"),
    [
        ("lines", {"validation": 0.3}, "validation 0.2"),
        ("lines", {"test": 0.0}, "test 0.1"),
        ("lines", {"validation": 0.2, "test": 0.1}, None),
        ("lines", {}, None),
        ("none", {"validation": 0.3}, None),  # split when it is read
        ("none", {"test": 0.3}, "test 0.1"),
    ],
)
def test_a_prepared_text_is_not_split_another_way(tmp_path, documents, options, refused):
    text = "".join(f"line {number}\n" for number in range(500))
    (tmp_path / "it.txt").write_text(text)
    shares: Any = {"validation": 0.2, "test": 0.1}
    prepare(tmp_path / "it.txt", tmp_path / "p", documents=documents, **shares)
    if refused is None:
        plan = planned([tmp_path / "p"], tmp_path / "m", options)
        settings = plan.identity.settings.windows
        assert (settings.validation, settings.test) == tuple({**shares, **options}.values())
        return
    with pytest.raises(UsageError, match=f"p: is split already, with --{refused}; to split it"):
        planned([tmp_path / "p"], tmp_path / "m", options)


def test_a_cache_is_read_again_for_other_documents_or_shares(tmp_path):
    text = "".join(f"line {number}\n" for number in range(500))
    (tmp_path / "it.txt").write_text(text)

    def read(reading=None, **options):
        plan = planned([tmp_path / "it.txt"], tmp_path / "m", options, corpus=reading)
        return plan.from_cache, plan.corpus

    lines = {"documents": "lines"}
    assert not read()[0] and read()[0] and read(validation=0.2)[0]
    assert not read(lines)[0]
    is_cached, corpus = read(lines)
    assert is_cached and corpus.documents.counts == (450, 50, 0)
    is_cached, corpus = read(lines, validation=0.2, test=0.1)
    assert not is_cached and corpus.documents.counts == (350, 100, 50)
    assert read(lines, validation=0.2, test=0.1)[0]
    assert not read(test=0.1)[0] and read(test=0.1)[0]


@pytest.mark.parametrize("corpus_settings", [{"encoding": "utf-8"}, {"lowercase": False}])
def test_an_encoding_given_to_a_training_that_is_resumed_is_refused(tmp_path, corpus_settings):
    """Also one that is the default."""
    source = Path(__file__).parents[1] / "released/0.1.0/unfinished"
    shutil.copytree(source, tmp_path / "m")
    with pytest.raises(UsageError, match="--init-from"):
        train(model=tmp_path / "m", resume=True, **corpus_settings)


@pytest.mark.parametrize("unknown", [{"step": 3, "steps": 3}, {"units": 3}])
def test_an_unknown_setting_is_refused(tmp_path, corpus, unknown):
    with raises_settings_error(list(unknown)[-1]):
        prepare([str(corpus)], tmp_path / "p", **unknown)
    with raises_settings_error("steps"):
        planned([corpus], tmp_path / "m", corpus={"steps": 3})


@pytest.mark.parametrize(
    ("options", "preset"),
    [
        ({"epochs": 2}, None),
        ({"epochs": 2, "carry_state": False}, None),
        ({"epochs": 2, "cell": "gru"}, None),
        ({"epochs": 2}, "small"),
        ({}, "keras-example"),
        ({}, "min-char-rnn"),
    ],
)
def test_a_training_that_an_older_version_began_is_the_same_without_a_new_setting(
    tmp_path, corpus, options, preset
):
    now = planned([corpus], tmp_path / "m", options=options, preset=preset).identity
    older = replace(now.settings, training=replace(now.settings.training, state_reset=0.0))
    before = replace(now, settings=older, automatic=tuple(set(now.automatic) - {"state_reset"}))
    assert checkpoint.difference(now, before) is None
    chosen = {**options, "state_reset": 0.2}
    other = planned([corpus], tmp_path / "m", options=chosen, preset=preset).identity
    assert checkpoint.difference(other, before) == "state_reset"


def test_every_cell_and_preset_is_reset_more_often_where_few_windows_are_read(tmp_path, corpus):
    def probability(options, preset=None):
        plan = planned([corpus], tmp_path / "m", options=options, preset=preset)
        return plan.identity.settings.training.state_reset

    assert probability({"epochs": 1}) == probability({"epochs": 1, "cell": "gru"}) == 0.5
    assert probability({"epochs": 1}, "small") == 0.5
    assert probability({"epochs": 1000, "cell": "gru"}) == TrainConfig.state_reset
    assert probability({}, "min-char-rnn") == 0


@pytest.mark.parametrize(("options", "preset"), [({"cell": "gru"}, None), ({}, "small")])
def test_no_pace_is_measured_where_nothing_depends_on_it(tmp_path, corpus, options, preset):
    plan = planned([corpus], tmp_path / "m", options={**options, "time": 30.0}, preset=preset)
    assert plan.settings_for is None
