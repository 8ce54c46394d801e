"""What `textgen.train` shows when Python code calls it."""

import subprocess
import sys
from typing import Any

import keras
import pytest

import textgen
from textgen.training import events

TINY: dict[str, Any] = {"epochs": 2, "units": (8,), "embedding": 4, "maxlen": 10, "batch_size": 16}


@pytest.mark.parametrize(
    ("progress", "interactive", "shown"),
    [
        (None, False, False),
        (None, True, True),
        (True, False, True),
        (False, True, False),
    ],
)
def test_progress_is_shown_where_it_is_wanted_or_the_session_is_interactive(
    progress, interactive, shown, corpus, tmp_path, monkeypatch, capsys
):
    if interactive:
        monkeypatch.setattr(sys, "ps1", "In : ", raising=False)  # as Python and IPython set it
    received: list[events.Event] = []
    textgen.train(
        [corpus], model=tmp_path / "m", on_event=received.append, progress=progress, **TINY
    )
    out, err = capsys.readouterr()
    assert out == "" and bool(err) == shown
    assert isinstance(received[-1], events.TrainingFinished)
    assert sum(isinstance(event, events.Validated) for event in received) == 2
    if shown:
        lines = err.splitlines()
        assert lines[0].startswith("corpus: ") and "distinct" in lines[0]
        assert [line.split(":")[0] for line in lines if line.startswith("epoch ")] == [
            "epoch 1/2",
            "epoch 2/2",
        ]
        assert lines[-1].startswith("done; the best model (epoch ")


def test_lines_in_python_say_nothing_of_the_command_line(corpus, tmp_path, capsys):
    """In Python, Ctrl-C raises KeyboardInterrupt, and a call continues a training."""
    count = iter(range(100))
    finished = textgen.train(
        [corpus], model=tmp_path / "m", stop=lambda: next(count) > 5, progress=True, **TINY
    )
    err = capsys.readouterr().err
    assert finished.reason == "stopped" and "stopping: validating and saving\n" in err
    assert "Ctrl-C" not in err and "textgen train" not in err and "textgen sample" not in err


def test_an_error_comes_after_the_lines(corpus, tmp_path, capsys):
    textgen.train([corpus], model=tmp_path / "m", **TINY)
    with pytest.raises(textgen.TextgenError):
        textgen.train([corpus], model=tmp_path / "m", progress=True, **TINY)
    textgen.train([corpus], model=tmp_path / "m", force=True, progress=True, **TINY)
    assert "done; the best model" in capsys.readouterr().err


def test_the_prompt_of_python_is_an_interactive_session(corpus, tmp_path):
    """Python's own, read from a pipe."""
    call = f"import textgen\n_ = textgen.train({str(corpus)!r}, model='m', **{TINY!r})\n"
    done = subprocess.run(
        [sys.executable, "-i", "-c", ""],
        input=call,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=200,
    )
    assert done.stdout == "" and "epoch 2/2: loss " in done.stderr
    assert keras.backend.backend() in done.stderr
