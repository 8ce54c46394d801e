"""docs/demo.html, the page that the tutorial shows."""

from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs/demo.html"


def test_it_generates(open_page):
    page = open_page(PAGE)
    assert page.get("name").inner_text() == "python-documentation"
    text = page.generate(seed="The ", length=300, random_seed=1)
    assert len(text) == len("The ") + 300 and len(set(text.split())) > 20


def test_it_is_small():
    assert PAGE.stat().st_size < 1_100_000
