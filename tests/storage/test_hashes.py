"""Entries of a manifest, and files that agree with them or do not."""

import hashlib

import pytest

from textgen.storage import describe_blocks, describe_file, sha256, verify_parts
from textgen.storage import hashes as module

CONTENT = b"0123456789abcdefghij"


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_BYTES", 8)
    (tmp_path / "file").write_bytes(CONTENT)
    return tmp_path / "file"


def test_a_part_of_a_file_is_hashed(path):
    chunks = []
    digest = sha256(path, 3, 7, lambda place, chunk: chunks.append((place, chunk)))
    assert digest == hashlib.sha256(CONTENT[3:7]).hexdigest()
    assert chunks == [(3, CONTENT[3:7])]
    assert sha256(path) == describe_file(path)["sha256"] == hashlib.sha256(CONTENT).hexdigest()


def test_only_the_blocks_of_the_parts_are_compared(path):
    digests = [sha256(path, start, start + 8) for start in (0, 8, 16)]
    entry = describe_blocks(len(CONTENT), digests)
    path.write_bytes(b"X" + CONTENT[1:])
    verify_parts(path, entry, [slice(8, 9), slice(16, 20)])
    with pytest.raises(ValueError, match="changed"):
        verify_parts(path, entry, [slice(7, 9)])
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(ValueError, match="truncated"):
        verify_parts(path, entry, [])


def test_a_file_without_blocks_is_compared_as_a_whole(path):
    entry = describe_file(path)
    verify_parts(path, entry, [])
    path.write_bytes(CONTENT.upper())
    with pytest.raises(ValueError, match="changed"):
        verify_parts(path, entry, [])


def test_the_number_of_blocks_must_fit_the_size(path):
    with pytest.raises(ValueError, match="blocks"):
        describe_blocks(len(CONTENT), [""] * 2)
