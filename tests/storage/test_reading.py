"""Files of a directory, compared with its manifest."""

import pytest

from tests.storage.kinds import KIND, read_both, writers
from textgen import storage
from textgen.errors import PreparedError


@pytest.fixture
def directory(tmp_path):
    storage.commit(tmp_path / "model", KIND, writers(a="first", b="second"))
    return tmp_path / "model"


def test_a_changed_file_is_named(directory):
    (directory / "a").write_text("FIRST")
    with pytest.raises(PreparedError, match="a: changed after it was written; make it again"):
        read_both(directory)


def test_a_truncated_file_is_named(directory):
    (directory / "a").write_text("fir")
    for read in (storage.read_files, storage.locate_files):
        with pytest.raises(PreparedError, match="a: truncated or changed"):
            read(directory, KIND, ["a", "b"])


def test_a_missing_file_is_named(directory):
    (directory / "a").unlink()
    with pytest.raises(PreparedError, match="a: missing"):
        read_both(directory)
    with pytest.raises(PreparedError, match="lists no c"):
        storage.read_files(directory, KIND, ["c"])
    assert storage.read_files(directory, KIND, ["b"], optional=["c"]) == {"b": b"second"}
    with pytest.raises(PreparedError, match="a: missing"):
        storage.read_files(directory, KIND, ["b"], optional=["a"])


def test_large_files_are_located(directory):
    assert storage.locate_files(directory, KIND, ["b"]) == {"b": directory / "b"}
