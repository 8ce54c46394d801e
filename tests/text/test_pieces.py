"""A file in pieces is the file."""

import bz2
import gzip
import io

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.text.reading import TINY, file_source, text_or_error
from textgen.settings import CorpusConfig
from textgen.text.compression import find_decompressor
from textgen.text.encodings import MULTI_BYTE
from textgen.text.pieces import split_source
from textgen.text.reading import read_text
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Source

CUT = ["utf-8", "latin-1", "cp1252", "ascii", *sorted(MULTI_BYTE)]


@pytest.mark.parametrize("encoding", CUT)
@given(
    parts=st.lists(
        st.text(st.sampled_from("aΣςé\u0301\u0327 世界한\u1100\u1161ア\n\r\ufeff"), max_size=12)
        | st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n", b"\n\r", b"\nBZh91AY&SY"])
        | st.binary(max_size=3),
        max_size=8,
    ),
    size=st.integers(1, 12),
    settings=st.sampled_from(
        [
            {},
            {"lowercase": True},
            {"normalize": "NFC"},
            {"normalize": "NFKC", "lowercase": True},
            {"decoding_errors": "replace"},
            {"decoding_errors": "skip", "normalize": "NFC"},
        ]
    ),
)
@example(parts=[b"\0", "\n", b"\x80\0"], size=1, settings={})  # which error comes first
@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_a_file_in_pieces_is_the_file(tmp_path, encoding, parts, size, settings):
    data = b"".join(
        part if isinstance(part, bytes) else part.encode(encoding, "ignore") for part in parts
    )
    path = tmp_path / "it"
    path.write_bytes(data)
    config = CorpusConfig(encoding=encoding, **settings)
    pieces = split_source(file_source(path), config, size)
    if len(data) > size and not find_decompressor(data):
        assert len(pieces) == -(-len(data) // size)
    # What an error guesses of a binary file depends on the bytes about it.
    reports = ReadingReport(), ReadingReport()
    parts = zip(([file_source(path)], pieces), reports, strict=True)
    same = [text_or_error(part, config, report).split(";")[0] for part, report in parts]
    assert same[0] == same[1]
    if not same[0].startswith(f"{path}: "):
        assert reports[0] == reports[1]


def test_pieces_count_all_bytes_once(tmp_path):
    path = tmp_path / "it"
    path.write_bytes(b"one line\r\nanother\n\nand one that is longer than a piece, far\nthe last")
    for size in range(1, 80):
        pieces = split_source(file_source(path), CorpusConfig(), size)
        assert sum(piece.size or 0 for piece in pieces) == path.stat().st_size
        counts = [[0, *(count for _, count in read_text(p, CorpusConfig()))][-1] for p in pieces]
        assert sum(counts) == path.stat().st_size


@pytest.mark.parametrize("data", [b"x" * 5000, b"x\r" * 2000, "世界".encode() * 900])
def test_a_file_without_line_feeds_is_read_as_a_whole(tmp_path, data):
    path = tmp_path / "it"
    path.write_bytes(data)
    pieces = split_source(file_source(path), CorpusConfig(), 100, TINY)
    texts = [text_or_error([piece], CorpusConfig(), sizes=TINY) for piece in pieces]
    assert texts == [data.decode().replace("\r", "\n"), *[""] * (len(pieces) - 1)]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        # Parameters name tests, which must have the same names in all processes: no time in them.
        (gzip.compress(b"a\nb\n" * 99, mtime=0), "utf-8"),
        (bz2.compress(b"a\nb\n" * 99), "utf-8"),
        *(
            (("a\nb\n" * 99).encode(encoding), encoding)
            for encoding in ("utf-16", "utf-16-le", "utf-32", "utf-7", "cp037", "iso2022_jp", "hz")
        ),
    ],
)
def test_what_cannot_be_cut_is_one_piece(tmp_path, data, encoding):
    path = tmp_path / "it"
    path.write_bytes(data)
    config = CorpusConfig(encoding=encoding)
    (piece,) = split_source(file_source(path), config, 10)
    assert text_or_error([piece], config) == "a\nb\n" * 99
    stream = Source("it", lambda: io.BytesIO(b"a\nb\n"), 4)
    assert [piece.source for piece in split_source(stream, CorpusConfig(), 1)] == [stream]


@pytest.mark.parametrize("bad", [b"\xff", b"\xe4\xbd", b"\0"])
def test_an_error_in_a_piece_names_the_place_in_the_file(tmp_path, bad):
    path = tmp_path / "it"
    path.write_bytes("grüße\r\n".encode() * 50 + b"xy" + bad + b"\nmore\n" * 50)
    pieces = split_source(file_source(path), CorpusConfig(), 20)
    assert len(pieces) > 20
    message = text_or_error(pieces, CorpusConfig())
    assert message == text_or_error([file_source(path)], CorpusConfig())
    assert "at offset 452 is NUL" in message or "at offset 452 is not utf-8" in message
