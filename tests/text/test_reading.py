"""Several files become one text."""

import bz2
import gzip
import lzma

import pytest

from tests.text.reading import TINY, read_files


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
def test_files_without_a_final_line_end_are_not_joined(files, text, added):
    result, changes = read_files(files, TINY)
    assert result == text and changes.get("line_ends_added", 0) == added
    assert read_files(files, TINY, lowercase=True, normalize="NFC")[0] == text
