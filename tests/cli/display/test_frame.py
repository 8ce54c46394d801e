"""The rows of the display."""

import pytest

from tests.cli.display.example import STARTED, draw, state_after, training_events
from textgen.cli.display.frame import Canvas, draw_frame
from textgen.cli.display.state import DisplayState
from textgen.cli.formatting import make_printable
from textgen.training import events

SIZES = [(80, 24), (120, 40), (60, 16), (60, 24), (100, 10), (30, 8), (20, 4), (7, 2), (1, 1)]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("plain", [False, True])
def test_every_frame_fits_and_all_have_the_same_height(width, height, plain):
    encoding = "latin-1" if plain else "utf-8"
    state = DisplayState("a corpus\tof a long näme, 日本 " * 9, "model")
    look = Canvas(width, height, plain, encoding)
    heights = set()
    for event in training_events("\x1b[2J日本語日本語\t\u202e" * 9):
        state(event)
        if not isinstance(event, events.StepDone) or event.epoch in (0.02, 0.04, 1.5):
            rows = draw_frame(state, look, since_step=0.3)
            heights.add(len(rows))
            assert all(row.cell_len <= max(width - 1, 0) for row in rows)
            assert all(make_printable(row.plain) == row.plain for row in rows)
            assert all(row.plain.encode(encoding) for row in rows if row.plain)
    assert len(heights) == 1 and heights.pop() <= max(height - 1, 1)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_the_figures_of_a_frame(width, height):
    state = state_after(*list(training_events())[:-2])
    rows = "\n".join(draw(state, width, height, since_step=1.0))
    for figure in (
        "1,115,394 characters, 65 distinct, from corpus.txt",
        "LSTM 384, 726,337 parameters, on cpu (tensorflow, bfloat16)",
        "32 streams of 64",
        " 100%",
        "epoch 4/4",
        "1:41 used",
        "4,096 characters/s",
        "training      1.0150           1.464",
        "validation    1.7500           2.525",
        "best so far   1.5000           2.164",
        "at epoch 3 ",
        "sample at epoch 4, temperature 0.5 ",
        "To be To be,    or not\n",
        "Ctrl-C keeps the best model",
    ):
        assert figure in rows
    state(events.Stopping())
    assert "Ctrl-C again stops at once" in draw(state, width, height)[-1]


def test_a_frame_of_ascii():
    rows = draw(state_after(*training_events()), 80, 24, True, "ascii")
    assert all(row.isascii() and "?" not in row for row in rows)
    assert "1.1|" in "".join(rows) or "1.0|" in "".join(rows)


def test_a_frame_before_the_first_event():
    rows = draw(state_after(), 80, 24)
    assert rows[0].startswith("corpus.txt") and "  0%" in rows[3]
    assert rows[4] == "building the network"


def test_a_low_terminal_still_shows_the_losses():
    rows = draw(state_after(*training_events()), 80, 4)
    assert rows[-1] == "loss 1.0150, validation 1.7500, best 1.5000 at epoch 3"


def test_a_resumed_training_shows_its_best_loss_at_once():
    started = events.TrainingStarted(
        **{**vars(STARTED), "resumed_at_epoch": 7.0, "best_epoch": 6, "best_loss": 1.25}
    )
    assert "best so far   1.2500" in "\n".join(draw(state_after(started), 80, 24))


def test_several_samples_share_their_rows():
    drawn = [events.Sample(heat, f"seed {heat} ", "x" * 999) for heat in (0.2, 0.5, 1.0)]
    rows = draw(state_after(events.Validated(1.0, 2.0, None, 9.0, True, 9.0), *drawn), 80, 24)
    text = "\n".join(rows)
    assert "samples at epoch 1, temperatures 0.2, 0.5, 1 " in text
    assert all(f"seed {heat} " in text for heat in (0.2, 0.5, 1.0))


def test_documents_of_one_temperature_are_one_sample():
    drawn = [events.Sample(0.5, "", name) for name in ("Ann", "Bob")]
    text = "\n".join(draw(state_after(*drawn), 80, 24))
    assert "samples at epoch 0, temperature 0.5 " in text and "Ann" in text and "Bob" in text


@pytest.mark.parametrize("loss", [0.0, 1e-9, 999.9996, 12345.6, 1e20, 3e38])
def test_a_training_that_diverges_still_fits(loss):
    steps = [events.StepDone(n, n / 9, loss * n, 9, loss * n, n) for n in range(1, 9)]
    report = events.Validated(8.0, loss, loss, 9.0, True, 8.0)
    for past in (steps[:1], [*steps, report]):
        rows = draw(state_after(STARTED, *past), 80, 24)
        assert len({row.index("│") for row in rows if "│" in row}) == 1
        assert max(map(len, rows)) == 79
