"""The loop with a backend that needs no framework: what happens between steps, in milliseconds."""

import copy
import math
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.training.fake_backend import DeviceLostError, FakeBackend
from textgen.errors import ModelError, OutputError, TrainingError
from textgen.settings import resolve_settings
from textgen.text.vocabulary import Vocabulary
from textgen.training import checkpoint, events
from textgen.training.checkpoint import Checkpoint, TrainingIdentity
from textgen.training.data import TrainingData
from textgen.training.fit import Hooks, StartOptions, fit

VOCABULARY = Vocabulary("\nabcdefgh")
SMALL = {"units": (3,), "embedding": 2, "batch_size": 2, "maxlen": 5, "sample_length": 4}
STEPS = 18  # of an epoch


def data(validation: int = 100) -> TrainingData:
    ids = np.random.default_rng(0).integers(0, VOCABULARY.size, 200 + validation).astype(np.uint8)
    return TrainingData(ids[:200], ids[200:], VOCABULARY)


def options(**changes):
    return resolve_settings({**SMALL, "epochs": 3, **changes})


class Recorder:
    """Hooks that write down what they are called with."""

    def __init__(self, stop=lambda: False, fails=None, **hooks):
        self.events: list[events.Event] = []
        self.snapshots: list[checkpoint.Snapshot] = []
        self.saved: list[tuple[int, list[np.ndarray], bool]] = []
        self._fails = fails
        self.hooks = Hooks(
            self.save_model, self.save_checkpoint, on_event=self.events.append, stop=stop, **hooks
        )

    def save_model(self, loop):
        self.saved.append((loop.state.steps, loop.model.weights(), loop.state.unsaved))

    def save_checkpoint(self, snapshot):
        if self._fails:
            raise self._fails
        self.snapshots.append(copy.deepcopy(snapshot))

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


def stop_after(steps: int):
    calls = iter(range(steps - 1))
    return lambda: next(calls, None) is None


def run(settings=None, backend=None, recorder=None, start=None, text=None):
    recorder = recorder or Recorder()
    loop = fit(
        text or data(), settings or options(), backend or FakeBackend(), recorder.hooks, start
    )
    return loop, recorder


def untimed(history):
    entries = [{**entry, "seconds": 0, "characters_per_second": 0} for entry in history["epochs"]]
    return {**history, "epochs": entries}


def test_an_epoch_ends_with_a_validation_samples_and_a_saved_model():
    loop, recorder = run(backend=FakeBackend(validation_losses=[3, 1.5, 1]))
    assert loop.state.steps == 3 * STEPS and loop.state.reason == "done"
    assert isinstance(recorder.events[0], events.TrainingStarted)
    assert [event.epoch for event in recorder.of(events.Validated)] == [1, 2, 3]
    assert [event.validation_loss for event in recorder.of(events.Validated)] == [3, 1.5, 1]
    assert len(recorder.of(events.StepDone)) == 3 * STEPS
    assert isinstance(recorder.events[-1], events.Sample)
    assert recorder.saved[-1][0] == 3 * STEPS
    assert (loop.state.best_epoch, loop.state.best_loss) == (3, 1)


def test_the_model_has_the_weights_of_the_lowest_validation_loss():
    losses = [2.0, 1.0, 3.0]
    loop, recorder = run(backend=FakeBackend(validation_losses=losses))
    second, _ = run(options(epochs=2), FakeBackend(validation_losses=losses))
    assert (loop.state.best_epoch, second.state.best_epoch) == (2, 2)
    improved = [event.improved for event in recorder.of(events.Validated)]
    assert improved == [True, True, False]
    steps = {steps: weights for steps, weights, _ in recorder.saved}
    for best, saved in zip(loop.model.weights(), steps[2 * STEPS], strict=True):
        np.testing.assert_array_equal(best, saved)


def test_without_a_validation_part_the_training_loss_decides():
    loop, recorder = run(text=data(validation=0))
    assert loop.validator is None
    reports = recorder.of(events.Validated)
    assert [report.validation_loss for report in reports] == [None, None, None]
    assert loop.state.best_loss == reports[-1].loss


@pytest.mark.parametrize("steps", [1, 7, STEPS, STEPS + 1, 2 * STEPS + 5])
@pytest.mark.parametrize("changes", [{}, {"carry_state": False, "step": 2}, {"noise": 0.1}])
def test_a_resumed_training_equals_an_uninterrupted_one(tmp_path, steps, changes):
    settings = options(**changes)
    whole, everything = run(settings)
    _, stopped = run(settings, recorder=Recorder(stop_after(steps)))
    snapshot = through_a_file(tmp_path / "checkpoint", settings, stopped.snapshots[-1])
    rest, resumed = run(settings, start=StartOptions(snapshot=snapshot))
    assert resumed.of(events.TrainingStarted)[0].resumed_at_epoch == pytest.approx(
        steps / whole.batches.steps_per_epoch, abs=0.05
    )
    for array, other in zip(whole.model.weights(), rest.model.weights(), strict=True):
        np.testing.assert_array_equal(array, other)
    for array, other in zip(whole.trainer.weights(), rest.trainer.weights(), strict=True):
        np.testing.assert_array_equal(array, other)
    losses = [event.step_loss for event in everything.of(events.StepDone)]
    assert losses[steps:] == [event.step_loss for event in resumed.of(events.StepDone)]
    if not changes:
        assert untimed(whole.state.history)["steps"] == rest.state.history["steps"]


def through_a_file(path, settings, snapshot):
    request = TrainingIdentity(settings, VOCABULARY, "a text", None)
    checkpoint.write_checkpoint(path, Checkpoint(request, None, {"versions": {}}, snapshot))
    return checkpoint.read_checkpoint(path).snapshot


def test_a_snapshot_of_another_training_is_refused():
    _, stopped = run(recorder=Recorder(stop_after(5)))
    with pytest.raises(ModelError):
        run(options(units=(4,)), start=StartOptions(snapshot=stopped.snapshots[-1]))


def test_a_training_that_is_stopped_validates_saves_and_keeps_a_checkpoint():
    loop, recorder = run(recorder=Recorder(stop_after(STEPS + 4)))
    assert loop.state.reason == "stopped" and loop.state.steps == STEPS + 4
    assert [type(event) for event in recorder.events].count(events.Stopping) == 1
    assert recorder.saved[-1][0] == STEPS + 4
    # The checkpoint is from before the last validation, which a resumed training does not make.
    assert recorder.snapshots[-1].state["steps"] == STEPS + 4
    assert len(recorder.snapshots[-1].state["history"]["epochs"]) == 1
    assert len(loop.state.history["epochs"]) == 2


def test_patience_ends_a_training_that_no_longer_improves():
    backend = FakeBackend(validation_losses=[2, 1, 3, 3])
    loop, recorder = run(options(epochs=9, patience=2), backend)
    assert (loop.state.reason, loop.state.best_epoch) == ("patience", 2)
    assert len(recorder.of(events.Validated)) == 4
    assert recorder.saved[-1][0] == 4 * STEPS  # the history is saved, with the best weights


def test_a_training_by_time_ends_before_its_deadline():
    settings = resolve_settings({**SMALL, "time": 1.5})
    start, backend = time.monotonic(), FakeBackend(seconds_per_step=0.001)
    loop, recorder = run(settings, backend, start=StartOptions(deadline=start + 1.5))
    assert 0.1 < time.monotonic() - start < 1.7  # the machine may be busy
    assert loop.state.reason == "done" and recorder.of(events.Validated)
    shares = [event.fraction_done for event in recorder.of(events.StepDone)]
    assert shares[0] < 0.1 and shares[-1] > 0.9
    # A checkpoint comes before each model that is not the last one.
    assert len(recorder.snapshots) >= len(recorder.of(events.Validated)) - 1


def test_a_time_too_short_for_a_step_is_refused():
    settings = resolve_settings({**SMALL, "time": 1.0})
    with pytest.raises(TrainingError, match="--time 1s"):
        run(settings, start=StartOptions(deadline=time.monotonic() + 0.5))


def test_early_samples_come_before_the_first_validation():
    _, recorder = run()
    early = [
        index
        for index, event in enumerate(recorder.events)
        if isinstance(event, events.EarlySample)
    ]
    first = next(
        index for index, event in enumerate(recorder.events) if isinstance(event, events.Validated)
    )
    assert len(early) == 3 and max(early) < first


@pytest.mark.parametrize("steps_ahead", [0, 1])
def test_a_loss_that_is_no_number_ends_the_training_and_the_best_model_is_saved(steps_ahead):
    backend = FakeBackend(
        lambda number: math.nan if number == STEPS + 3 else 1.0, steps_ahead=steps_ahead
    )
    recorder = Recorder()
    with pytest.raises(TrainingError, match=f"after step {STEPS + 3}"):
        run(backend=backend, recorder=recorder)
    assert [steps for steps, *_ in recorder.saved] == [STEPS]


def test_a_device_that_is_lost_ends_the_training_with_what_was_saved():
    def fail(number):
        if number == 2 * STEPS + 3:
            raise DeviceLostError("gone")

    recorder = Recorder()
    with pytest.raises(TrainingError, match="gone"):
        run(backend=FakeBackend(on_step=fail), recorder=recorder)
    assert recorder.saved[-1][0] >= STEPS


def test_a_full_disk_is_reported_and_the_model_of_before_stays():
    recorder = Recorder(fails=OutputError("the disk is full"), checkpoint_interval=0.0)
    with pytest.raises(OutputError):
        run(recorder=recorder)
    assert not recorder.snapshots


def test_a_checkpoint_is_written_every_so_often():
    recorder = Recorder(checkpoint_interval=0.01)
    run(backend=FakeBackend(seconds_per_step=0.002), recorder=recorder)
    written = [snapshot.state["steps"] for snapshot in recorder.snapshots]
    assert len(written) > 3 and written == sorted(written)


def test_the_loop_loads_no_framework():
    code = (
        "import sys\n"
        "from tests.training import test_loop\n"
        "test_loop.run()\n"
        "print(sorted({'keras', 'tensorflow', 'jax', 'torch'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
