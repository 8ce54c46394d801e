"""A training as lines."""

import re
from dataclasses import replace

import pytest

from tests.cli.display.example import STARTED, draw, state_after, training_events
from textgen.cli.display.lines import LineDisplay, QuietDisplay
from textgen.text.reading_report import ReadingReport
from textgen.training import events


def test_a_gpu_is_described_with_cudnn_or_why_it_is_not_used(capsys):
    gpu = {**vars(STARTED), "device": "NVIDIA H100", "slowdown": 0.0}
    assert "on NVIDIA H100 (tensorflow, bfloat16, cuDNN)" in "\n".join(
        draw(state_after(events.TrainingStarted(**gpu)), 80, 24)
    )
    with_kernel = events.TrainingStarted(**{**gpu, "backend": "jax", "replaces_cudnn": True})
    LineDisplay()(with_kernel)
    assert "(jax, bfloat16, textgen's own LSTM: faster than cuDNN's)" in capsys.readouterr().err
    without = events.TrainingStarted(
        **{**gpu, "no_cudnn_reason": "it has LSTM and GRU layers only"}
    )
    for tell in (LineDisplay(), QuietDisplay()):
        tell(without)
    err = capsys.readouterr().err
    assert "on NVIDIA H100 (tensorflow, bfloat16)\n" in err
    assert err.count("without cuDNN: it has LSTM and GRU layers only\n") == 2


def test_a_quiet_display_writes_warnings_only(capsys):
    for listener, count in ((QuietDisplay(), 1), (LineDisplay(), 24)):
        for event in training_events("a"):
            listener(event)
        lines = capsys.readouterr().err.splitlines()
        assert [line for line in lines if "takes 1.2 times as long as in float32" in line]
        assert len(lines) == count


def test_documents_are_counted_with_how_they_were_read(capsys):
    reading = ReadingReport(
        {"utf-8": 1},
        documents=5500,
        empty_documents=1,
        duplicate_documents=7,
        bad_rows=2,
        first_bad_row="t.csv: row 3: has 1 field, not 2",
        mode="rows of a table, the text from the column title",
        delimiter=";",
        suggestion="try another",
    )
    corpus = events.CorpusOpened(9000, 8000, 1000, 0, 40, from_cache=True, reading=reading)
    documents = {
        "test_characters": 50,
        "training_documents": 5000,
        "validation_documents": 400,
        "test_documents": 100,
        "labels": {"genre": 3, "author": 1},
    }
    opened = events.CorpusOpened(**{**vars(corpus), **documents})
    LineDisplay()(opened)
    assert capsys.readouterr().err.splitlines() == [
        "corpus: 5,500 documents, 9,000 characters (read before), 40 distinct; 5,000 documents for "
        "training, 400 for validation, 100 for a test",
        "        labels: genre (3 values), author (1 value)",
        "        read as rows of a table, the text from the column title",
        "        try another",
        "        delimiter: ;",
        "        7 documents equal to an earlier one, and kept",
        "        1 empty document left out",
        "        2 bad rows left out; the first: t.csv: row 3: has 1 field, not 2",
    ]
    LineDisplay()(events.CorpusOpened(9, 7, 1, 0, 4, from_cache=False, test_characters=1))
    assert "7 for training, 1 for validation, 1 for a test\n" in capsys.readouterr().err
    assert "5,500 documents, 9,000 characters" in "\n".join(draw(state_after(opened), 80, 24))


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            events.StarterChecked(requested=False, starter="english", expected_gain=0.26),
            "short text: --init-from english would lower the loss by about 0.3 nats per character",
        ),
        (
            events.StarterChecked(True, "english", True, 1.987, 2.3, 0.26),
            "starter: before any training, english predicts validation text with 1.99 nats per "
            "character, an n-gram model of the training text with 2.30; training from english",
        ),
        (
            events.StarterChecked(True, "english", False, 3.4, 2.3, 0.26),
            "starter: before any training, english predicts validation text with 3.40 nats per "
            "character, an n-gram model of the training text with 2.30; training from scratch",
        ),
        (
            events.StarterChecked(requested=True),
            "starter: none has the chosen layers and tokens; training from scratch",
        ),
    ],
)
def test_what_a_check_of_starters_found_is_a_line(capsys, event, line):
    LineDisplay()(event)
    QuietDisplay()(event)
    assert capsys.readouterr().err.splitlines() == [line]


def test_the_model_to_begin_with_is_named(capsys):
    LineDisplay()(replace(STARTED, init_from="english"))
    assert "parameters, initialised from english, on cpu" in capsys.readouterr().err


def test_samples_of_documents_take_a_line_and_have_their_labels(capsys):
    sample = events.Sample(0.5, "", "To be", {"genre": "play", "author": "Ann"})
    long = events.Sample(0.5, "", "To be\nor not", {"genre": "play"})
    for event in (sample, long):
        LineDisplay()(event)
    assert capsys.readouterr().err.splitlines() == [
        "sample at temperature 0.5, genre=play, author=Ann: To be",
        "--- sample at temperature 0.5, genre=play ---",
        "To be",
        "or not",
        "---",
    ]
    text = "\n".join(draw(state_after(events.EarlySample(0.5, 2.0, **vars(sample))), 80, 24))
    assert "genre=play, author=Ann: To be" in text


def test_samples_of_quick_validations_are_left_out(capsys):
    display = LineDisplay()
    for second in range(12):
        display(events.Validated(second + 1.0, 2.0, 2.0, 9.0, True, float(second)))
        for temperature in (0.5, 1.0):
            display(events.Sample(temperature, "", f"at {second} seconds", {}))
    shown = re.findall(r"at \d+ seconds", capsys.readouterr().err)
    assert shown == [f"at {second} seconds" for second in (0, 0, 5, 5, 10, 10)]
