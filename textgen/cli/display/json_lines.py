"""A training as JSON, an object on a line for each thing that happens.

Knows names of fields; knows nothing of terminals.

Every object has `event`. `progress` comes every ten seconds; `error`, the last event of a command
that fails, has `message` and the exit `status`; the others have the fields of the events in
textgen/training/events.py.
"""

import json
import time
from typing import Any

from textgen.cli import console
from textgen.cli.display.figures import Pace, bits
from textgen.training import events

_NAMES: dict[type, str] = {
    events.Preparing: "preparing",
    events.CorpusOpened: "corpus_opened",
    events.TrainingStarted: "training_started",
    events.StepDone: "progress",
    events.EarlySample: "early_sample",
    events.Validated: "validated",
    events.Sample: "sample",
    events.Stopping: "stopping",
    events.TrainingFinished: "training_finished",
}


class JsonLines:
    """Writes an object on a line of standard error for each event.

    Args:
        every: Seconds from one `progress` or `preparing` to the next.
    """

    def __init__(self, every: float = console.INTERVAL):
        self._every, self._last = every, time.monotonic()
        self._pace = Pace()

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.Preparing():
                if self._due():
                    self._write(event, vars(event))
            case events.StepDone():
                if self._pace.step(event) and self._due():
                    self._write(event, self._progress(event))
            case events.CorpusOpened():
                self._write(event, {**vars(event), "reading": event.reading.to_json()})
            case _:
                if isinstance(event, events.Validated):
                    self._pace.report()
                self._write(event, vars(event))

    def close(self) -> None:
        pass

    def _write(self, event: events.Event, fields: dict[str, Any]) -> None:
        _write(_NAMES[type(event)], fields)

    def _due(self) -> bool:
        now = time.monotonic()
        if now - self._last < self._every:
            return False
        self._last = now
        return True

    def _progress(self, event: events.StepDone) -> dict[str, Any]:
        return {
            "epoch": event.epoch,
            "fraction_done": event.fraction_done,
            "loss": event.loss,
            "bits_per_character": bits(event.loss),
            "characters_per_second": self._pace.rate,
            "seconds": event.seconds,
            "seconds_left": self._pace.left,
        }


def write_error(message: str, status: int) -> None:
    """Write the event of a command that fails.

    Args:
        message: As the command writes it without JSON, in one line.
        status: Its exit status.
    """
    _write("error", {"message": message, "status": status})


def _write(name: str, fields: dict[str, Any]) -> None:
    line = json.dumps({"event": name, **fields})
    console.note(line.replace("\x7f", "\\u007f"))  # what acts on a terminal, escaped as the rest
