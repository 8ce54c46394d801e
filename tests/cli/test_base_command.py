"""One form for all commands, and an error that shows it to those who use an old one."""

import shutil
from pathlib import Path

import click
import pytest

from textgen.cli import program

MODEL = Path(__file__).parents[1] / "released/0.1.0/model"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A current directory with a text and two models."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("to be", encoding="utf-8")
    for name in ("small", "large"):
        shutil.copytree(MODEL, tmp_path / name)


def parse(line: str) -> click.Context:
    name, *arguments = line.split()
    return program.commands[name].make_context(name, arguments)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("evaluate small text.txt", "evaluate --model small text.txt"),
        ("evaluate text.txt small/ --windows 8", "evaluate text.txt --model small/ --windows 8"),
        ("inspect small text.txt --color", "inspect --model small text.txt --color"),
        ("inspect small -", "inspect --model small -"),
        ("sample small -n 3", "sample --model small -n 3"),
        ("export small --format numpy -o new", "export --model small --format numpy -o new"),
        ("export small", "export --model small"),
        ("report small", "report --model small"),
        ("report small -o - --text text.txt", "report --model small -o - text.txt"),
        ("report --text=text.txt", "report text.txt"),
        ("novelty small", "novelty --model small"),
        ("novelty --corpus text.txt -n 1", "novelty text.txt -n 1"),
        ("compare small large", "compare --model small --model large"),
        (
            "compare small large --text text.txt --format=json",
            "compare --model small --model large text.txt --format=json",
        ),
        ("compare --model small large", "compare --model small --model large"),
        ("evaluate --text text.txt --model small", "evaluate text.txt --model small"),
        ("train --corpus text.txt --epochs 1", "train text.txt --epochs 1"),
        ("train --resume small", "train --resume --model small"),
        ("prepare --text text.txt -o new", "prepare text.txt -o new"),
    ],
)
def test_an_old_form_is_answered_with_the_new_one(old, new):
    with pytest.raises(click.UsageError) as caught:
        parse(old)
    message = caught.value.format_message()
    assert message.endswith(f": `textgen {new}`") and "\n" not in message
    assert caught.value.exit_code == 2
    if "-o" in new or "export" not in new:
        parse(new)


@pytest.mark.parametrize("command", ["evaluate", "inspect", "report", "novelty", "sample"])
def test_a_second_model_is_refused(command):
    with pytest.raises(click.UsageError, match="large: is a model directory"):
        parse(f"{command} --model small large")


def test_an_old_form_is_one_line_and_a_usage_error(textgen):
    done = textgen("evaluate", "small", "text.txt")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "`textgen evaluate --model small text.txt`" in done.stderr


def test_help_is_shown_for_an_old_form_as_well(capsys):
    with pytest.raises(click.exceptions.Exit):
        parse("evaluate small --help")
    assert "--model DIR" in capsys.readouterr().out


@pytest.mark.parametrize("seed", ["large", "--text", "--corpus"])
def test_the_value_of_an_option_is_no_argument(seed):
    assert parse(f"sample --seed {seed} --model small").params["seed"] == seed


@pytest.mark.parametrize("name", list(program.commands))
def test_a_model_is_named_in_one_way(name):
    options = {
        option: parameter
        for parameter in program.commands[name].params
        for option in parameter.opts
    }
    assert not {"--text", "--texts", "--corpus"} & options.keys()
    if name not in ("prepare", "completion", "serve"):
        assert options["--model"].metavar == "DIR"
    if name not in ("prepare", "completion", "compare", "serve"):
        assert options["--model"].envvar == "TEXTGEN_MODEL"
