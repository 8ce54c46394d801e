"""Compressed files are recognized by their first bytes."""

import bz2
import gzip
import io
import lzma
import os

import pytest

from tests.text.reading import read
from textgen.errors import CorpusError
from textgen.settings import CorpusConfig
from textgen.text.reading import read_text
from textgen.text.sources import Source


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("text", ["", "a\nb", "grüße, 世界 😀\n" * 50])
def test_compression_is_known_by_content(pack, text):
    assert read(pack(text.encode())) == text


def test_several_compressed_members_are_one_text():
    assert read(gzip.compress(b"one ") + gzip.compress(b"two")) == "one two"


def test_a_text_that_starts_like_bzip2_is_a_text():
    assert read(b"BZh9 is how these files begin") == "BZh9 is how these files begin"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_damaged_compressed_files_are_named(pack):
    whole = pack(os.urandom(2000).hex().encode())
    with pytest.raises(CorpusError, match="^it: "):
        read(whole[: len(whole) // 2])
    with pytest.raises(CorpusError, match="^it: "):
        read(whole[:100] + bytes(200) + whole[300:])


def test_progress_counts_the_bytes_of_the_source():
    data = gzip.compress(b"some text\n" * 100_000)
    source = Source("it", lambda: io.BytesIO(data), len(data))
    counts = [count for _, count in read_text(source, CorpusConfig())]
    assert counts == sorted(counts) and counts[-1] == len(data)
