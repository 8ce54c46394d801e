"""Numbers, tables and untrusted text for people."""

from textgen.cli.formatting import format_table, make_printable


def test_only_what_acts_on_a_terminal_is_replaced():
    harmless = "日本\u3000\u00a0«\u202foui\u202f» می\u200cخواهم 👩\u200d💻 co\u00adop\n\t"
    assert make_printable(harmless) == harmless
    for acting in "\x00\x07\r\x1b\x7f\x9b\u2028\u202e\u2066\ud800":
        assert make_printable(f"a{acting}b") == "a\ufffdb"


def test_columns_of_a_table_are_as_wide_as_they_look():
    lines = list(format_table(("model", "bits"), [("模型", "1.5"), ("small", "12")]))
    assert lines == ["model  bits", "模型    1.5", "small    12"]
