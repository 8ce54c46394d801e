"""A training as JSON."""

import json

from tests.cli.display.example import STARTED, training_events
from textgen.cli.display.json_lines import JsonDisplay


def test_lines_as_json(capsys):
    listener = JsonDisplay(interval=0)
    for event in training_events():
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
