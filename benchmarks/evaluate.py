"""How fast `textgen evaluate` reads: in order, exactly, by documents, in windows of 256.

Targets: 300,000 characters per second at LSTM 256 on two cores in order, by documents and in
windows; in order the loss of one stream to 1e-4.

    python -m benchmarks.evaluate [--before CHECKOUT] [--model DIR TEXT]... [--seconds 6]

Models have random weights, and texts are as long as about `--seconds` take. `--before` also
measures an older checkout. Each `--model` names a trained model and a text: the table of
differences has the loss in streams next to that of one stream.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

_UNITS = ((128,), (256,), (512, 512))
# The way to read, the options of `evaluate`, and its share of the speed in order, about.
_WAYS: dict[str, tuple[dict[str, Any], float]] = {
    "in order": ({}, 1.0),
    "in order, exact": ({"exact": True}, 0.15),
    "documents": ({"documents": "lines"}, 1.0),
    "windows of 256": ({"windows": 256}, 1.0),
}
_LENGTHS = {(128,): 700_000, (256,): 300_000, (512, 512): 40_000}  # characters in a second
_SHARE_BEFORE = 0.07  # of the speed of now


def measure(model: str, text: str, options: dict[str, Any]) -> dict[str, float]:
    """Evaluate a model on a text, in whichever version of textgen is installed here."""
    import textgen

    start = time.perf_counter()
    evaluation = textgen.evaluate(text, model, **options)
    seconds = time.perf_counter() - start
    return {"loss": evaluation.loss, "characters": evaluation.characters, "seconds": seconds}


def measure_in_process(
    model: Path, text: Path, options: dict[str, Any], checkout: Path
) -> dict[str, float]:
    """The same in a new process, with the textgen of a checkout."""
    argument = json.dumps([str(model), str(text), options])
    done = subprocess.run(
        [sys.executable, __file__, "--one", argument],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdout=subprocess.PIPE,
        check=True,
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def make_model(directory: Path, units: tuple[int, ...]) -> None:
    """A model directory with random weights, of continuous text."""
    import keras

    from textgen.model import model_dir
    from textgen.model.build import build_model
    from textgen.model.record import ModelRecord
    from textgen.settings import CorpusConfig, resolve_settings
    from textgen.text.vocabulary import Vocabulary

    settings = resolve_settings({"units": units, "targets": "sequence"})
    vocabulary = Vocabulary("\n" + "".join(map(chr, range(32, 96))))
    keras.utils.set_random_seed(1)
    network = build_model(settings.model, vocabulary.size, "sequence")
    corpus = {"settings": CorpusConfig().to_json(), "characters": 1, "sources": []}
    record = ModelRecord(settings, vocabulary, {"epochs": [], "steps": []}, (), {"corpus": corpus})
    model_dir.save(directory, network.save, record)


def write_text(path: Path, characters: int) -> Path:
    """Lines of 60 random letters."""
    letters = np.random.default_rng(0).choice(list("ETAOIN SHRDLU"), characters)
    letters[60::61] = "\n"
    path.write_text("".join(letters), encoding="utf-8")
    return path


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="a checkout of an older version")
    parser.add_argument("--model", nargs=2, action="append", default=[], metavar=("DIR", "TEXT"))
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*json.loads(options.one))))
        return
    from benchmarks import report

    here = Path(__file__).parent.parent
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for units in _UNITS:
            model = Path(name, "-".join(map(str, units)))
            make_model(model, units)
            for way, (chosen, share) in _WAYS.items():
                size = int(options.seconds * share * _LENGTHS[units])
                text = write_text(Path(name, "text.txt"), size)
                now = measure_in_process(model, text, chosen, here)
                row: dict[str, Any] = {"network": f"LSTM {','.join(map(str, units))}", "read": way}
                if options.before:
                    text = write_text(Path(name, "text.txt"), int(size / share * _SHARE_BEFORE))
                    old = {name: value for name, value in chosen.items() if name != "exact"}
                    before = measure_in_process(model, text, old, options.before)
                    row["before, per second"] = int(before["characters"] / before["seconds"])
                row["characters per second"] = int(now["characters"] / now["seconds"])
                rows.append(row)
    notes = ["With the time to read the model and the text, and to load compiled code."]
    for model_name, text_name in options.model:
        model, text = Path(model_name), Path(text_name)
        streams = measure_in_process(model, text, {}, here)
        exact = measure_in_process(model, text, {"exact": True}, here)
        difference = streams["loss"] - exact["loss"]
        notes.append(
            f"{model.name} on {text.name}, {exact['characters']:,} characters: loss "
            f"{streams['loss']:.6f} in streams, {difference:+.1e} from that of one stream."
        )
    report.write("evaluate", report.describe_command("evaluate"), rows, notes)


if __name__ == "__main__":
    main()
