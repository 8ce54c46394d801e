"""A starter that writes names, and texts like those that it knows."""

from pathlib import Path

import pytest

from tests.sampling.document_models import NAMES, BigramModel
from textgen.model import starters

MODEL = BigramModel([*(first + second for first in NAMES for second in NAMES), "Zoë"])


def save_starter(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make it the only starter, and `directory` the current directory."""
    monkeypatch.setattr(starters, "_DIRECTORY", directory / "starters")
    monkeypatch.chdir(directory)
    return MODEL.save(directory / "starters/english", mode="files")


def write_names(directory: Path) -> Path:
    """A corpus of names."""
    path = directory / "corpus.txt"
    lines = MODEL.sampler().generate(n=80, random_seed=1, temperature=1.0)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
