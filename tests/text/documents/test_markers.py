"""Documents of a file are the same for any blocks."""

import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.text.documents import markers
from textgen.text.documents.markers import (
    DOCUMENT_END,
    mark_file,
    mark_lines,
    mark_paragraphs,
    mark_separated,
)

SEPARATORS = ["%\n", "\n%\n", "%", "\n\n", "\n", "aa", "aba", "\na", "a\n\n"]
text_in_blocks = st.text(st.sampled_from("ab %\n\t"), max_size=40).flatmap(
    lambda text: st.tuples(st.just(text), st.lists(st.integers(0, len(text)), max_size=8))
)


def documents_of(mark: Any, text: str, cuts: list[int], *arguments: Any) -> list[str]:
    """What a function marks in a text that comes in blocks."""
    blocks = [text[a:b] for a, b in pairwise([0, *sorted(cuts), len(text)])]
    marked = "".join(mark(blocks, *arguments))
    *documents, rest = marked.split(DOCUMENT_END)
    assert rest == ""
    return documents


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text in memory."""
    lines = "\n".join(line if line.strip(" \t") else "" for line in text.split("\n"))
    parts = [part.strip("\n") for part in re.split("\n\n+", lines)]
    return [part for part in parts if part]


def separated(text: str, separator: str) -> list[str]:
    """The documents between separators, of a text in memory."""
    documents = text.split(separator)
    core = separator.rstrip("\n")
    if core and core != separator and documents[-1].endswith(core):
        documents[-1:] = [documents[-1].removesuffix(core), ""]
    elif separator[0] == "\n":
        documents[-1] = documents[-1].removesuffix("\n")
    if not documents[-1].strip("\n"):
        documents.pop()
    return documents[1:] if documents and not documents[0] else documents


@given(text_in_blocks)
def test_lines(text):
    expected = text[0].removesuffix("\n").split("\n") if text[0] else []
    assert documents_of(mark_lines, *text) == expected


@given(text_in_blocks)
def test_files(text):
    assert documents_of(mark_file, *text) == [text[0].rstrip("\n")]


@given(text_in_blocks)
def test_paragraphs(text):
    assert documents_of(mark_paragraphs, *text) == paragraphs(text[0])


@given(text_in_blocks, st.sampled_from(SEPARATORS))
def test_separators(text, separator):
    assert documents_of(mark_separated, *text, separator) == separated(text[0], separator)


@pytest.mark.parametrize(
    ("text", "separator", "documents"),
    [
        ("one\n%\ntwo\n%\n", "%\n", ["one\n", "two\n"]),
        ("one\n%\ntwo\n%", "%\n", ["one\n", "two\n"]),
        ("%\none\n%\ntwo\n", "%\n", ["one\n", "two\n"]),
        ("one\n%\n%\ntwo\n%\n", "\n%\n", ["one", "%\ntwo"]),
        ("one\n\ntwo\nlines\n\n\n", "\n\n", ["one", "two\nlines"]),
        ("one%%two%\n", "%", ["one", "", "two"]),
        ("nothing", "%", ["nothing"]),
        ("%", "%", []),
        ("\n", "%", []),
    ],
)
def test_separators_at_the_ends_of_a_file(text, separator, documents):
    found: list[int] = []
    for cut in range(len(text) + 1):
        assert documents_of(mark_separated, text, [cut], separator, found.append) == documents
        assert sum(found) == count(text, separator)
        found.clear()


def count(text: str, separator: str) -> int:
    """How often a separator is in a text; its line ends may lack at the end."""
    last = text.split(separator)[-1]
    core = separator.rstrip("\n")
    return text.count(separator) + (core != separator and core != "" and last.endswith(core))


def test_a_document_is_never_held_as_a_whole():
    for mark in (mark_lines, mark_file, mark_paragraphs, lambda it: mark_separated(it, "%\n")):
        blocks = mark("words\nand 100% more\n" * 100 for _ in range(50))
        assert max(map(len, blocks)) < 5000


def test_a_long_line_of_spaces_is_no_blank_line(monkeypatch):
    monkeypatch.setattr(markers, "_LONGEST_BLANK", 50)
    blocks = list(mark_paragraphs(["a\n", *[" " * 20] * 10, "b\n\nc"]))
    assert max(map(len, blocks)) < 100
    assert "".join(blocks).split(DOCUMENT_END) == ["a\n" + " " * 200 + "b", "c", ""]
