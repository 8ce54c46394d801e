"""What Tab does with suggestions."""

from textgen.cli.interactive.terminal import Completer
from textgen.errors import SeedError


def test_tab_again_gives_the_next_suggestion_and_then_the_line_as_it_was():
    calls = []

    def suggest(line):
        calls.append(line)
        return [f"{line}{end}" for end in "zay"]

    completer = Completer(suggest)
    seen: list[str | None] = ["x"]
    for _ in range(5):
        seen.append(completer(str(seen[-1]), 0))
    assert seen[1:] == ["xz", "xa", "xy", "x", "xz"] and calls == ["x"]
    assert completer("xz", 1) is None
    assert completer("xzo", 0) == "xzoz"  # something was typed after it
    completer.forget()
    assert completer("xzoz", 0) == "xzozz"


def test_tab_leaves_a_line_without_suggestions_as_it_is():
    def refuse(line):
        raise SeedError("the model does not know it")

    for completer in (Completer(refuse), Completer(lambda line: [])):
        assert completer("x", 0) is None and completer("x", 0) is None
