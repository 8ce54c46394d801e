"""Starters: what training from one gives on short texts, against training from scratch.

A tenth of each text is held out: random documents of a list, or the end of a continuous text. The
rest is trained on in the same time in each way. Each held-out document is scored by itself, from
its start to its end (in a list that was trained as continuous text, from line end to line end); a
continuous text is scored in order. Starts are derailed as in `benchmarks.documents`.

    python -m benchmarks.starters --lines titles.txt --separated mail.txt --continuous plays.txt
"""

import argparse
import itertools
import json
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import textgen
from benchmarks import report
from benchmarks.documents import count_derailed, run

_SEPARATOR = "\n%\n"
_WAYS = {  # in which texts of each kind are trained on
    "lines": ("continuous", "documents"),
    "separated": ("documents",),
    "continuous": ("continuous",),
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", nargs="*", type=Path, default=[], help="one document per line")
    parser.add_argument(
        "--separated", nargs="*", type=Path, default=[], help="with % alone between documents"
    )
    parser.add_argument("--continuous", nargs="*", type=Path, default=[])
    parser.add_argument("--starter", default="english")
    parser.add_argument("--characters", type=int, default=100_000, help="of each text, at most")
    parser.add_argument("--time", default="60s")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--name", default="starters", help="of the results")
    options = parser.parse_args()
    texts = [
        Text.read(path, kind, options.characters)
        for kind in _WAYS
        for path in getattr(options, kind)
    ]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for text, base, seed in itertools.product(texts, ("", options.starter), options.seeds):
            words = [f"--time={options.time}", f"--random-seed={seed}"]
            words += [f"--init-from={base}"] if base else []
            for way in _WAYS[text.kind]:
                results.append(
                    {
                        "text": text.name,
                        "characters": len(text.training),
                        "way": way,
                        "from": base or "scratch",
                        "seed": seed,
                        **text.measure(Path(folder), way, words),
                    }
                )
                print(json.dumps(results[-1]), flush=True)
    report.write(
        options.name,
        report.describe_command("starters"),
        results,
        ["Loss: nats per character of held-out text, ends of documents included."],
    )


@dataclass(frozen=True)
class Text:
    """A text with what is held out of it.

    Attributes:
        name: Of its file.
        kind: `lines`, `separated` or `continuous`.
        training: The text to train on.
        held_out: Documents; one if the text is continuous. Without characters that the training
            text lacks.
    """

    name: str
    kind: str
    training: str
    held_out: Sequence[str]

    @classmethod
    def read(cls, path: Path, kind: str, characters: int) -> "Text":
        """Read a text of a kind, at most as many characters to train on."""
        text = path.read_text(encoding="utf-8")
        if kind == "continuous":
            cut = len(text) * 9 // 10
            training, held_out = text[:cut][:characters], [text[cut:]]
        else:
            separator = _SEPARATOR if kind == "separated" else "\n"
            documents = [part.strip() for part in text.split(separator) if part.strip()]
            # The same as in `benchmarks.documents`.
            chosen = set(random.Random(0).sample(range(len(documents)), len(documents) // 10))
            others = [part for number, part in enumerate(documents) if number not in chosen]
            training = separator.join(others)[:characters] + "\n"
            held_out = [documents[number] for number in sorted(chosen)]
        known = set(training)
        return cls(
            path.stem, kind, training, ["".join(filter(known.__contains__, d)) for d in held_out]
        )

    def measure(self, folder: Path, way: str, words: Sequence[str]) -> dict[str, Any]:
        """Train in a way, in a process, and score what is held out."""
        path, model = folder / "text.txt", folder / "model"
        path.write_text(self.training, encoding="utf-8")
        reading = ["--documents=none"]
        if way == "documents":
            reading = ["--documents=lines"] if self.kind == "lines" else ["--separator=\\n%\\n"]
        start = ["train", str(path), "--model", str(model), "--force", "--sample-length=0"]
        run([*start, *reading, *words])
        epochs = json.loads((model / "history.json").read_bytes())["epochs"]
        sampler = textgen.load(model)
        nats, total = 0.0, 0
        for document in self.held_out:
            is_line = self.kind == "lines" and way == "continuous"
            logs = sampler.logprobs(f"\n{document}\n" if is_line else document)
            nats, total = nats - float(logs.sum()), total + len(logs)
        starts, derailed = count_derailed(sampler, self.held_out, way)
        return {
            "passes": epochs[-1]["epoch"],
            "loss": nats / total,
            "starts": starts,
            "derailed": derailed,
        }


if __name__ == "__main__":
    main()
