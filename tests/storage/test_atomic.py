"""Files that are complete or absent."""

import os

import pytest

from textgen import storage


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    storage.write_atomic(path, b"old")

    def fail(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        storage.write_atomic(path, b"new")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]


def test_files_have_ordinary_permissions(tmp_path):
    storage.write_atomic(tmp_path / "file", b"")
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~mask


def test_json_is_ascii():
    assert storage.encode_json({"é": ["\ud800"]}) == b'{\n  "\\u00e9": [\n    "\\ud800"\n  ]\n}\n'
