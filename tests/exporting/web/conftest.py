"""The engine, wherever it can run."""

import pytest

from tests.exporting.web.engines import NODE, ChromiumEngine, Engine, NodeEngine


@pytest.fixture(scope="session", params=["chromium", "node"])
def engine(request, tmp_path_factory) -> Engine:
    """The engine in Chromium and, where it is installed, in Node."""
    if request.param == "chromium":
        return ChromiumEngine(request.getfixturevalue("browser"))
    if NODE is None:
        pytest.skip("no Node here; Chromium runs these tests, too")
    return NodeEngine(tmp_path_factory.mktemp("engine"))
