"""Files, streams, compression and encodings become text."""

import bz2
import gzip
import io
import lzma
import os
import pickle
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from textgen import corpus
from textgen.config import CorpusConfig
from textgen.corpus import Source, cut, demo_source, find_sources, read_text
from textgen.errors import CorpusError, UsageError

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


def on_disk(path: Path) -> Source:
    (source,) = find_sources([str(path)])
    return source


def text_or_error(pieces, config: CorpusConfig) -> str:
    """The text of pieces up to the first error, and that."""
    read = ""
    try:
        for piece in pieces:
            for text, _ in read_text(piece, config):
                read += text
    except CorpusError as error:
        return str(error)
    return read


CUT = ["utf-8", "latin-1", "cp1252", "ascii", *sorted(corpus._MANY_BYTES)]


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
        [{}, {"lowercase": True}, {"normalize": "NFC"}, {"normalize": "NFKC", "lowercase": True}]
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
    pieces = cut(on_disk(path), config, size)
    if len(data) > size and not corpus._opener(data):
        assert len(pieces) == -(-len(data) // size)
    # What an error guesses of a binary file depends on the bytes about it.
    same = [text_or_error(part, config).split(";")[0] for part in ([on_disk(path)], pieces)]
    assert same[0] == same[1]


def test_pieces_count_all_bytes_once(tmp_path):
    path = tmp_path / "it"
    path.write_bytes(b"one line\r\nanother\n\nand one that is longer than a piece, far\nthe last")
    for size in range(1, 80):
        pieces = cut(on_disk(path), CorpusConfig(), size)
        assert sum(piece.size or 0 for piece in pieces) == path.stat().st_size
        counts = [[0, *(count for _, count in read_text(p, CorpusConfig()))][-1] for p in pieces]
        assert sum(counts) == path.stat().st_size


@pytest.mark.parametrize("data", [b"x" * 5000, b"x\r" * 2000, "世界".encode() * 900])
def test_a_file_without_line_feeds_is_read_as_a_whole(tmp_path, tiny_pieces, data):
    path = tmp_path / "it"
    path.write_bytes(data)
    pieces = cut(on_disk(path), CorpusConfig(), 100)
    texts = [text_or_error([piece], CorpusConfig()) for piece in pieces]
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
    (piece,) = cut(on_disk(path), config, 10)
    assert text_or_error([piece], config) == "a\nb\n" * 99
    stream = Source("it", lambda: io.BytesIO(b"a\nb\n"), 4)
    assert [piece.source for piece in cut(stream, CorpusConfig(), 1)] == [stream]


@pytest.mark.parametrize("bad", [b"\xff", b"\xe4\xbd", b"\0"])
def test_an_error_in_a_piece_names_the_place_in_the_file(tmp_path, bad):
    path = tmp_path / "it"
    path.write_bytes("grüße\r\n".encode() * 50 + b"xy" + bad + b"\nmore\n" * 50)
    pieces = cut(on_disk(path), CorpusConfig(), 20)
    assert len(pieces) > 20
    message = text_or_error(pieces, CorpusConfig())
    assert message == text_or_error([on_disk(path)], CorpusConfig())
    assert "character 302 is NUL" in message or "at offset 452 is not utf-8" in message


def test_directories_are_walked_in_order_without_hidden_files_and_our_own(tmp_path):
    for name in ("b.txt", "a.txt", "sub/c.md", ".hidden", ".git/x.txt", "model/big.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    (tmp_path / "model/manifest.json").write_text('{"textgen": "model directory"}')
    begun = tmp_path / "begun"  # a training that has not saved yet
    (begun / "cache").mkdir(parents=True)
    (begun / "checkpoint.npz").write_bytes(b"\xff")
    (begun / "cache/manifest.json").write_text('{"textgen": "prepared corpus"}')

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


def test_names_that_are_no_texts(tmp_path):
    with pytest.raises(CorpusError, match="the name of a text is empty"):
        find_sources([""])
    (tmp_path / "manifest.json").write_text('{"textgen": "model directory"}')
    with pytest.raises(CorpusError, match="is a model directory, not a text"):
        find_sources([str(tmp_path)])
    with pytest.raises(UsageError, match=r"in a list: \['notes.txt'\]"):
        find_sources("notes.txt")


def test_a_file_named_by_its_descriptor_is_one_that_other_processes_can_open(tmp_path):
    path = tmp_path / "text"
    path.write_text("a text")
    with path.open() as file:
        (source,) = find_sources([f"/dev/fd/{file.fileno()}"])
    with pickle.loads(pickle.dumps(source)).open() as opened:
        assert source.on_disk
        assert opened.read() == b"a text"
    with path.open() as file:
        path.unlink()
        (source,) = find_sources([f"/dev/fd/{file.fileno()}"])
        assert not source.on_disk and source.open().read() == b"a text"


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
