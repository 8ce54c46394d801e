"""Messages about damaged model directories: which file, and what is wrong with it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.spoiling import spoil
from textgen.errors import ModelError
from textgen.model.record import ModelRecord, parse_record
from textgen.sampling.label_choice import choose_labels
from textgen.text.documents.labels import LabelField, Labels

RELEASED = Path(__file__).parents[1] / "released/0.1.0/model"
NAMES = ("vocabulary.json", "settings.json", "history.json", "seeds.json")
DIRECTORY = Path("m")


def parse(name: str, content: bytes) -> ModelRecord:
    """Parse the files of a released model, one of which is replaced."""
    files = {name: (RELEASED / name).read_bytes() for name in NAMES}
    return parse_record(DIRECTORY, {**files, name: content})


def change(name: str, path: tuple[str, ...], value: Any) -> bytes:
    """A file of the released model with another value in one place; None removes the item."""
    content = place = json.loads((RELEASED / name).read_bytes())
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    if value is None:
        del place[path[-1]]
    return json.dumps(content).encode()


def test_the_released_record_is_complete():
    record = parse("seeds.json", b"[]")
    assert record.sources == ("corpus.txt",) and record.seeds == ()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", [b"", b"[1, 2", b"\xff", b"[" * 100_000])
def test_a_file_that_is_not_json_is_named(name, content):
    with pytest.raises(ModelError, match=rf"^m/{name}: damaged \(not JSON\); train it again"):
        parse(name, content)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_with_another_type_is_named(name):
    expected = "a list" if name == "seeds.json" else "an object"
    with pytest.raises(ModelError, match=rf"^m/{name}: damaged \(not {expected}\);"):
        parse(name, b"3")


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("windows",), None, "windows is missing"),
        (("model",), [], "model "),
        (("training", "epochs"), None, "epochs is missing"),
        (("training", "speed"), 3, "speed is unknown"),
        (("training", "epochs"), "4", "epochs "),
        (("versions",), [], "versions "),
        (("versions", "textgen"), 1, "textgen "),
        (("command",), "train", "command "),
        (("command",), [3], "an argument of the command "),
        (("corpus",), [], "corpus "),
        (("corpus", "characters"), "many", "characters "),
        (("corpus", "sources"), 3, "sources "),
        (("corpus", "sources"), ["a"], "a source of the corpus "),
        (("corpus", "sources"), [{}], "name is missing"),
    ],
)
def test_a_problem_of_the_settings_is_named(path, value, problem):
    with pytest.raises(ModelError, match=rf"^m/settings\.json: damaged \({problem}"):
        parse("settings.json", change("settings.json", path, value))


@pytest.mark.parametrize("version", ["0.1.0", "99.0.0"])
def test_a_missing_part_is_named_whichever_version_wrote_it(version):
    content = json.loads((RELEASED / "settings.json").read_bytes())
    content["versions"]["textgen"] = version
    del content["windows"]
    with pytest.raises(ModelError, match=r"settings\.json: damaged \(windows is missing\)"):
        parse("settings.json", json.dumps(content).encode())


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"has_unknown": False}, "characters is missing"),
        ({"characters": "ab"}, "has_unknown is missing"),
        ({"characters": "ab", "has_unknown": 0}, "has_unknown "),
        ({"characters": "ba", "has_unknown": False}, "characters "),
        ({"characters": "", "has_unknown": False}, "not a vocabulary"),
        ({"characters": "a\ud800", "has_unknown": False}, r"U\+D800 is half of a surrogate pair"),
    ],
)
def test_a_problem_of_the_vocabulary_is_named(value, problem):
    with pytest.raises(ModelError, match=rf"^m/vocabulary\.json: damaged \({problem}"):
        parse("vocabulary.json", json.dumps(value).encode())


def test_a_problem_of_the_seeds_is_named():
    with pytest.raises(ModelError, match=r"^m/seeds\.json: damaged \(an item "):
        parse("seeds.json", b'["a", 1]')
    with pytest.raises(ModelError, match=r"^m/seeds\.json: damaged \(U\+D800 is half"):
        parse("seeds.json", b'["\\ud800"]')


def test_how_the_corpus_was_read_must_be_recorded_to_read_another_text():
    record = parse("settings.json", change("settings.json", ("corpus", "settings"), None))
    with pytest.raises(ModelError, match=r"^m/settings\.json: damaged \(settings is missing\)"):
        record.corpus_config(DIRECTORY)


def test_the_labels_of_documents_are_a_file_of_their_own():
    genre = LabelField("genre", ("comedy", "horror"), (7, 9))
    labels = Labels((genre,), (((2,), 9), ((1,), 7)))
    plain = parse("seeds.json", b"[]")
    assert plain.labels is None and "labels.json" not in plain.to_files()
    vocabulary = replace(plain.vocabulary, has_document_end=True)
    model = replace(plain.settings.model, has_document_end=True, label_sizes=labels.sizes)
    settings = replace(plain.settings, model=model)
    record = replace(plain, vocabulary=vocabulary, settings=settings, labels=labels)
    files = record.to_files()
    assert parse_record(DIRECTORY, files).labels == labels
    for content in (b"", b"{}", b"[1", replace(labels, fields=(genre, genre)).to_bytes()):
        with pytest.raises(ModelError, match=r"^m/labels\.json: damaged \("):
            parse_record(DIRECTORY, {**files, "labels.json": content})
    del files["labels.json"]
    with pytest.raises(ModelError, match=r"^m/labels\.json: damaged \(not the labels that"):
        parse_record(DIRECTORY, files)
    with pytest.raises(ModelError, match=r"^m/settings\.json: damaged \(documents, and a vocab"):
        parse_record(DIRECTORY, replace(record, vocabulary=plain.vocabulary).to_files())


@given(st.data())
def test_labels_of_strangers_are_read_or_refused(data):
    """Whatever can be read can also be drawn from."""
    genre = LabelField("genre", ("comedy", "horror"), (7, 9), unlabelled=3)
    plain = parse("seeds.json", b"[]")
    vocabulary = replace(plain.vocabulary, has_document_end=True)
    content = json.loads(Labels((genre,), (((2,), 9), ((1,), 7), ((0,), 3))).to_bytes())
    spoil(content, data.draw)
    model = replace(plain.settings.model, has_document_end=True, label_sizes=(3,))
    record = replace(plain, vocabulary=vocabulary, settings=replace(plain.settings, model=model))
    try:
        files = {**record.to_files(), "labels.json": json.dumps(content).encode()}
        labels = parse_record(DIRECTORY, files).labels
    except ModelError as error:
        assert str(error).startswith("m/labels.json: damaged (") and "\n" not in str(error)
        return
    assert labels is not None
    for label in (None, "genre=", *(f"{field.name}={field.values[-1]}" for field in labels.fields)):
        choice = choose_labels(labels, label)
        assert choice is not None
        ids = choice.draw([1, 2])
        assert np.array(ids).shape == (1,) and 0 <= ids[0] < 3
