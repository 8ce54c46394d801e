"""Completion as shells ask for it, in real shells where they are installed."""

import functools
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sampling.document_models import NAMES, BigramModel
from textgen.cli import program
from textgen.model import starters
from textgen.settings import CELLS, PRESETS

ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "TERM": "dumb",
}


def need(shell: str) -> str:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} is not installed")
    return path


@functools.cache
def script(shell: str) -> str:
    done = subprocess.run(
        ["textgen", "completion", shell], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def bash(tmp_path: Path, *words: str) -> tuple[list[str], str]:
    """What bash is offered for the last of the words, and what kind of name it looks for."""
    need("bash")
    (tmp_path / "textgen.bash").write_text(script("bash"))
    code = (
        "source textgen.bash\n"
        'compopt() { echo "option $2"; }\n'  # bash has it only while somebody presses Tab
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))\n'
        "_textgen_completion textgen\n"
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", code, "bash", "textgen", *words],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line for line in done.stdout.splitlines() if line]
    kinds = [line.removeprefix("option ") for line in lines if line.startswith("option ")]
    return [line for line in lines if not line.startswith("option ")], "".join(kinds)


def test_bash_completes_commands(tmp_path):
    assert bash(tmp_path, "") == (sorted(program.commands), "")
    assert bash(tmp_path, "ins") == (["inspect"], "")


def test_bash_completes_options(tmp_path):
    offered, _ = bash(tmp_path, "train", "corpus.txt", "--")
    assert {"--time", "--units", "--no-carry-state", "--help"} <= set(offered)
    assert bash(tmp_path, "sample", "--no-s") == (["--no-seed-text"], "")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["train", "--cell", ""], list(CELLS)),
        (["train", "--cell", "l"], ["lstm"]),
        (["train", "--cell", "=", "l"], ["lstm"]),
        (["train", "--cell", "="], list(CELLS)),
        (["train", "corpus.txt", "--model", "=", "m", "--cell", "g"], ["gru"]),
        (["train", "--preset", ""], list(PRESETS)),
        (["train", "--preset", "k"], ["keras-example"]),
        (["evaluate", "--format", ""], ["text", "json", "jsonl", "csv"]),
        (["sample", "--format", "j"], ["jsonl"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["sample", "--temperature", ""], []),
        (["sample", "--seed", ""], []),
    ],
)
def test_bash_completes_what_an_option_may_be(tmp_path, words, offered):
    assert bash(tmp_path, *words) == (offered, "")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["train", ""], "default"),
        (["train", "one.txt", "tw"], "default"),
        (["evaluate", "held"], "default"),
        (["inspect", "--model", "m", "pa"], "default"),
        (["sample", "--seeds-from", ""], "default"),
        (["sample", "--model", ""], "dirnames"),
        (["train", "--init-from", "ol"], "dirnames"),
        (["prepare", "corpus.txt", "-o", "pr"], "dirnames"),
    ],
)
def test_bash_completes_paths(tmp_path, words, kind):
    assert bash(tmp_path, *words) == ([], kind)


def pressed(tmp_path: Path, shell: list[str], setup: str, typed: str, expected: str) -> str:
    """What a shell on a terminal shows after Tab was pressed, until `wanted` is in it."""
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        shell, cwd=tmp_path, env=ENVIRONMENT, stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    shown = ""

    def read_until(words: str) -> None:
        nonlocal shown
        end = time.monotonic() + 60
        while words not in shown and time.monotonic() < end:
            if select.select([main], [], [], 1)[0]:
                shown += os.read(main, 4096).decode()

    try:
        # The marker is spelled otherwise where it is typed, and so seen only once it is written.
        os.write(main, f"{setup}; echo rea''dy\n".encode())
        read_until("ready")
        shown = ""
        os.write(main, f"{typed}\t".encode())
        read_until(expected)
    finally:
        process.kill()
        process.wait()
        os.close(main)
    return shown


TYPED = [
    ("textgen ev", "textgen evaluate "),
    ("textgen train corp", "textgen train corpus.txt"),
    ("textgen train --cell=l", "textgen train --cell=lstm"),
    ("textgen sample --model mod", "textgen sample --model models/"),
]


def places(tmp_path: Path, shell: str) -> None:
    (tmp_path / "corpus.txt").touch()
    (tmp_path / "models").mkdir()
    (tmp_path / "model.txt").touch()
    (tmp_path / f"_textgen.{shell}").write_text(script(shell))


@pytest.mark.parametrize(("typed", "expected"), TYPED)
def test_the_tab_key_in_bash(tmp_path, typed, expected):
    path = need("bash")
    places(tmp_path, "bash")
    command = [path, "--norc", "--noprofile", "-i"]
    assert expected in pressed(tmp_path, command, "source _textgen.bash", typed, expected)


@pytest.mark.parametrize(("typed", "expected"), TYPED[:2])
def test_the_tab_key_in_zsh(tmp_path, typed, expected):
    path = need("zsh")
    places(tmp_path, "zsh")
    setup = "autoload -Uz compinit; compinit -u -D; source _textgen.zsh"
    assert expected in pressed(tmp_path, [path, "-f", "-i"], setup, typed, expected)


def test_fish_completes(tmp_path):
    path = need("fish")
    places(tmp_path, "fish")
    code = "source _textgen.fish; complete --do-complete 'textgen train --cell '"
    done = subprocess.run(
        [path, "--no-config", "-c", code],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == list(CELLS), done.stderr


def test_the_scripts_of_all_three():
    assert "complete -o nosort -F _textgen_completion textgen" in script("bash")
    assert script("zsh").startswith("#compdef textgen\n")
    assert "complete --no-files --command textgen" in script("fish")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completions_for_the_other_shells(shell):
    variables = {
        "zsh": {"COMP_WORDS": "textgen train --cell g", "COMP_CWORD": "3"},
        "fish": {"COMP_WORDS": "textgen train --cell g", "COMP_CWORD": "g"},
    }[shell]
    done = subprocess.run(
        ["textgen"],
        env={**ENVIRONMENT, **variables, "_TEXTGEN_COMPLETE": f"{shell}_complete"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == {"zsh": "plain\ngru\n_\n", "fish": "plain,gru\n"}[shell]


def test_completion_loads_nothing_heavy():
    code = (
        "import sys, textgen.cli\n"
        "try: textgen.cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = ('keras', 'tensorflow', 'jax', 'torch', 'numpy', 'rich', 'h5py')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    variables = {"COMP_WORDS": "textgen train --cell ", "COMP_CWORD": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**ENVIRONMENT, **variables, "_TEXTGEN_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == [*(f"plain,{cell}" for cell in CELLS), "[]"]


def test_another_shell_is_refused(textgen):
    done = textgen("completion", "tcsh")
    assert done.returncode == 2 and done.stdout == ""
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in done.stderr


@pytest.mark.parametrize("name", list(program.commands))
def test_every_path_is_completed(name):
    command = program.commands[name]
    context = command.make_context(name, [], resilient_parsing=True)
    for parameter in command.params:
        kind = re.search(r"DIR|MODEL|FILE|PATH|PAGE|CORPUS|TEXT\.", parameter.metavar or "")
        if kind is not None:
            expected = "dir" if kind[0] in ("DIR", "MODEL") else "file"
            offered = [item.type for item in parameter.shell_complete(context, "")]
            assert offered == [expected], parameter.name


def test_names_of_starters_are_completed(tmp_path, monkeypatch):
    monkeypatch.setattr(starters, "_DIRECTORY", tmp_path)
    for name in ("english", "german"):
        BigramModel(NAMES).save(tmp_path / name, mode="files")
    command = program.commands["train"]
    context = command.make_context("train", [], resilient_parsing=True)
    (parameter,) = (item for item in command.params if item.name == "init_from")
    offered = [(item.type, item.value) for item in parameter.shell_complete(context, "e")]
    assert offered == [("dir", "e"), ("plain", "english")]
    assert [item.value for item in parameter.shell_complete(context, "a")] == ["a", "auto"]
