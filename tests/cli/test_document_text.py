"""Documents as plain text, split into the documents again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.cli.document_text import DocumentText, pad_blank_lines
from textgen.cli.output import Output

texts = st.lists(st.text("\n ab", max_size=12), min_size=2, max_size=6)


class Captured(Output):
    """Standard output, kept."""

    def __init__(self, separator: str | None = None) -> None:
        super().__init__(separator)
        self.clean = str
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


def write(documents, separator=None, *, has_line_ends=True):
    out = Captured(separator)
    writer = DocumentText(out, separator, has_line_ends=has_line_ends, several=len(documents) > 1)
    for document in documents:
        writer.write(document)  # its characters
    return out.text, writer.ambiguous


def unpad(document):
    lines = document.split("\n")
    return "\n".join(line[1:] if not line.strip(" ") else line for line in lines)


@given(texts)
def test_documents_with_line_ends_are_split_at_empty_lines(documents):
    written, ambiguous = write(documents)
    assert ambiguous == 0 and written.endswith("\n")
    assert [*map(unpad, written.removesuffix("\n").split("\n\n"))] == documents


@given(st.lists(st.text(" ab", max_size=9), min_size=1, max_size=6))
def test_documents_without_line_ends_are_lines(documents):
    written, _ = write(documents, has_line_ends=False)
    assert written == "".join(f"{document}\n" for document in documents)


@given(texts, st.sampled_from(["\n", "a", "\nb\n", "aa"]))
def test_documents_that_a_separator_does_not_separate_are_counted(documents, separator):
    written, ambiguous = write(documents, separator)
    assert written == "".join(document + separator for document in documents)
    assert (ambiguous == 0) == (written.split(separator)[:-1] == documents)


def test_a_single_document_is_not_changed():
    assert write(["a\n\nb\n"])[0] == "a\n\nb\n"
    assert write(["a\n\nb"])[0] == "a\n\nb\n"


@pytest.mark.parametrize("size", [1, 2, 5])
def test_blank_lines_are_padded_however_the_text_comes(size):
    document = "a\n\n b\n  \n\n"
    pieces = [document[place : place + size] for place in range(0, len(document), size)]
    assert "".join(pad_blank_lines(pieces)) == "a\n \n b\n   \n \n "
