"""Locks that keep a directory to one process."""

import os

import pytest

from textgen import storage
from textgen.errors import OutputError


def test_one_process_at_a_time_holds_a_directory(tmp_path):
    directory = tmp_path / "new"
    with storage.lock_directory(directory, "is busy"):
        with (
            pytest.raises(OutputError, match="new: is busy"),
            storage.lock_directory(directory, "is busy"),
        ):
            pass
        assert directory.is_dir()
    assert not directory.exists()


def test_a_directory_with_files_stays(tmp_path):
    with storage.lock_directory(tmp_path / "new", "is busy"):
        (tmp_path / "new/file").write_text("")
    assert os.listdir(tmp_path / "new") == ["file"]
    (tmp_path / "old").mkdir()
    with storage.lock_directory(tmp_path / "old", "is busy"):
        pass
    assert os.listdir(tmp_path / "old") == []


def test_a_lock_file_that_is_a_link_is_refused(tmp_path):
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(OutputError, match="cannot be written"),
        storage.lock_directory(tmp_path, ""),
    ):
        pass
    assert not (tmp_path / "elsewhere").exists()
