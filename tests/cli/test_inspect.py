"""`textgen inspect`, as its users run it."""

import json
import math

import click
import pytest

from tests.cli.terminal import Terminal
from textgen import evaluate, inspect


@pytest.fixture
def page(tmp_path, text):
    path = tmp_path / "page.txt"
    path.write_text(text[700:1000], encoding="utf-8")
    return path


def test_the_bits_are_those_of_evaluate(trained, page):
    surprises = list(inspect([str(page)], trained))
    assert "".join(surprise.character for surprise in surprises) == page.read_text()
    assert surprises[0].bits is None
    bits = [surprise.bits or 0.0 for surprise in surprises]
    mean = sum(bits) / (len(surprises) - 1)
    assert mean * math.log(2) == pytest.approx(evaluate([str(page)], trained).loss, abs=1e-6)
    for surprise in surprises[1:]:
        shares = [share for _, share in surprise.likeliest]
        assert shares == sorted(shares, reverse=True) and len(shares) == 5 and sum(shares) <= 1.0001
        if surprise.rank == 1:
            assert surprise.likeliest[0][0] == surprise.character
            assert shares[0] == pytest.approx(2 ** -(surprise.bits or 0), rel=1e-6)


def test_colours_on_request_leave_the_text_unchanged(textgen, trained, page):
    plain = textgen("inspect", page, "--model", trained)
    assert plain.returncode == 0 and plain.stdout == page.read_text().rstrip("\n") + "\n"
    assert plain.stderr == ""
    coloured = textgen("inspect", page, "--model", trained, "--color")
    assert "bits of surprise: below 1" in coloured.stderr
    assert "\x1b[" in coloured.stdout and click.unstyle(coloured.stdout) == plain.stdout
    # The first letters of words are the hardest: some ground is dark, most is none.
    assert coloured.stdout.count("48;5;203") < coloured.stdout.count("48;5;230")


def test_colours_on_a_terminal_unless_they_are_turned_off(trained, page, tmp_path, monkeypatch):
    shown = []
    for wish in ("", "1"):
        monkeypatch.setenv("NO_COLOR", wish)
        terminal = Terminal("inspect", page, "--model", trained, cwd=tmp_path)
        while terminal.read():
            pass
        assert terminal.process.wait() == 0
        shown.append(terminal.seen)
    assert "\x1b[48;5;" in shown[0] and "\x1b[" not in shown[1]
    assert page.read_text().split() == shown[1].split()


def test_json_lines(textgen, trained, page):
    done = textgen("inspect", page, "--model", trained, "--format", "jsonl")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert "".join(record["character"] for record in records) == page.read_text()
    assert records[0]["bits"] is None and records[1]["bits"] > 0
    assert records[5].keys() == {"character", "bits", "rank", "likeliest"}


def test_unknown_characters_are_shown_without_colour(textgen, trained):
    done = textgen("inspect", "-", "--model", trained, "--color", stdin="\u00e9\u00e8\x1b\n")
    assert done.returncode == 0 and done.stdout.startswith("\u00e9\u00e8\ufffd")


def test_wrong_uses(textgen, trained, tmp_path):
    assert textgen("inspect").returncode == 2
    (tmp_path / "empty.txt").touch()
    empty = textgen("inspect", "empty.txt", "--model", trained)
    assert (empty.returncode, empty.stdout) == (1, "") and "the corpus is empty" in empty.stderr
    missing = textgen("inspect", "nothing.txt", "--model", trained)
    assert missing.returncode == 1 and len(missing.stderr.splitlines()) == 1
