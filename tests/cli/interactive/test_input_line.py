"""What a typed line means."""

from hypothesis import example, given
from hypothesis import strategies as st

from textgen.cli.interactive.input_line import InputLine, parse_line, quote_line


@given(st.text(st.sampled_from("/+\\ntab0 \t\0\né")), st.booleans())
@example("/+", False)
@example("\\+1", False)
def test_a_quoted_line_has_its_words(words, adds):
    line = quote_line(words, adds=adds)
    assert "\n" not in line
    assert parse_line(line, adds=adds) == InputLine("add" if adds else "start", words)


def test_marks_at_the_beginning():
    assert parse_line("/undo") == parse_line("/undo", adds=True) == InputLine("command", "undo")
    assert parse_line("+/x\\n") == InputLine("add", "/x\n")
    assert parse_line("//x", adds=True) == InputLine("add", "/x")
    assert parse_line("+") == parse_line("", adds=True) == InputLine("add", "")
    assert parse_line("") == InputLine("start", "")
