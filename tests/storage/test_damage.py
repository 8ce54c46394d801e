"""Damaged files: what messages say about them."""

import zipfile
from pathlib import Path

import pytest

from textgen import storage
from textgen.errors import ModelError, NewerVersionError, PreparedError, SettingsError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (storage.DamageError("not JSON"), "not JSON"),
        (SettingsError("step", "is missing"), "step is missing"),
        (PermissionError(13, "Permission denied", "/a"), "Permission denied"),
        (OSError("odd"), "cannot be read"),
        (KeyError("windows"), "cannot be read"),
        (AttributeError("'list' object has no attribute 'get'"), "cannot be read"),
        (zipfile.BadZipFile("File is not a zip file"), "cannot be read"),
    ],
)
def test_only_words_for_users_are_shown(error, words):
    assert storage.describe_damage(error) == words
    with (
        pytest.raises(ModelError, match=rf"^a/b: damaged \({words}\); fix it$"),
        storage.report_damage(Path("a/b"), ModelError, "fix it"),
    ):
        raise error


def test_a_newer_version_is_not_damage():
    with (
        pytest.raises(PreparedError, match="^a: written by textgen 99$"),
        storage.report_damage(Path("a"), PreparedError, "make it again"),
    ):
        raise NewerVersionError("written by textgen 99")


def test_an_item_may_have_a_default():
    assert storage.get_item({}, "a", list, [1]) == [1]
    assert storage.get_item({"a": [2]}, "a", list, [1]) == [2]
    with pytest.raises(storage.DamageError, match="^a "):
        storage.get_item({"a": None}, "a", list, [1])
