"""Files, streams, compression and encodings become text."""

import bz2
import codecs
import gzip
import io
import lzma
import os
import pickle
import unicodedata
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from textgen.errors import CorpusError, UsageError
from textgen.settings import CorpusConfig
from textgen.text import sources
from textgen.text.sources import (
    ReadingReport,
    Source,
    cut,
    demo_source,
    find_sources,
    read_text,
    read_texts,
)

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


def read(data: bytes, report: ReadingReport | None = None, **settings) -> str:
    source = Source("it", lambda: io.BytesIO(data), len(data))
    return "".join(text for text, _ in read_text(source, CorpusConfig(**settings), report))


@pytest.fixture
def tiny_pieces(monkeypatch):
    """Pieces of three bytes, so that every boundary falls somewhere inconvenient."""
    monkeypatch.setattr(sources, "_BLOCK", 3)


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
    expected = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    saved, sources._BLOCK = sources._BLOCK, 3
    try:
        assert read(text.encode(encoding), encoding=encoding) == expected
    finally:
        sources._BLOCK = saved


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
    with pytest.raises(CorpusError, match="looks like utf-16: add --encoding auto"):
        read("hello".encode("utf-16"))
    with pytest.raises(CorpusError, match="looks like a binary file"):
        read(b"\x89PNG\r\n\x1a\n\0\0\0")
    with pytest.raises(CorpusError, match="at offset 1 is NUL.*looks like utf-16-le: add --encod"):
        read("hello".encode("utf-16-le"))
    with pytest.raises(CorpusError, match="looks like cp1252: add --encoding auto"):
        read("grün".encode("latin-1"))
    with pytest.raises(CorpusError, match="looks like cp1251: add --encoding auto"):
        read("Все счастливые семьи похожи друг на друга.\n".encode("cp1251"))
    with pytest.raises(CorpusError, match="at offset 8 is not utf-8; most of the text.*replace"):
        read("grüße \xff\n".encode("latin-1").replace(b"\xfc\xdf", "üß".encode()))


@pytest.mark.parametrize(
    ("encoding", "before", "width"),
    [("latin-1", "grün\n", 1), ("utf-16-le", "grün\r\n", 2), ("utf-32", "gr", 4), ("gbk", "世", 1)],
)
def test_a_nul_is_named_with_its_offset(tiny_pieces, encoding, before, width):
    data = before.encode(encoding)
    zero = "\0".encode(encoding)[-width:]
    with pytest.raises(CorpusError) as caught:
        read(data + zero + data[-width:] * 9, encoding=encoding)
    message = str(caught.value)
    assert message.startswith(f"it: byte 0x00 at offset {len(data)} is NUL")
    assert message.endswith("this looks like a binary file: leave it out")


@pytest.mark.parametrize("after", ["", "\n", " and more"])
def test_half_of_a_surrogate_pair_is_named_with_its_place(tiny_pieces, after):
    data = b"some text +2AA-" + after.encode()
    with pytest.raises(CorpusError, match=r"^it: U\+D800 near offset 1\d is half of a surrogate"):
        read(data, encoding="utf-7")
    report = ReadingReport()
    assert (
        read(data, report, encoding="utf-7", decoding_errors="replace")
        == f"some text \ufffd{after}"
    )
    assert report.undecodable_replaced == 1
    assert read(data, report, encoding="utf-7", decoding_errors="skip") == f"some text {after}"
    assert report.undecodable_skipped == 1


def read_all(files: Sequence[bytes], **settings) -> tuple[str, dict[str, Any]]:
    report = ReadingReport()
    sources = [
        Source(f"file {number}", partial(io.BytesIO, data), len(data))
        for number, data in enumerate(files)
    ]
    texts = read_texts(sources, CorpusConfig(**settings), report)
    text = "".join(text for text, _ in texts)
    assert ReadingReport.from_json(report.to_json()) == report
    return text, {name: count for name, count in report.to_json().items() if count}


@pytest.mark.parametrize(
    ("files", "text", "added"),
    [
        ([b"line in a", b"line in b"], "line in a\nline in b", 1),
        ([b"a\n", b"b\n"], "a\nb\n", 0),
        ([b"a\r", b"b\r\n", b"c"], "a\nb\nc", 0),
        ([b"", b"a", b"", b"", b"b", b""], "a\nb", 1),
        ([b"a", b"\nb"], "a\n\nb", 1),
        ([b"a", b"\xef\xbb\xbf", b"b"], "a\nb", 1),
        ([gzip.compress(b"a"), bz2.compress(b""), lzma.compress(b"b"), b"c"], "a\nb\nc", 2),
        ([b"a" * 7, b"b" * 7, b"c" * 7], "a" * 7 + "\n" + "b" * 7 + "\n" + "c" * 7, 2),
        ([b"", b""], "", 0),
    ],
)
def test_files_without_a_final_line_end_are_not_joined(tiny_pieces, files, text, added):
    read, changes = read_all(files)
    assert read == text and changes.get("line_ends_added", 0) == added
    assert read_all(files, lowercase=True, normalize="NFC")[0] == text


@pytest.mark.parametrize(
    ("data", "encoding", "text", "removed"),
    [
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n\xef\xbb\xbf", "utf-8", "a\nb\n", 2),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", "utf-8-sig", "a\nb", 1),
        ("a\n".encode("utf-16") * 3, "utf-16", "a\na\na\n", 2),
        ("a\n".encode("utf-32") * 2, "utf-32", "a\na\n", 1),
        ("\ufeffa\ufeffb\ufeff\ufeff".encode("gb18030"), "gb18030", "ab", 3),
    ],
)
def test_byte_order_marks_in_mid_stream_are_removed_and_counted(
    tiny_pieces, data, encoding, text, removed
):
    read, changes = read_all([data], encoding=encoding)
    assert read == text and changes.get("byte_order_marks_removed") == removed


TEXTS = {
    "utf-8": "Grüße aus Köln, 世界 😀\n",
    "cp1252": "Le café était fermé; l’été dernier, Hélène a préféré rester à la maison.\n",
    "cp1250": "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv.\n",
    "cp1251": "Все счастливые семьи похожи друг на друга, каждая несчастлива по-своему.\n",
    "koi8-r": "Все счастливые семьи похожи друг на друга, каждая несчастлива по-своему.\n",
    "gb18030": "道可道，非常道。名可名，非常名。无名天地之始；有名万物之母。\n",
    "cp932": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n",
    "cp949": "모든 국민은 법 앞에 평등하다. 누구든지 성별에 의하여 차별을 받지 아니한다.\n",
    "utf-16": "Grüße, 世界\n",
    "utf-32": "Grüße, 世界\n",
}


def test_the_encoding_of_each_file_is_detected():
    english = "plain English\n"
    files = [(english * 9 + text).encode(encoding) for encoding, text in TEXTS.items()]
    files += [b"", english.encode(), "ü\n".encode("utf-8-sig"), gzip.compress(files[1])]
    text, changes = read_all(files, encoding="auto")
    assert text == "".join(english * 9 + text for text in TEXTS.values()) + english + "ü\n" + (
        english * 9 + TEXTS["cp1252"]
    )
    assert changes == {"encodings": {**dict.fromkeys(TEXTS, 1), "utf-8": 3, "cp1252": 2}}
    with pytest.raises(CorpusError, match="^file 0: no encoding fits: this looks like a binary"):
        read_all([b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0"], encoding="auto")


@pytest.mark.parametrize(
    "short", ["café", "naïve", "déjà vu, été à la maison", "£5", "it’s", "©", "20°", "Müller\n"]
)
def test_a_few_letters_with_accents_are_read_as_windows_1252(short):
    assert read_all([short.encode("cp1252")], encoding="auto")[0] == short


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_an_encoding_is_detected_at_the_first_byte_that_tells_it(monkeypatch, end):
    monkeypatch.setattr(sources, "_BLOCK", 7)
    monkeypatch.setattr(sources, "_SAMPLE", 100)
    data = f"all of it is ASCII{end}" * 50 + TEXTS["cp1251"].replace("\n", end) * 20
    text, changes = read_all([data.encode("cp1251")], encoding="auto")
    assert text == data.replace(end, "\n") and changes == {"encodings": {"cp1251": 1}}


def test_a_large_file_that_is_no_text_is_refused_when_it_is_read(tmp_path):
    path = tmp_path / "it"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0" * 9)
    config = CorpusConfig(encoding="auto")
    pieces = cut(on_disk(path), config, 10)
    assert text_or_error(pieces, config).startswith(f"{path}: no encoding fits")


def test_utf16_without_its_mark_is_refused_with_what_to_do():
    data = "some text of a few words\n".encode("utf-16-le") * 9
    with pytest.raises(CorpusError, match="^it: is not utf-16: .* add --encoding auto"):
        read(data, encoding="utf-16")
    assert read(data, encoding="auto") == "some text of a few words\n" * 9


def test_what_is_detected_is_decoded_strictly(monkeypatch):
    monkeypatch.setattr(sources, "_BLOCK", 50)
    monkeypatch.setattr(sources, "_SAMPLE", 100)
    data = "Grüße\n".encode() * 50 + b"\xff\n"
    with pytest.raises(CorpusError, match="at offset 400 is not utf-8; that encoding was detected"):
        read(data, encoding="auto")
    report = ReadingReport()
    assert read(data, report, encoding="auto", decoding_errors="replace").endswith("ße\n\ufffd\n")
    assert report == ReadingReport({"utf-8": 1}, undecodable_replaced=1)


@pytest.mark.parametrize(
    ("data", "encoding", "replaced", "count"),
    [
        (b"a\xffb\xfe\xfd\n", "utf-8", "a\ufffdb\ufffd\ufffd\n", 3),
        ("a\ufffd世".encode() + b"\xe4\xb8", "utf-8", "a\ufffd世\ufffd", 1),
        (b"caf\xe9\n", "ascii", "caf\ufffd\n", 1),
        (b"a\x81\nb\xff", "gbk", "a\ufffd\nb\ufffd", 2),
        (b"\x81\x8d", "cp1252", "\ufffd\ufffd", 2),
        ("ab".encode("utf-16") + b"c", "utf-16", "ab\ufffd", 1),
    ],
)
def test_bytes_that_are_not_text_are_replaced_or_skipped_and_counted(
    tiny_pieces, data, encoding, replaced, count
):
    name = codecs.lookup(encoding).name
    with pytest.raises(CorpusError, match=f"is not {encoding}"):
        read_all([data], encoding=encoding)
    text, changes = read_all([data], encoding=encoding, decoding_errors="replace")
    assert text == replaced
    assert changes == {"encodings": {name: 1}, "undecodable_replaced": count}
    text, changes = read_all([data], encoding=encoding, decoding_errors="skip")
    assert text == replaced.replace(
        "\ufffd", "", count if "a\ufffd世" not in replaced else 0
    ).replace("世\ufffd", "世")
    assert changes == {"encodings": {name: 1}, "undecodable_skipped": count}


@pytest.mark.parametrize("name", ["-", "/dev/stdin", "pipe"])
def test_what_can_be_read_once_is_named_once(tmp_path, monkeypatch, name):
    receive, send = os.pipe()
    monkeypatch.setattr("sys.stdin", os.fdopen(receive))
    os.mkfifo(tmp_path / "pipe")
    if name == "/dev/stdin":
        name = f"/proc/self/fd/{receive}"
    pair = ["-", name] if name != "pipe" else [str(tmp_path / name)] * 2
    with pytest.raises(UsageError, match="is named twice and can be read once; name it once"):
        find_sources(pair)
    os.close(send)


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
    saved, sources._BLOCK = sources._BLOCK, 3
    try:
        for form in ("NFC", "NFKC"):
            expected = unicodedata.normalize(form, text)
            assert read(text.encode(), normalize=form) == expected
            lowered = unicodedata.normalize(form, expected.lower())
            assert read(text.encode(), normalize=form, lowercase=True) == lowered
        assert read(text.encode(), lowercase=True) == text.lower()
    finally:
        sources._BLOCK = saved


def test_a_text_without_a_place_to_cut_is_refused(monkeypatch):
    monkeypatch.setattr(sources, "_LONGEST_UNCUT", 10)
    with pytest.raises(CorpusError, match="without a break"):
        read(b"x" * 20, normalize="NFC")


def on_disk(path: Path) -> Source:
    (source,) = find_sources([str(path)])
    return source


def text_or_error(pieces, config: CorpusConfig, report: ReadingReport | None = None) -> str:
    """The text of pieces up to the first error, and that."""
    read = ""
    try:
        for text, _ in read_texts(pieces, config, report):
            read += text
    except CorpusError as error:
        return str(error)
    return read


CUT = ["utf-8", "latin-1", "cp1252", "ascii", *sorted(sources._MANY_BYTES)]


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
    pieces = cut(on_disk(path), config, size)
    if len(data) > size and not sources._opener(data):
        assert len(pieces) == -(-len(data) // size)
    # What an error guesses of a binary file depends on the bytes about it.
    reports = ReadingReport(), ReadingReport()
    parts = zip(([on_disk(path)], pieces), reports, strict=True)
    same = [text_or_error(part, config, report).split(";")[0] for part, report in parts]
    assert same[0] == same[1]
    if not same[0].startswith(f"{path}: "):
        assert reports[0] == reports[1]


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
    assert "at offset 452 is NUL" in message or "at offset 452 is not utf-8" in message


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
