"""Whether the automatic size is good for texts of several kinds and lengths: its curve, and others.

The texts: verse, documentation (what --demo trains on), code (the modules of Python's standard
library in order of name, 2 MB of them) and little code (their first 100,000 characters). Each is
trained on for the same time, with the settings that `textgen train` chooses and with others: two
thirds and one and a half times the units, and no DropConnect; or, with --shape, two layers that
take as long as one, half and twice the embedding, half the rows, and windows twice as long. All
other settings are automatic. The curves are in docs/sizing.svg and docs/shape.svg.

    python -m benchmarks.sizing tinyshakespeare.txt [--shape] [--seconds 90]
"""

import argparse
import json
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import report
from textgen import train
from textgen.compute import runtime
from textgen.text.sources import demo_source
from textgen.training import automatic, events

_DOCS = Path(__file__).parent.parent / "docs"
_VALIDATION = 0.04  # of the text: little, because it is read often
_CODE, _LITTLE = 2_000_000, 100_000  # characters


def write_corpora(verse: Path, folder: Path) -> dict[str, Path]:
    """Write the texts: files by name."""
    code = ""
    for module in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        code += module.read_text(encoding="utf-8")
        if len(code) >= _CODE:
            break
    with demo_source().open() as file:
        documentation = file.read().decode("utf-8")
    texts = {
        "verse": verse.read_text(encoding="utf-8"),
        "documentation": documentation,
        "code": code[:_CODE],
        "little code": code[:_LITTLE],
    }
    paths = {}
    for name, text in texts.items():
        paths[name] = folder / f"{name.replace(' ', '-')}.txt"
        paths[name].write_text(text, encoding="utf-8", newline="")
    return paths


def list_variants(characters: int, seconds: float, shape: bool) -> dict[str, dict[str, Any]]:
    """Settings to change, by the name of the variant."""
    (units,) = automatic.choose_sizes(characters, {"time": seconds})["units"]
    if shape:
        return {
            "default": {},
            "two layers": {
                "units": (_round_units(units / automatic.equivalent_width((1, 1))),) * 2
            },
            "half the embedding": {"embedding": 32},
            "twice the embedding": {"embedding": 128},
            "half the rows": {"batch_size": 16},
            "windows twice as long": {"maxlen": 128},
        }
    return {
        "default": {},
        "two thirds of the units": {"units": (_round_units(units / 1.5),)},
        "one and a half times": {"units": (_round_units(units * 1.5),)},
        "without DropConnect": {"drop_connect": 0.0},
    }


def _round_units(units: float) -> int:
    """The nearest multiple of 32, as the rules choose."""
    return 32 * round(units / 32)


def train_curve(
    corpus: Path, folder: Path, options: dict[str, Any], seconds: float
) -> tuple[list[events.Validated], dict[str, Any]]:
    """The validations of a training, and its settings."""
    validations: list[events.Validated] = []

    def on_event(event: events.Event) -> None:
        if isinstance(event, events.Validated):
            validations.append(event)

    model = folder / "model"
    settings = {**options, "time": seconds, "validation": _VALIDATION, "sample_length": 0}
    train([str(corpus)], model=model, force=True, on_event=on_event, **settings)
    parts = json.loads((model / "settings.json").read_text(encoding="utf-8"))
    return validations, parts["windows"] | parts["model"] | parts["training"]


def draw(name: str, curves: dict[str, dict[str, list[events.Validated]]]) -> None:
    """Draw the figure in docs/: validation losses thick, training losses thin."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    for axes, (corpus, by_variant) in zip(panels, curves.items(), strict=True):
        for number, (variant, validations) in enumerate(by_variant.items()):
            seconds = [event.seconds for event in validations]
            axes.plot(
                seconds,
                [event.validation_loss for event in validations],
                color=f"C{number}",
                marker="o",
                markersize=3,
                label=variant,
            )
            axes.plot(
                seconds, [event.loss for event in validations], color=f"C{number}", linewidth=0.7
            )
        axes.set_title(corpus)
        axes.set_xlabel("seconds of training")
        axes.set_ylabel("nats per character")
        axes.grid(alpha=0.3)
    panels[0].legend()
    figure.savefig(_DOCS / f"{name}.svg")


def main() -> None:
    """Measure, draw and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--shape", action="store_true")
    parser.add_argument("--seconds", type=float, default=90)
    options = parser.parse_args()
    runtime.start("cpu")  # imports Keras, which would take time of the first training
    name = "shape" if options.shape else "sizing"
    rows = []
    curves: dict[str, dict[str, list[events.Validated]]] = {}
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        for corpus, path in write_corpora(options.corpus, folder).items():
            characters = int(len(path.read_text(encoding="utf-8")) * (1 - _VALIDATION))
            curves[corpus] = {}
            for variant, changes in list_variants(
                characters, options.seconds, options.shape
            ).items():
                validations, settings = train_curve(path, folder, changes, options.seconds)
                curves[corpus][variant] = validations
                rows.append(
                    {
                        "corpus": corpus,
                        "way": variant,
                        "units": ",".join(map(str, settings["units"])),
                        "embedding": settings["embedding"],
                        "rows": settings["batch_size"],
                        "window": settings["maxlen"],
                        "dropout": settings["dropout"],
                        "DropConnect": settings["drop_connect"],
                        "passes": validations[-1].epoch,
                        "training loss": round(validations[-1].loss, 4),
                        "validation loss": round(validations[-1].validation_loss or 0.0, 4),
                    }
                )
                print(rows[-1], flush=True)
    draw(name, curves)
    report.write(
        name,
        report.describe_command("sizing"),
        rows,
        [
            f"Nats per character on the last {_VALIDATION:.0%} of each text, after the same time. "
            f"Curves: docs/{name}.svg (thin lines: training losses). One run each."
        ],
    )


if __name__ == "__main__":
    main()
