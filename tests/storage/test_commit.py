"""Commits: a new set of files in one step, whatever happens in between."""

import os
import shutil

import pytest

from tests.storage.kinds import KIND, read_both, writers
from textgen import storage


def test_an_unfinished_commit_of_somebody_else_opens_nothing_else(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_text("mine")
    listed = {"a": storage.describe_file(outside / "a"), "fifo": {"bytes": 0, "sha256": ""}}

    def create(directory):
        directory.mkdir()
        storage.write_manifest(directory, KIND, listed)
        return directory / ".pending"

    create(tmp_path / "first").symlink_to(outside)
    pending = create(tmp_path / "second")
    pending.mkdir()
    os.mkfifo(pending / "fifo")
    (pending / "a").symlink_to(outside / "a")
    (pending / "other").symlink_to("/dev/zero")
    os.mkfifo(create(tmp_path / "third"))
    create(tmp_path / "fourth").mkdir()
    for manifest, directory in zip(
        (None, None, None, "[" * 100_000), ("first", "second", "third", "fourth"), strict=True
    ):
        if manifest:
            (tmp_path / directory / "manifest.json").write_text(manifest)
        storage.commit(tmp_path / directory, KIND, writers(b="new"))
        assert sorted(os.listdir(tmp_path / directory)) == ["b", "manifest.json"]
    assert os.listdir(outside) == ["a"]


@pytest.mark.parametrize("unchanged", [(), ("b",)])
@pytest.mark.parametrize("at", range(40))
def test_a_commit_killed_anywhere_leaves_one_set_or_the_other(tmp_path, monkeypatch, at, unchanged):
    """Every step that changes the disk fails once, as a kill would: nothing is tidied up after."""
    directory = tmp_path / "model"
    storage.commit(directory, KIND, writers(a="old", b="old"))
    new = {"a": "new", "b": "old" if unchanged else "new"}
    changes = {name: new[name] for name in new if name not in unchanged}
    steps = 0

    class Killed(BaseException):
        pass

    def step():
        nonlocal steps
        steps += 1
        if steps > at:
            raise Killed

    def counted(function):
        def call(*arguments, **options):
            step()
            return function(*arguments, **options)

        return call

    monkeypatch.setattr("pathlib.Path.replace", counted(os.replace))
    monkeypatch.setattr(os, "fsync", counted(os.fsync))
    monkeypatch.setattr(shutil, "rmtree", counted(shutil.rmtree))
    finished = True
    try:
        storage.commit(directory, KIND, writers(**changes), unchanged)
    except Killed:
        finished = False
    monkeypatch.undo()
    assert read_both(directory) in ({"a": "old", "b": "old"}, new)
    if finished:
        assert read_both(directory) == new
        assert not (directory / ".pending").exists()
    storage.commit(directory, KIND, writers(a="newer", b="newer"))
    assert read_both(directory) == {"a": "newer", "b": "newer"}
    assert sorted(p for p in os.listdir(directory) if not p.startswith(".m")) == [
        "a",
        "b",
        "manifest.json",
    ]


def test_a_commit_that_fails_is_tidied_up(tmp_path):
    directory = tmp_path / "model"
    storage.commit(directory, KIND, writers(a="old", b="old"))

    def fail(_path):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        storage.commit(directory, KIND, {"a": fail, **writers(b="new")})
    assert read_both(directory) == {"a": "old", "b": "old"}
    assert sorted(os.listdir(directory)) == ["a", "b", "manifest.json"]
