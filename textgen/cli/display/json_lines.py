"""A training as JSON, a line for each event.

Every line has `event`. `progress` comes every ten seconds. `error`, the last line of a command that
fails, has `message` and the exit `status`. The others have the fields of the events in
textgen/training/events.py.
"""

import json
import time
from typing import Any

from textgen.cli import console
from textgen.cli.display.state import BitsPerCharacter, Speed
from textgen.training import events

EVENT_NAMES: dict[type, str] = {
    events.Preparing: "preparing",
    events.CorpusOpened: "corpus_opened",
    events.StarterChecked: "starter_checked",
    events.TrainingStarted: "training_started",
    events.StepDone: "progress",
    events.EarlySample: "early_sample",
    events.Validated: "validated",
    events.Sample: "sample",
    events.Stopping: "stopping",
    events.TrainingFinished: "training_finished",
}


class JsonDisplay:
    """Writes a line of JSON to standard error for each event.

    Args:
        interval: Seconds from one `progress` or `preparing` to the next.
    """

    def __init__(self, interval: float = console.INTERVAL):
        self._interval, self._last = interval, time.monotonic()
        self._speed, self._bits = Speed(), BitsPerCharacter()

    def __call__(self, event: events.Event) -> None:
        fields = vars(event)
        match event:
            case events.Preparing():
                if not self._is_due():
                    return
            case events.StepDone():
                if not self._speed.add(event) or not self._is_due():
                    return
                fields = self._progress(event)
            case events.CorpusOpened():
                self._bits.open(event)
                fields = {**fields, "reading": event.reading.to_json()}
            case events.Validated():
                self._speed.restart()
        _write(EVENT_NAMES[type(event)], fields)

    def close(self) -> None:
        pass

    def _is_due(self) -> bool:
        now = time.monotonic()
        if now - self._last < self._interval:
            return False
        self._last = now
        return True

    def _progress(self, event: events.StepDone) -> dict[str, Any]:
        return {
            "epoch": event.epoch,
            "fraction_done": event.fraction_done,
            "loss": event.loss,
            "bits_per_character": self._bits.training(event.loss),
            "characters_per_second": self._speed.characters_per_second,
            "seconds": event.seconds,
            "seconds_left": self._speed.seconds_left,
        }


def write_error(message: str, status: int) -> None:
    """Write the event of a command that fails.

    Args:
        message: What the command writes without JSON, in one line.
        status: Its exit status.
    """
    _write("error", {"message": message, "status": status})


def _write(name: str, fields: dict[str, Any]) -> None:
    line = json.dumps({"event": name, **fields})
    console.note(line.replace("\x7f", "\\u007f"))  # json escapes the other control characters
