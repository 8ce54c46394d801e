"""Writes docs/terminal.svg, what `textgen train` shows on a terminal, from a finished training.

python docs/generate_terminal.py textgen-model cpu bfloat16 > docs/terminal.svg

Device and precision are those in the line `model: ...` of that training; everything else is in the
model directory. Times between two validations are calculated from the speed.
"""

import argparse
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from textgen.cli.display.frame import Canvas, draw_frame
from textgen.cli.display.state import DisplayState
from textgen.model import model_dir
from textgen.settings import DEFAULT_MODEL
from textgen.text.split import split_position
from textgen.training import events


def list_events(directory: Path, device: str, precision: str) -> Iterator[events.Event]:
    """The events of a training that its model directory records."""
    trained = model_dir.read_model(directory)
    record, settings = trained.record, trained.record.settings
    characters = int(record.about["corpus"]["characters"])
    training_characters = split_position(characters, settings.windows.validation)
    size = record.vocabulary.size
    yield events.CorpusOpened(
        characters,
        training_characters,
        characters - training_characters,
        0,
        size,
        from_cache=False,
    )
    validations, steps = list(record.history["epochs"]), record.history["steps"]
    last, epochs = steps[-1][0], validations[-1]["epoch"]
    config = settings.training
    yield events.TrainingStarted(
        backend=next(
            iter(record.about["versions"].keys() - {"textgen", "keras", "python", "platform"})
        ),
        device=device,
        precision=precision,
        slowdown=0.0,
        no_cudnn_reason="",
        replaces_cudnn=False,
        layers=" ".join([settings.model.cell.upper(), *map(str, settings.model.units)]),
        parameters=sum(weight.size for weight in trained.weights),
        steps_per_epoch=round(last / epochs),
        epochs=config.epochs,
        time=config.time,
        batch_size=config.batch_size,
        maxlen=settings.windows.maxlen,
        carry_state=config.carry_state,
        targets=settings.windows.targets,
    )
    seconds = previous_step = 0.0
    for step, loss in steps:
        epoch = step * epochs / last
        while validations and validations[0]["epoch"] < epoch:
            seconds = validations[0]["seconds"]
            yield from _list_validation(validations.pop(0))
        characters = int((step - previous_step) * config.batch_size * settings.windows.maxlen)
        seconds += characters / validations[0]["characters_per_second"]
        yield events.StepDone(round(epoch, 2), step / last, loss, characters, loss, seconds)
        previous_step = step
    for validation in validations:
        yield from _list_validation(validation)


def _list_validation(validation: dict[str, Any]) -> Iterator[events.Event]:
    samples = validation["samples"]
    yield events.Validated(**{name: validation[name] for name in validation if name != "samples"})
    for sample in samples:
        yield events.Sample(**sample)


def draw_picture(directory: Path, device: str, precision: str, done: float, canvas: Canvas) -> str:
    """Draw the display at this share of the training, as SVG."""
    settings = json.loads((directory / "settings.json").read_text(encoding="utf-8"))
    corpus = ", ".join(Path(source["name"]).name for source in settings["corpus"]["sources"])
    state = DisplayState(corpus, DEFAULT_MODEL)
    for event in list_events(directory, device, precision):
        state(event)
        if state.fraction_done >= done:
            break
    console = Console(
        record=True, file=io.StringIO(), width=canvas.columns, force_terminal=True, no_color=False
    )
    for row in draw_frame(state, canvas):
        console.print(row)
    return console.export_svg(title=f"textgen train {corpus}", unique_id="terminal")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("device")
    parser.add_argument("precision")
    parser.add_argument("--done", type=float, default=0.7, help="share of the training")
    options = parser.parse_args()
    print(  # noqa: T201
        draw_picture(
            options.model, options.device, options.precision, options.done, Canvas(81, 24)
        ),
        end="",
    )
