"""Files where a user wants them."""

import os

import pytest

from textgen import storage
from textgen.errors import OutputError


def test_a_file_is_replaced_only_with_force_and_keeps_its_link(tmp_path):
    path = tmp_path / "file"
    storage.write_file(path, b"old", force=False)
    with pytest.raises(OutputError, match="exists; name another file, or replace it with --force"):
        storage.write_file(path, b"new", force=False)
    assert path.read_bytes() == b"old"
    (tmp_path / "link").symlink_to(path)
    storage.write_file(tmp_path / "link", b"new", force=True)
    assert (tmp_path / "link").is_symlink() and path.read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["file", "link"]


@pytest.mark.parametrize("name", [".", "no/file"])
def test_it_is_a_file_in_an_existing_directory(name, tmp_path):
    with pytest.raises(OutputError, match="is not a file in an existing directory"):
        storage.check_file_target(tmp_path / name, force=True)


def test_what_the_system_says_is_one_line(tmp_path, monkeypatch):
    def fail(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match="cannot be written: No space left on device; name"):
        storage.write_file(tmp_path / "file", b"new", force=False)
    assert os.listdir(tmp_path) == []
