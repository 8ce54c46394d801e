"""Versions in files."""

import pytest

from textgen import __version__
from textgen.settings import is_newer


@pytest.mark.parametrize(
    ("version", "newer"),
    [(__version__, False), ("0.0.99", False), ("0.1", False), ("99.0", True), ("99.0.dev1", True)],
)
def test_versions_are_compared_by_their_numbers(version, newer):
    assert is_newer(version) == newer
