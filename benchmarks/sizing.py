"""Whether the automatic size suits texts of other kinds and lengths: its curve and its neighbours.

Verse, documentation (what --demo trains on), code (the modules of Python's standard library in
order of name, 2 MB of them) and little code (their first 100,000 characters), each trained for the
same time as `textgen train` would and as its neighbours would: with two thirds and one and a half
times the units, and without DropConnect; or, with --shape, with two layers that take as long as the
one, half and twice the embedding, half the rows, and windows twice as long. Everything else is as
the rules say. The curves are in docs/sizing.svg and docs/shape.svg.

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
_VALIDATION = 0.04  # of the text: little, so that it can be read often
_CODE, _LITTLE = 2_000_000, 100_000  # characters


def corpora(verse: Path, folder: Path) -> dict[str, Path]:
    """The texts, by name."""
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
    found = {}
    for name, text in texts.items():
        found[name] = folder / f"{name.replace(' ', '-')}.txt"
        found[name].write_text(text, encoding="utf-8", newline="")
    return found


def ways(characters: int, seconds: float, shape: bool) -> dict[str, dict[str, Any]]:
    """The default and its neighbours."""
    (units,) = automatic.choose_sizes(characters, {"time": seconds})["units"]
    if shape:
        return {
            "default": {},
            "two layers": {"units": (_near(units / automatic.equivalent_width((1, 1))),) * 2},
            "half the embedding": {"embedding": 32},
            "twice the embedding": {"embedding": 128},
            "half the rows": {"batch_size": 16},
            "windows twice as long": {"maxlen": 128},
        }
    return {
        "default": {},
        "two thirds of the units": {"units": (_near(units / 1.5),)},
        "one and a half times": {"units": (_near(units * 1.5),)},
        "without DropConnect": {"drop_connect": 0.0},
    }


def _near(units: float) -> int:
    """A multiple of 32, as the rules choose."""
    return 32 * round(units / 32)


def curve(
    corpus: Path, folder: Path, options: dict[str, Any], seconds: float
) -> tuple[list[events.Validated], dict[str, Any]]:
    """The reports of a training, and its settings."""
    told: list[events.Validated] = []

    def on_event(event: events.Event) -> None:
        if isinstance(event, events.Validated):
            told.append(event)

    model = folder / "model"
    settings = {**options, "time": seconds, "validation": _VALIDATION, "sample_length": 0}
    train([str(corpus)], model=model, force=True, on_event=on_event, **settings)
    parts = json.loads((model / "settings.json").read_text(encoding="utf-8"))
    return told, parts["windows"] | parts["model"] | parts["training"]


def draw(name: str, curves: dict[str, dict[str, list[events.Validated]]]) -> None:
    """The figure in docs/: validation losses thick, training losses thin."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    for axes, (corpus, by_way) in zip(panels, curves.items(), strict=True):
        for number, (way, told) in enumerate(by_way.items()):
            seconds = [one.seconds for one in told]
            axes.plot(
                seconds,
                [one.validation_loss for one in told],
                color=f"C{number}",
                marker="o",
                markersize=3,
                label=way,
            )
            axes.plot(seconds, [one.loss for one in told], color=f"C{number}", linewidth=0.7)
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
    runtime.start("cpu")  # Keras is imported once, and in no training's time
    name = "shape" if options.shape else "sizing"
    rows = []
    curves: dict[str, dict[str, list[events.Validated]]] = {}
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        for corpus, path in corpora(options.corpus, folder).items():
            characters = int(len(path.read_text(encoding="utf-8")) * (1 - _VALIDATION))
            curves[corpus] = {}
            for way, changed in ways(characters, options.seconds, options.shape).items():
                told, settings = curve(path, folder, changed, options.seconds)
                curves[corpus][way] = told
                rows.append(
                    {
                        "corpus": corpus,
                        "way": way,
                        "units": ",".join(map(str, settings["units"])),
                        "embedding": settings["embedding"],
                        "rows": settings["batch_size"],
                        "window": settings["maxlen"],
                        "dropout": settings["dropout"],
                        "DropConnect": settings["drop_connect"],
                        "passes": told[-1].epoch,
                        "training loss": round(told[-1].loss, 4),
                        "validation loss": round(told[-1].validation_loss or 0.0, 4),
                    }
                )
                print(rows[-1], flush=True)
    draw(name, curves)
    report.write(
        name,
        report.command("sizing"),
        rows,
        [
            f"Nats per character on the last {_VALIDATION:.0%} of each text, after the same time. "
            f"Curves: docs/{name}.svg (thin lines: training losses). One run each."
        ],
    )


if __name__ == "__main__":
    main()
