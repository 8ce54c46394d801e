"""docs/demo.html, the page that the tutorial shows."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from textgen.exporting.web.page import model_page

PAGE = Path(__file__).parents[3] / "docs/demo.html"


def test_it_generates(open_page):
    page = open_page(PAGE)
    assert page.get("name").inner_text() == "python-documentation"
    text = page.generate(seed="The ", length=300, random_seed=1)
    assert len(text) == len("The ") + 300 and len(set(text.split())) > 20


@pytest.fixture
def renew() -> Callable[[str], str]:
    """The function that puts the page as it is now around the model of another page."""
    specification = importlib.util.spec_from_file_location(
        "demo", PAGE.with_name("generate_demo.py")
    )
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    make_page: Callable[[str], str] = module.make_page
    return make_page


def test_it_is_renewed_around_its_model(renew):
    content = {"name": "a </script>"}
    page = renew(model_page(json.dumps(content), "other"))
    assert page == model_page(json.dumps(content), "a </script>")


def test_it_is_the_page_as_it_is_now(renew):
    page = PAGE.read_text(encoding="utf-8")
    assert renew(page) == page, "run `make docs`"


def test_it_is_small():
    assert PAGE.stat().st_size < 1_100_000
