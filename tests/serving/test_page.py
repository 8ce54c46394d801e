"""The page of a server, in Chromium."""

from collections.abc import Iterator

import pytest

from tests.exporting.web.driver import WebPage
from tests.serving.serving import serve

FIXED = {"seed": "abc", "length": 60, "temperature": 0.9, "random_seed": 7}
REQUEST = {"max_tokens": 60, "temperature": 0.9, "seed": 7}


@pytest.fixture
def page(browser, server) -> Iterator[WebPage]:
    context = browser.new_context(reduced_motion="reduce")
    page = WebPage(context, f"{server.server.address}/")
    yield page
    context.close()
    assert page.wrong == []


def test_it_writes_what_the_server_writes(page, server):
    assert page.get("name").inner_text() == "letters"
    text = page.generate(**FIXED)
    assert text == "abc" + server.texts(model="letters", prompt="abc", **REQUEST)[0]
    assert page.page.locator("#text .level1, #text .level2, #text .level3").count() > 5
    page.page.locator("#next button").nth(9).wait_for()
    page.click_place(20)
    page.page.locator("#considered button").last.click()
    page.wait()
    assert page.text[:20] == text[:20] and len(page.text) == 21 + 60
    text = page.text
    page.fill(length=10)
    page.press("continue")
    page.wait()
    assert page.text.startswith(text) and len(page.text) == len(text) + 10
    page.press("five")
    page.wait()
    assert {
        len(text) for text in page.page.locator("#candidate-list .text").all_text_contents()
    } == {10}


def test_models_can_be_chosen_and_are_in_links(page, server, browser):
    page.get("model").select_option("titles")
    page.get("label-0").select_option("horror")
    text = page.generate(**FIXED)
    expected = server.texts(model="titles", prompt="abc", label="genre=horror", **REQUEST)[0]
    assert text == "abc" + expected
    page.press("link")
    page.says("The link is on the clipboard.")
    context = browser.new_context()
    other = WebPage(context, page.page.url)
    assert other.get("model").input_value() == "titles" and other.text == ""
    assert other.generate() == text
    context.close()
    page.get("model").select_option("words")
    assert page.get("next-title").inner_text() == "Next subword"
    assert len(page.generate(**FIXED)) == 63


def test_stop_ends_the_request(page, server):
    page.fill(**FIXED | {"length": 10_000})
    page.press("generate")
    page.page.locator("#text .level0, #text .level1").first.wait_for()
    page.page.keyboard.press("Escape")
    assert page.status.startswith("Stopped after ") and len(page.text) < 9_000


def test_the_servers_errors_are_shown(browser, server):
    context = browser.new_context(reduced_motion="reduce")
    page = WebPage(context, f"{server.server.address}/")
    page.generate(**FIXED | {"seed": "a€"})
    assert "€" in page.error and page.error.endswith(".")
    context.close()
    # A browser writes a line about each answer of 400, sooner or later.
    assert all("400" in line for line in page.wrong)


def test_a_server_with_a_key_asks_for_it(browser, served_models):
    with serve({"letters": served_models["letters"]}, key="secret") as running:
        context = browser.new_context()
        page = WebPage(context, f"{running.server.address}/")
        assert "key" in page.error
        page.get("key").fill("wrong: ☃")
        page.get("key").press("Enter")
        page.get("error").filter(has_text="wrong").wait_for()
        page.get("key").fill("secret")
        page.get("key").press("Tab")
        page.page.locator("#generate[aria-disabled=false]").wait_for()
        assert page.get("key-field").is_hidden()
        assert len(page.generate(**FIXED)) == 63
        context.close()
        # A browser writes a line about each answer of 401.
        assert all("401" in line for line in page.wrong)
