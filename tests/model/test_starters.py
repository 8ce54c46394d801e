"""Starters are found by their names, unless a directory has that name."""

import pytest

from textgen import evaluate
from textgen.errors import ModelError
from textgen.model import starters
from textgen.model.compact import compact_model
from textgen.model.model_dir import load, read_model


@pytest.fixture
def english(trained, tmp_path, monkeypatch):
    """A starter."""
    monkeypatch.setattr(starters, "_DIRECTORY", tmp_path / "starters")
    compact_model(trained, tmp_path / "starters/english")
    (tmp_path / "starters/notes.txt").write_text("no starter")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "starters/english"


def test_a_starter_has_a_name(english):
    assert starters.list_starters() == ["english"]
    assert starters.starter_path("english") == english
    assert starters.find_initial_model("english") == english
    assert starters.starter_name(english) == "english"
    assert starters.starter_name(english.parent.parent) is None
    with pytest.raises(ModelError, match="german: no such starter; .* or english$"):
        starters.starter_path("german")


def test_what_is_neither_names_the_starters(english):
    with pytest.raises(ModelError, match=r"^gone: no such model .*, or english$"):
        starters.find_initial_model("gone")
    for name in ("..", "english/model.keras", "../starters/english", ""):
        assert starters.find_model(name) != english / name


def test_a_directory_takes_precedence(english, tmp_path):
    (tmp_path / "english").mkdir()
    assert str(starters.find_initial_model("english")) == "english"
    with pytest.raises(ModelError, match="no trained model in this directory"):
        read_model("english")


def test_readers_of_models_take_the_name(english, corpus):
    texts = [load(name).generate("the ", length=9, random_seed=1) for name in ("english", english)]
    assert texts[0] == texts[1]
    assert evaluate(corpus, "english").loss < 2


def test_without_starters_the_error_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(starters, "_DIRECTORY", tmp_path / "none")
    assert starters.list_starters() == []
    with pytest.raises(ModelError, match="comes without starters"):
        starters.find_initial_model("english")
