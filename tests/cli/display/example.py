"""A training for tests of what is shown."""

from textgen.cli.display.frame import Canvas, draw_frame
from textgen.cli.display.state import DisplayState
from textgen.training import events

STARTED = events.TrainingStarted(
    backend="tensorflow",
    device="cpu",
    precision="bfloat16",
    slowdown=1.25,
    no_cudnn_reason="",
    replaces_cudnn=False,
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


def training_events(text="To be,\tor not\nto be, that is the question. ", epochs=4):
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


def state_after(*past_events, names="corpus.txt"):
    state = DisplayState(names, "textgen-model")
    for event in past_events:
        state(event)
    return state


def draw(state, *look, **more):
    return [row.plain for row in draw_frame(state, Canvas(*look), **more)]
