"""Write tests/released/VERSION: what this version of textgen makes, for the tests of later ones.

    python -m tests.released.make

Run once for each release, and never again for the same version.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import textgen
from tests.conftest import nursery_text
from textgen.analysis import evaluation
from textgen.api import train
from textgen.model import model_dir
from textgen.model.paths import is_model_dir
from textgen.text.prepare import prepare

SMALL: dict[str, Any] = {
    "units": (16,),
    "embedding": 8,
    "maxlen": 16,
    "batch_size": 4,
    "dropout": 0.2,
    "drop_connect": 0.1,
    "noise": 0.01,
    "sample_length": 20,
}
WINDOWS: dict[str, Any] = {
    "targets": "last",
    "cell": "gru",
    "units": (12, 10),
    "embedding": 0,
    "maxlen": 12,
    "batch_size": 32,
    "epochs": 3,
    "sample_length": 0,
}


def main() -> None:
    directory = Path(__file__).parent / textgen.__version__
    directory.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("corpus.txt").write_text(nursery_text(), encoding="utf-8")
        for name, options, steps in (
            ("model", {**SMALL, "epochs": 4}, None),
            ("model-windows", WINDOWS, None),
            ("unfinished", {**SMALL, "epochs": 4}, 100),
            ("unfinished-by-time", {**SMALL, "time": 20.0}, 300),
        ):
            left = iter(range(steps - 1)) if steps else None
            train(
                ["corpus.txt"],
                model=directory / name,
                device="cpu",
                stop=partial(_has_ended, left),
                **options,
            )
        prepare("corpus.txt", directory / "prepared", encoding="latin-1", maxlen=20, step=2)
        expected = {
            model.name: {
                "greedy": model_dir.load(model).generate("The ", length=60, temperature=0),
                "loss": evaluation.evaluate(["corpus.txt"], model).loss,
            }
            for model in sorted(directory.iterdir())
            if is_model_dir(model)
        }
    text = json.dumps(expected, indent=2) + "\n"
    (directory / "expected.json").write_text(text, encoding="utf-8")


def _has_ended(steps: Iterator[int] | None) -> bool:
    """Whether no step is left, after taking one; None is no limit."""
    return steps is not None and next(steps, None) is None


if __name__ == "__main__":
    main()
