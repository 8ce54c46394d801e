"""Bytes become text, with a count of every change."""

import codecs

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.text.reading import TINY, read, read_files
from textgen.errors import CorpusError
from textgen.text.reading_report import ReadingReport

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


@given(st.text(characters), st.sampled_from(["utf-8", "utf-16", "utf-32", "utf-16-be"]))
@example("a\r\nb\rc\n\r\n", "utf-8")
@example("\ufeffa", "utf-8")
def test_any_text_comes_back_with_line_ends_made_plain(text, encoding):
    expected = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    assert read(text.encode(encoding), sizes=TINY, encoding=encoding) == expected


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_mark_is_dropped(mark):
    encoding = "utf-8" if mark == "utf-8-sig" else mark
    assert read("äb".encode(mark), encoding=encoding) == "äb"


@pytest.mark.parametrize("before", ["", "ab", "häß", "世界", "x" * 5000])
@pytest.mark.parametrize("bad", [b"\xff", b"\xe4\xbd", b"\xc3("])
def test_a_bad_byte_is_named_with_its_offset(before, bad):
    data = before.encode() + bad
    with pytest.raises(CorpusError) as caught:
        read(data + b" and more", sizes=TINY)
    place = f"it: byte 0x{bad[0]:02x} at offset {len(before.encode())} is not utf-8"
    assert str(caught.value).startswith(place)


def test_hints_at_what_the_file_is():
    with pytest.raises(CorpusError, match="utf-16: .*--encoding auto"):
        read("hello".encode("utf-16"))
    with pytest.raises(CorpusError, match="binary file"):
        read(b"\x89PNG\r\n\x1a\n\0\0\0")
    with pytest.raises(CorpusError, match="offset 1 .*NUL.*utf-16-le: .*--encoding"):
        read("hello".encode("utf-16-le"))
    with pytest.raises(CorpusError, match="cp1252: .*--encoding auto"):
        read("grün".encode("latin-1"))
    with pytest.raises(CorpusError, match="cp1251: .*--encoding auto"):
        read("Все счастливые семьи похожи друг на друга.\n".encode("cp1251"))
    with pytest.raises(CorpusError, match="offset 8 .*utf-8.*replace"):
        read("grüße \xff\n".encode("latin-1").replace(b"\xfc\xdf", "üß".encode()))


@pytest.mark.parametrize(
    ("encoding", "before", "width"),
    [("latin-1", "grün\n", 1), ("utf-16-le", "grün\r\n", 2), ("utf-32", "gr", 4), ("gbk", "世", 1)],
)
def test_a_nul_is_named_with_its_offset(encoding, before, width):
    data = before.encode(encoding)
    zero = "\0".encode(encoding)[-width:]
    with pytest.raises(CorpusError) as caught:
        read(data + zero + data[-width:] * 9, sizes=TINY, encoding=encoding)
    message = str(caught.value)
    assert message.startswith(f"it: byte 0x00 at offset {len(data)} is NUL")
    assert message.endswith("this looks like a binary file: leave it out")


@pytest.mark.parametrize("after", ["", "\n", " and more"])
def test_half_of_a_surrogate_pair_is_named_with_its_place(after):
    data = b"some text +2AA-" + after.encode()
    with pytest.raises(CorpusError, match=r"^it: U\+D800 near offset 1\d is half of a surrogate"):
        read(data, sizes=TINY, encoding="utf-7")
    report = ReadingReport()
    replaced = read(data, report, TINY, encoding="utf-7", decoding_errors="replace")
    assert replaced == f"some text \ufffd{after}" and report.undecodable_replaced == 1
    skipped = read(data, report, TINY, encoding="utf-7", decoding_errors="skip")
    assert skipped == f"some text {after}" and report.undecodable_skipped == 1


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
def test_byte_order_marks_in_mid_stream_are_removed_and_counted(data, encoding, text, removed):
    result, changes = read_files([data], TINY, encoding=encoding)
    assert result == text and changes.get("byte_order_marks_removed") == removed


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
    data, encoding, replaced, count
):
    name = codecs.lookup(encoding).name
    with pytest.raises(CorpusError, match=f"is not {encoding}"):
        read_files([data], TINY, encoding=encoding)
    text, changes = read_files([data], TINY, encoding=encoding, decoding_errors="replace")
    assert text == replaced
    assert changes == {"encodings": {name: 1}, "undecodable_replaced": count}
    text, changes = read_files([data], TINY, encoding=encoding, decoding_errors="skip")
    assert text == replaced.replace(
        "\ufffd", "", count if "a\ufffd世" not in replaced else 0
    ).replace("世\ufffd", "世")
    assert changes == {"encodings": {name: 1}, "undecodable_skipped": count}
