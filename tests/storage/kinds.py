"""Kinds of directories for the tests of storage, and what writes and reads them."""

import os
import subprocess
import sys
from pathlib import Path

from textgen import storage
from textgen.errors import PreparedError

KIND = storage.DirectoryKind("test directory", 1, PreparedError, "make it again")
OTHER = storage.DirectoryKind("other directory", 1, PreparedError, "make it again")


def writers(**contents):
    """For each file a function that writes it, as `commit` takes them."""
    return {name: lambda path, text=text: path.write_text(text) for name, text in contents.items()}


def read_both(directory):
    files = storage.read_files(directory, KIND, ["a", "b"])
    return {name: content.decode() for name, content in files.items()}


def run_script(script, directory, *arguments):
    """Run Python code in another process."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
