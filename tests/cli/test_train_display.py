"""What `textgen train` shows: the display, lines, JSON, nothing, TensorBoard's logs."""

import io
import json
import shlex
import shutil
import sys
import time

import pytest

from tests.cli.terminal import Screen, Terminal
from textgen.cli import streams
from textgen.cli.display import curve
from textgen.cli.display.figures import Figures, Losses, Pace
from textgen.cli.display.frame import Look, frame
from textgen.cli.display.json_lines import JsonLines
from textgen.cli.display.lines import Lines, Warnings
from textgen.cli.formatting import make_printable
from textgen.training import events

QUICK = ("--units", "8", "--embedding", "4", "--maxlen", "10", "--batch-size", "4")
STARTED = events.TrainingStarted(
    backend="tensorflow",
    device="cpu",
    precision="bfloat16",
    slowdown=1.25,
    no_cudnn_reason="",
    layers="LSTM 384",
    parameters=726_337,
    steps_per_epoch=50,
    epochs=4,
    time=0.0,
    batch_size=32,
    maxlen=64,
    carry_state=True,
    targets="sequence",
)


def story(text="To be,\tor not\nto be, that is the question. ", epochs=4):
    """A training of 50 steps an epoch and two steps a second, whose third validation is best."""
    yield events.Preparing("read", 1000, 2000)
    yield events.CorpusOpened(1_115_394, 1_003_854, 111_540, 0, 65, from_cache=False)
    yield STARTED
    for step in range(1, 50 * epochs + 1):
        loss = 1 + 3 / step
        share = step / (50 * epochs)
        yield events.StepDone(step / 50, share, loss, 2048, loss, step / 2)
        if step % 50 == 0:
            epoch = step // 50
            validation = (2.5, 2.0, 1.5, 1.75)[epoch - 1]
            yield events.Validated(float(epoch), loss, validation, 4096.0, epoch < 4, step / 2)
            yield events.Sample(0.5, "To be ", text * 10)
    yield events.Stopping()
    yield events.TrainingFinished("stopped", 3.0, 1.5, "textgen-model")


def told(*told_events, names="corpus.txt"):
    figures = Figures(names, "textgen-model")
    for event in told_events:
        figures(event)
    return figures


def shown(figures, *look, **more):
    return [row.plain for row in frame(figures, Look(*look), **more)]


SIZES = [(80, 24), (120, 40), (60, 16), (60, 24), (100, 10), (30, 8), (20, 4), (7, 2), (1, 1)]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("plain", [False, True])
def test_every_frame_fits_and_is_as_high_as_the_others(width, height, plain):
    encoding = "latin-1" if plain else "utf-8"
    figures = Figures("a corpus\tof a long näme, 日本 " * 9, "model")
    look = Look(width, height, plain, encoding)
    heights = set()
    for event in story("\x1b[2J日本語日本語\t\u202e" * 9):
        figures(event)
        if not isinstance(event, events.StepDone) or event.epoch in (0.02, 0.04, 1.5):
            rows = frame(figures, look, since=0.3)
            heights.add(len(rows))
            assert all(row.cell_len <= max(width - 1, 0) for row in rows)
            assert all(make_printable(row.plain) == row.plain for row in rows)
            assert all(row.plain.encode(encoding) for row in rows if row.plain)
    assert len(heights) == 1 and heights.pop() <= max(height - 1, 1)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_the_figures_of_a_frame(width, height):
    figures = told(*list(story())[:-2])
    rows = "\n".join(shown(figures, width, height, since=1.0))
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
    figures(events.Stopping())
    assert "Ctrl-C again stops at once" in shown(figures, width, height)[-1]


def test_a_frame_of_ascii():
    rows = shown(told(*story()), 80, 24, True, "ascii")
    assert all(row.isascii() and "?" not in row for row in rows)
    assert "1.1|" in "".join(rows) or "1.0|" in "".join(rows)


def test_a_frame_before_there_is_anything_to_tell():
    rows = shown(told(), 80, 24)
    assert rows[0].startswith("corpus.txt") and "  0%" in rows[3]
    assert rows[4] == "building the network"


def test_a_low_terminal_still_shows_the_losses():
    rows = shown(told(*story()), 80, 4)
    assert rows[-1] == "loss 1.0150, validation 1.7500, best 1.5000 at epoch 3"


def test_the_best_of_a_training_that_goes_on_is_known_at_once():
    begun = events.TrainingStarted(
        **{**vars(STARTED), "resumed_at_epoch": 7.0, "best_epoch": 6, "best_loss": 1.25}
    )
    assert "best so far   1.2500" in "\n".join(shown(told(begun), 80, 24))


def test_a_gpu_is_told_with_cudnn_or_with_why_it_has_none(capsys):
    gpu = {**vars(STARTED), "device": "NVIDIA H100", "slowdown": 0.0}
    assert "on NVIDIA H100 (tensorflow, bfloat16, cuDNN)" in "\n".join(
        shown(told(events.TrainingStarted(**gpu)), 80, 24)
    )
    own = events.TrainingStarted(**{**gpu, "backend": "jax"})
    Lines()(own)
    assert "(jax, bfloat16, textgen's own LSTM: quicker than cuDNN's)" in capsys.readouterr().err
    without = events.TrainingStarted(
        **{**gpu, "no_cudnn_reason": "it has LSTM and GRU layers only"}
    )
    for tell in (Lines(), Warnings()):
        tell(without)
    err = capsys.readouterr().err
    assert "on NVIDIA H100 (tensorflow, bfloat16)\n" in err
    assert err.count("without cuDNN: it has LSTM and GRU layers only\n") == 2


def test_several_samples_share_their_rows():
    drawn = [events.Sample(heat, f"seed {heat} ", "x" * 999) for heat in (0.2, 0.5, 1.0)]
    rows = shown(told(events.Validated(1.0, 2.0, None, 9.0, True, 9.0), *drawn), 80, 24)
    text = "\n".join(rows)
    assert "samples at epoch 1, temperatures 0.2, 0.5, 1 " in text
    assert all(f"seed {heat} " in text for heat in (0.2, 0.5, 1.0))


def test_speed_and_time_left():
    pace = Pace()
    steps = [events.StepDone(0, n / 100, 2.0, 50, 2.0, 9 + n / 2) for n in range(1, 51)]
    assert [pace.step(step) for step in steps] == [False] + [True] * 49
    assert pace.rate == pytest.approx(100) and pace.left == pytest.approx(25)
    pace.report()
    later = events.StepDone(0, 0.51, 2.0, 50, 2.0, 1000.0)
    assert not pace.step(later) and pace.rate == pytest.approx(100)
    figures = told(*steps)
    assert figures.left(5) == pytest.approx(20) and figures.left(99) == 0


def test_means_of_losses():
    losses = Losses()
    for step in range(600):
        losses.add(step / 600, float(step >= 300))
    assert list(losses.means(4)) == [0, 0, 1, 1]
    losses = Losses()
    losses.add(1.0, 5.0)
    assert list(losses.means(3)) == [None, None, 5]


def test_a_curve_falls_from_its_left_to_its_right():
    line = [4 - place / 40 for place in range(80)] + [None] * 80
    cells, scale = curve.draw(line, [(0.25, 3.0)], 80, 5, plain=True)
    rows = ["".join(character for character, _ in row) for row in cells]
    assert [scale.low, scale.high] == pytest.approx([2.0, 3.8])
    assert rows[0].startswith("...") and rows[4].rstrip().endswith(".")
    assert [row.index("o") for row in rows if "o" in row] == [20]
    assert all(len(row) == 80 and not row[40:].strip() for row in rows)
    gaps, _ = curve.draw([1.0, *[None] * 18, 2.0], [], 10, 4, plain=False)
    assert all(any(row[column][1] for row in gaps) for column in range(10))


@pytest.mark.parametrize("loss", [0.0, 1e-9, 999.9996, 12345.6, 1e20, 3e38])
def test_a_training_that_goes_astray_still_fits(loss):
    steps = [events.StepDone(n, n / 9, loss * n, 9, loss * n, n) for n in range(1, 9)]
    report = events.Validated(8.0, loss, loss, 9.0, True, 8.0)
    for told_of in (steps[:1], [*steps, report]):
        rows = shown(told(STARTED, *told_of), 80, 24)
        assert len({row.index("│") for row in rows if "│" in row}) == 1
        assert max(map(len, rows)) == 79


def test_lines_as_json(capsys):
    listener = JsonLines(every=0)
    for event in story():
        listener(event)
    records = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    names = [record.pop("event") for record in records]
    assert (
        names[:3] == ["preparing", "corpus_opened", "training_started"] and names[3] == "progress"
    )
    assert names[-3:] == ["sample", "stopping", "training_finished"]
    assert names.count("progress") > 190 and names.count("validated") == 4
    progress = records[names.index("progress")]
    assert set(progress) == {
        "epoch",
        "fraction_done",
        "loss",
        "bits_per_character",
        "characters_per_second",
        "seconds",
        "seconds_left",
    }
    assert records[2] == vars(STARTED)
    assert records[-1]["best_loss"] == 1.5


def test_a_warning_is_heard_where_all_else_is_quiet(capsys):
    for listener, count in ((Warnings(), 1), (Lines(), 24)):
        for event in story("a"):
            listener(event)
        lines = capsys.readouterr().err.splitlines()
        assert [line for line in lines if "takes 1.2 times as long as in float32" in line]
        assert len(lines) == count


def test_where_a_display_can_be_drawn(monkeypatch):
    class Tty(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Tty())
    for term, redraws in (("xterm", True), ("dumb", False)):
        monkeypatch.setenv("TERM", term)
        assert streams.can_redraw() is redraws
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not streams.can_redraw()


def test_a_display_on_a_terminal_leaves_lines(corpus, tmp_path):
    terminal = Terminal("train", corpus, *QUICK, "--epochs", "30", cwd=tmp_path)
    bytes_shown = terminal.end()
    assert terminal.process.returncode == 0, bytes_shown
    for figure in ("characters/s", "bits/character", "best so far", "epoch 30/30", " 100%"):
        assert figure in bytes_shown
    screen = Screen().show(bytes_shown)
    assert screen.cursor
    lines = [line for line in screen.lines if line]
    assert lines[0].startswith("textgen: reading ") and lines[1].startswith("corpus: ")
    assert lines[2].startswith("model: LSTM 8, ") and lines[3].startswith("training: 30 epochs")
    assert [line.split(":")[0] for line in lines[4:-2]] == [f"epoch {n}/30" for n in range(1, 31)]
    assert lines[-2].startswith("done; the best model (epoch ")
    assert lines[-1] == "next: textgen sample"


def test_ctrl_c_at_a_display_gives_the_terminal_back(corpus, tmp_path):
    terminal = Terminal(
        "train", corpus, *QUICK, "--epochs", "100000", cwd=tmp_path, columns=120, rows=40
    )
    bytes_shown = terminal.wait_for("sample at epoch 2")
    screen = Screen().show(bytes_shown)
    assert not screen.cursor
    terminal.type("\x03")
    bytes_shown += terminal.end()
    assert terminal.process.returncode == 130 and "Traceback" not in bytes_shown
    screen = Screen().show(bytes_shown)
    assert screen.cursor
    lines = [line for line in screen.lines if line]
    assert lines[-3].startswith("stopped; the best model (epoch ")
    assert not any("Ctrl-C again" in line for line in lines)


def test_a_second_ctrl_c_gives_the_terminal_back_as_well(corpus, tmp_path):
    script = """
import sys, time
from textgen.cli import main
from textgen.compute import runtime

def step(*_):
    print("in a step", file=sys.stderr)
    time.sleep(60)

def start(*arguments, **options):
    backend = start_backend(*arguments, **options)
    from textgen.compute.backends.keras_networks import KerasTrainer
    KerasTrainer.step = step
    return backend

start_backend, runtime.start = runtime.start, start
main()
"""
    program = (sys.executable, "-c", script)
    terminal = Terminal("train", corpus, *QUICK, "--epochs", "1", cwd=tmp_path, program=program)
    bytes_shown = terminal.wait_for("in a step")
    assert not Screen().show(bytes_shown).cursor
    terminal.type("\x03")
    time.sleep(1)
    assert terminal.process.poll() is None
    terminal.type("\x03")
    bytes_shown += terminal.end()
    assert terminal.process.returncode == 130 and "Traceback" not in bytes_shown
    screen = Screen().show(bytes_shown)
    assert screen.cursor and any(line.startswith("training: ") for line in screen.lines)


@pytest.mark.skipif(not shutil.which("bash"), reason="needs a shell that knows jobs")
def test_ctrl_z_gives_the_terminal_back_until_fg(corpus, tmp_path):
    terminal = Terminal("--norc", "-i", cwd=tmp_path, program=("bash",))
    command = shlex.join([sys.executable, "-m", "textgen", "train", corpus.name, *map(str, QUICK)])
    terminal.type(f"{command} --epochs 100000\n")
    assert not Screen().show(terminal.wait_for("sample at epoch 2")).cursor
    terminal.type("\x1a")
    assert Screen().show("\x1b[?25l" + terminal.wait_for("Stopped")).cursor
    terminal.type("bg\n")
    time.sleep(1)
    terminal.type("echo un''disturbed\n")
    assert "bits/character" not in terminal.wait_for("undisturbed")
    terminal.type("fg\n")
    assert not Screen().show(terminal.wait_for("sample at epoch")).cursor
    terminal.type("\x03")
    terminal.wait_for("stopped; the best model")
    terminal.type("exit\n")
    assert Screen().show(terminal.end()).cursor


def test_a_training_as_json(textgen, corpus):
    done = textgen("train", corpus, *QUICK, "--epochs", 2, "--log-format", "json")
    assert done.returncode == 0 and done.stdout == ""
    everything = [json.loads(line) for line in done.stderr.splitlines()]
    records = [
        record for record in everything if record["event"] not in ("progress", "early_sample")
    ]
    early = [record for record in everything if record["event"] == "early_sample"]
    assert early and all(record["epoch"] < 1 and record["text"] for record in early)
    names = [record["event"] for record in records]
    assert names == [
        "corpus_opened",
        "training_started",
        *["validated", "sample"] * 2,
        "training_finished",
    ]
    assert {"validation_loss", "characters_per_second", "improved", "seconds"} < set(records[2])
    refused = textgen("train", corpus, "--log-format", "json", "--quiet")
    assert refused.returncode == 2 and "--quiet and --log-format json exclude" in refused.stderr
    failed = textgen("train", "nowhere.txt", "--log-format", "json", "--force")
    error = json.loads(failed.stderr)
    assert (error["event"], error["status"]) == ("error", failed.returncode)
    assert error["message"].startswith("nowhere.txt: ")


def test_a_quiet_training(textgen, corpus, tmp_path):
    more = ("--quiet", "--tensorboard", "logs/a")
    done = textgen("train", corpus, *QUICK, "--epochs", 2, *more)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for part in ("train", "validation"):
        assert list((tmp_path / "logs/a" / part).glob("events.out.tfevents.*"))
    (tmp_path / "file").touch()
    elsewhere = ("--quiet", "--model", "other", "--tensorboard", "file/logs")
    done = textgen("train", corpus, *QUICK, *elsewhere)
    assert done.returncode == 1
    assert done.stderr == (
        "textgen: error: file/logs: the logs for TensorBoard cannot be written: Not a directory; "
        "name another directory with --tensorboard\n"
    )
