"""Build a starter: fetch the texts, shape documents, train, and compact the model.

python -m starters.build english --time 62m
"""

import argparse
import importlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np

import textgen
from starters.documents import is_usable, make_documents, straighten
from starters.packages import fetch
from textgen.model.compact import compact_model

SEPARATOR = "\x1e"
# The widest network of which float16 weights and the fingerprint of the documents are below 5 MB.
# Large steps read more text in a time: 27,900 characters per second, 22,000 with 32 streams.
_OPTIONS = [
    "--units",
    "704",
    "--batch-size",
    "64",
    "--learning-rate",
    "0.004",
    "--validation",
    "0.01",
]
_RARE = 20  # a character of fewer documents than this is not worth a row of the model


def write_corpus(language: str, folder: Path) -> Path:
    """Write the documents of a language to a file, in random order.

    Args:
        language: A module of this package with SOURCES.
        folder: Where packages and the file are kept.

    Returns:
        The file, with SEPARATOR alone on a line between documents. A table of the sources is
        printed.
    """
    random = np.random.default_rng(0)
    sources = importlib.import_module(f"starters.{language}").SOURCES
    documents: dict[str, int] = {}  # each with the number of its source
    for number, source in enumerate(sources):
        folders = [fetch(package, folder / "packages") for package in source.packages]
        for document in make_documents(source, source.read(folders), random):
            straight = random.random() < 0.6
            documents.setdefault(straighten(document) if straight else document, number)
    counts = Counter(character for document in documents for character in set(document))
    characters = frozenset(character for character, count in counts.items() if count >= _RARE)
    usable = [document for document in documents if is_usable(document, characters)]
    for number, source in enumerate(sources):
        sizes = [len(document) for document in usable if documents[document] == number]
        print(f"| {source.title} | {source.licence} | {len(sizes):,} | {sum(sizes):,} |")
    path = folder / f"{language}.txt"
    order = random.permutation(len(usable))
    text = f"\n{SEPARATOR}\n".join(usable[at] for at in order)
    path.write_text(text + "\n", "utf-8")
    print(f"{len(usable):,} documents, {len(text):,} characters, {len(characters)} distinct")
    print("left out:", len(documents) - len(usable))
    return path


def train(language: str, corpus: Path, time: str, folder: Path) -> Path:
    """Train on a corpus, or resume an unfinished training.

    Returns:
        The model directory.
    """
    model = folder / f"{language}-model"
    command = [sys.executable, "-m", "textgen", "train", str(corpus), "--model", str(model)]
    command += ["--separator", f"\\n{SEPARATOR}\\n", "--time", time, *_OPTIONS]
    subprocess.run(command, check=True)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("language", help="a module of this package with SOURCES")
    parser.add_argument("--time", default="62m", help="time of the training")
    parser.add_argument("--folder", type=Path, default=Path("build/starters"))
    arguments = parser.parse_args()
    folder, language = arguments.folder, arguments.language
    folder.mkdir(parents=True, exist_ok=True)
    corpus = write_corpus(language, folder)
    model = train(language, corpus, arguments.time, folder)
    target = Path(textgen.__file__).parent / "starters" / language
    compact_model(model, target)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"{target}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
