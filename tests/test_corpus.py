"""Files, streams, compression and encodings become text."""

import bz2
import gzip
import io
import lzma
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from textgen import corpus
from textgen.config import CorpusConfig
from textgen.corpus import Source, demo_source, find_sources, read_text
from textgen.errors import CorpusError

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


def read(data: bytes, **settings) -> str:
    source = Source("it", lambda: io.BytesIO(data), len(data))
    return "".join(text for text, _ in read_text(source, CorpusConfig(**settings)))


@pytest.fixture
def tiny_pieces(monkeypatch):
    """Pieces of three bytes, so that every boundary falls somewhere inconvenient."""
    monkeypatch.setattr(corpus, "_BLOCK", 3)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("text", ["", "a\nb", "grüße, 世界 😀\n" * 50])
def test_compression_is_known_by_content(pack, text):
    assert read(pack(text.encode())) == text


def test_several_compressed_members_are_one_text():
    assert read(gzip.compress(b"one ") + gzip.compress(b"two")) == "one two"


def test_a_text_that_begins_like_bzip2_is_a_text():
    assert read(b"BZh9 is how these files begin") == "BZh9 is how these files begin"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_damaged_compressed_files_are_named(pack):
    whole = pack(os.urandom(2000).hex().encode())
    with pytest.raises(CorpusError, match="^it: "):
        read(whole[: len(whole) // 2])
    with pytest.raises(CorpusError, match="^it: "):
        read(whole[:100] + bytes(200) + whole[300:])


@given(st.text(characters), st.sampled_from(["utf-8", "utf-16", "utf-32", "utf-16-be"]))
@example("a\r\nb\rc\n\r\n", "utf-8")
@example("\ufeffa", "utf-8")
def test_any_text_comes_back_with_line_ends_made_plain(text, encoding):
    expected = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    saved, corpus._BLOCK = corpus._BLOCK, 3
    try:
        assert read(text.encode(encoding), encoding=encoding) == expected
    finally:
        corpus._BLOCK = saved


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_mark_is_dropped(mark):
    encoding = "utf-8" if mark == "utf-8-sig" else mark
    assert read("äb".encode(mark), encoding=encoding) == "äb"


@pytest.mark.parametrize("before", ["", "ab", "häß", "世界", "x" * 5000])
@pytest.mark.parametrize("bad", [b"\xff", b"\xe4\xbd", b"\xc3("])
def test_a_bad_byte_is_named_with_its_offset(tiny_pieces, before, bad):
    data = before.encode() + bad
    with pytest.raises(CorpusError) as caught:
        read(data + b" and more")
    place = f"it: byte 0x{bad[0]:02x} at offset {len(before.encode())} is not utf-8"
    assert str(caught.value).startswith(place)


def test_hints_at_what_the_file_is():
    with pytest.raises(CorpusError, match="looks like UTF-16: add --encoding utf-16"):
        read("hello".encode("utf-16"))
    with pytest.raises(CorpusError, match="looks like a binary file"):
        read(b"\x89PNG\r\n\x1a\n\0\0\0")
    with pytest.raises(CorpusError, match="character 1 is NUL.*--encoding utf-16"):
        read("hello".encode("utf-16-le"))
    with pytest.raises(CorpusError, match="--encoding"):
        read("grün".encode("latin-1"))


def test_other_encodings_and_lower_case():
    assert read("GRÜN".encode("latin-1"), encoding="latin-1", lowercase=True) == "grün"


@given(
    st.text(
        st.sampled_from("aAΣσς\u0301\u0327e 한\u1100\u1161\u11a8İﬁ①\u09c7\u09be\n世\uff9e"),
        max_size=60,
    )
)
@example("ΑΣ Σ")
@example("e" + "\u0301" * 10)
def test_normalizing_in_pieces_equals_normalizing_the_whole(text):
    saved, corpus._BLOCK = corpus._BLOCK, 3
    try:
        for form in ("NFC", "NFKC"):
            expected = unicodedata.normalize(form, text)
            assert read(text.encode(), normalize=form) == expected
            lowered = unicodedata.normalize(form, expected.lower())
            assert read(text.encode(), normalize=form, lowercase=True) == lowered
        assert read(text.encode(), lowercase=True) == text.lower()
    finally:
        corpus._BLOCK = saved


def test_a_text_without_a_place_to_cut_is_refused(monkeypatch):
    monkeypatch.setattr(corpus, "_LONGEST_UNCUT", 10)
    with pytest.raises(CorpusError, match="without a break"):
        read(b"x" * 20, normalize="NFC")


def test_directories_are_walked_in_order_without_hidden_files_and_our_own(tmp_path):
    for name in ("b.txt", "a.txt", "sub/c.md", ".hidden", ".git/x.txt", "model/big.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    (tmp_path / "model/manifest.json").write_text('{"textgen": "model directory"}')

    def names(*glob: str) -> list[str]:
        return [
            str(Path(source.name).relative_to(tmp_path))
            for source in find_sources([str(tmp_path)], glob or ("*",))
        ]

    assert names() == ["a.txt", "b.txt", "sub/c.md"]
    assert names("*.md") == ["sub/c.md"]
    assert names("*.md", "a*") == ["a.txt", "sub/c.md"]
    with pytest.raises(CorpusError, match=r"no file in this directory matches \*\.rst"):
        names("*.rst")


def test_missing_files_and_directories_that_cannot_be_read(tmp_path):
    with pytest.raises(CorpusError, match="nowhere.txt: No such file"):
        find_sources([str(tmp_path / "nowhere.txt")])


def test_a_named_pipe_is_read_to_its_end(tmp_path):
    import threading

    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(gzip.compress(b"through a pipe"),))
    writer.start()
    (source,) = find_sources([str(path)])
    assert "".join(text for text, _ in read_text(source, CorpusConfig())) == "through a pipe"
    writer.join()
    assert source.modified is None  # so it is never taken for unchanged


def test_progress_counts_the_bytes_of_the_source():
    data = gzip.compress(b"some text\n" * 100_000)
    source = Source("it", lambda: io.BytesIO(data), len(data))
    counts = [count for _, count in read_text(source, CorpusConfig())]
    assert counts == sorted(counts) and counts[-1] == len(data)


def test_the_demo_corpus_is_a_text():
    source = demo_source()
    text = "".join(piece for piece, _ in read_text(source, CorpusConfig()))
    assert len(text) > 300_000 and "statement" in text


def test_a_python_without_the_demo_corpus_says_so(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(CorpusError, match="name a text file instead"):
        demo_source()
