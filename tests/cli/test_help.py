"""Help texts, versions, and what a command imports."""

import subprocess
import sys

import pytest

import textgen as package
from textgen.cli import program

HEAVY = ("keras", "tensorflow", "jax", "torch", "matplotlib")


def python(code: str, *arguments: object, cwd=None) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, cwd=cwd
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def commands() -> list[list[str]]:
    return [[], *([name] for name in program.commands)]


@pytest.mark.parametrize("command", commands())
def test_help_loads_nothing_heavy(command):
    code = (
        "import sys; from textgen.cli import program\n"
        "program.main([*sys.argv[1:], '--help'], standalone_mode=False)\n"
        f"print([name for name in {(*HEAVY, 'numpy', 'rich', 'h5py')} if name in sys.modules])"
    )
    assert python(code, *command).splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", list(program.commands))
def test_every_option_has_help_and_every_command_an_example(name):
    command = program.commands[name]
    assert f"textgen {name}" in (command.help or "")
    for parameter in command.params:
        if parameter.param_type_name == "option":
            assert getattr(parameter, "help", None), f"{name} {parameter.name}"


@pytest.mark.parametrize("command", [["sample"], ["evaluate", "corpus.txt"]])
def test_sampling_and_evaluating_load_no_framework(trained, corpus, monkeypatch, command):
    monkeypatch.chdir(corpus.parent)
    code = (
        "import sys; from textgen.cli import program\n"
        "program.main([*sys.argv[2:], '--model', sys.argv[1]], standalone_mode=False)\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert python(code, trained, *command).splitlines()[-1] == "[]"


def test_version_and_help_without_a_command(textgen):
    assert package.__version__ in textgen("--version").stdout
    assert "Commands:" in textgen().stdout
