"""The engine, wherever it can run, and pages in Chromium."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.exporting.web.driver import WebPage
from tests.exporting.web.engines import NODE, ChromiumEngine, Engine, NodeEngine
from tests.exporting.web.models import ROWS, lively_model
from textgen.exporting.web.model_file import write_model_file
from textgen.exporting.web.page import model_page
from textgen.model.model_dir import TrainedModel
from textgen.text.documents.labels import LabelField, Labels

LABELS = Labels(
    (
        LabelField("genre", ("comedy", "horror"), (7, 9)),
        LabelField("author", ("Ann", "Bob"), (7, 9)),
    ),
    (((1, 1), 7), ((2, 2), 9)),
)
OpenPage = Callable[..., WebPage]


@pytest.fixture(scope="session", params=["chromium", "node"])
def engine(request, tmp_path_factory) -> Iterator[Engine]:
    """The engine in Chromium and, where it is installed, in Node."""
    if request.param == "chromium":
        yield ChromiumEngine(request.getfixturevalue("browser"))
        return
    if NODE is None:
        pytest.skip("no Node here; Chromium runs these tests, too")
    in_node = NodeEngine(tmp_path_factory.mktemp("engine"))
    yield in_node
    in_node.close()


def write_page(directory: Path, model: TrainedModel, name: str = "tales") -> Path:
    """A page with a model."""
    path = directory / "page.html"
    path.write_text(model_page(write_model_file(model, name).decode(), name), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def page_file(tmp_path_factory) -> Path:
    """The page of a model of one continuous text."""
    return write_page(tmp_path_factory.mktemp("page"), lively_model())


@pytest.fixture(scope="session")
def document_file(tmp_path_factory) -> Path:
    """The page of a model of documents with labels."""
    model = lively_model(corpus=ROWS, labels=LABELS)
    return write_page(tmp_path_factory.mktemp("documents"), model)


@pytest.fixture
def open_page(browser) -> Iterator[OpenPage]:
    """Opens a page without a network, and sees to it that nothing goes wrong in it."""
    pages = []

    def open_file(path: Path, fragment: str = "", before: str = "", **options) -> WebPage:
        context = browser.new_context(offline=True, reduced_motion="reduce", **options)
        page = WebPage(context, path.as_uri() + fragment, before)
        pages.append(page)
        return page

    yield open_file
    for page in pages:
        page.context.close()
    assert [line for page in pages for line in page.wrong] == []
