"""Examples in docstrings run, in the folders that need neither a framework nor a model."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PATHS = [
    ROOT / "textgen/errors.py",
    ROOT / "textgen/packages.py",
    *sorted((ROOT / "textgen/settings").glob("*.py")),
    *sorted((ROOT / "textgen/storage").glob("*.py")),
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_run(path):
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    assert doctest.testmod(importlib.import_module(name)).failed == 0
