"""Tokens: what characters and subwords reach in the same time, and how fast they generate.

For each text, random seed and choice of tokens, in turn: a training in the same time, the loss in
order on the text's last tenth, which is for validation (at most a million characters of it), and
the characters per second of one generated text and of 32 side by side. The figure is
docs/tokens.svg.

    python -m benchmarks.tokens plays.txt prose.txt code.c --tokens characters bpe:512 auto
    python -m benchmarks.tokens plays.txt --time 5m --tokens characters auto --name tokens-5m
"""

import argparse
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import textgen
from benchmarks import report
from benchmarks.documents import run
from textgen.text.split import split_position

_HELD_OUT = 1_000_000  # characters that are scored, at most
_LENGTH, _TEXTS = 4000, 32  # characters of a generated text, and texts side by side
_FIGURE = Path(__file__).parent.parent / "docs" / "tokens.svg"


def main() -> None:
    """Measure, draw and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", nargs="+", type=Path)
    parser.add_argument("--tokens", nargs="+", default=["characters", "bpe"])
    parser.add_argument("--time", default="2m")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--train", default="", help="more options of `textgen train`")
    parser.add_argument("--name", default="tokens", help="of the results")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for corpus in options.corpora:
            held_out = _cut(corpus, Path(folder))
            for seed, tokens in itertools.product(options.seeds, options.tokens):
                words = [f"--time={options.time}", f"--random-seed={seed}", f"--tokens={tokens}"]
                measured = measure(corpus, held_out, [*words, *options.train.split()])
                rows.append({"text": corpus.name, "tokens": tokens, "seed": seed, **measured})
                print(json.dumps(rows[-1]), flush=True)
    report.write(
        options.name,
        report.describe_command("tokens"),
        rows,
        [
            "Loss: nats per character of the held-out text, read in order. Speeds: characters per "
            f"second, in training, of one generated text, and of {_TEXTS} side by side.",
            "",
            *summarize(rows),
        ],
    )
    if options.name == "tokens":
        draw(rows)


def _cut(corpus: Path, folder: Path) -> Path:
    """A file with the text that a training on a corpus validates on."""
    text = corpus.read_text(encoding="utf-8")
    start = split_position(len(text), 0.1)
    path = folder / corpus.name
    path.write_text(text[start : start + _HELD_OUT], encoding="utf-8")
    return path


def measure(corpus: Path, held_out: Path, words: Sequence[str]) -> dict[str, Any]:
    """Train in a process, and measure the model."""
    model = held_out.parent / "model"
    start = ["train", str(corpus), "--model", str(model), "--force", "--sample-length=0"]
    run([*start, *words])
    history = json.loads((model / "history.json").read_bytes())["epochs"]
    settings = json.loads((model / "settings.json").read_bytes())
    sampler = textgen.load(model)
    speeds = {}
    for count in (1, _TEXTS):
        begin = time.perf_counter()
        texts = sampler.generate("The ", n=count, length=_LENGTH, temperature=0.8, random_seed=1)
        seconds = time.perf_counter() - begin
        speeds[count] = sum(map(len, texts)) / seconds
    return {
        "ids": sampler.vocabulary.size,
        "units": ",".join(map(str, settings["model"]["units"])),
        "passes": history[-1]["epoch"],
        "loss": textgen.evaluate([str(held_out)], model).loss,
        "training speed": round(statistics.median(h["characters_per_second"] for h in history)),
        "one text": round(speeds[1]),
        "many texts": round(speeds[_TEXTS]),
    }


def summarize(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A table of means over random seeds, and what subwords gain."""
    lines = ["| text | tokens | mean loss | change of characters' |", "| --- | --- | --- | --- |"]
    for text in dict.fromkeys(row["text"] for row in rows):
        base = _mean_loss(rows, text, "characters")
        for tokens in dict.fromkeys(row["tokens"] for row in rows):
            mean = _mean_loss(rows, text, tokens)
            change = f"{mean / base - 1:+.1%}" if base else ""
            lines.append(f"| {text} | {tokens} | {mean:.4f} | {change} |")
    return lines


def _mean_loss(rows: Sequence[dict[str, Any]], text: str, tokens: str) -> float:
    losses = [row["loss"] for row in rows if (row["text"], row["tokens"]) == (text, tokens)]
    return statistics.fmean(losses) if losses else 0.0


def draw(rows: Sequence[dict[str, Any]]) -> None:
    """Draw the figure in docs/: a point for each training."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    texts = list(dict.fromkeys(row["text"] for row in rows))
    choices = list(dict.fromkeys(row["tokens"] for row in rows))
    figure, axes = pyplot.subplots(figsize=(6, 3.5))
    for number, tokens in enumerate(choices):
        chosen = [row for row in rows if row["tokens"] == tokens]
        shift = (number - (len(choices) - 1) / 2) / (4 * len(choices))
        places = [texts.index(row["text"]) + shift for row in chosen]
        axes.plot(places, [row["loss"] for row in chosen], "o", alpha=0.7, label=tokens)
    axes.set_xticks(range(len(texts)), [Path(text).stem for text in texts])
    axes.set_xlim(-0.5, len(texts) - 0.5)
    axes.set_ylabel("loss on held-out text,\nnats per character")
    axes.grid(alpha=0.3, axis="y")
    axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(_FIGURE)


if __name__ == "__main__":
    main()
