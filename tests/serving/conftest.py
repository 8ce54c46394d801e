"""A server that most tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.serving import Running, save_models, serve


@pytest.fixture(scope="session")
def served_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Model directories; tests must not change them."""
    return save_models(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def server(served_models: dict[str, Path]) -> Iterator[Running]:
    """A server with these models."""
    with serve(served_models) as running:
        yield running
