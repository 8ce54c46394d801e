"""`textgen report` and `textgen compare`, as their users run them and in a browser."""

import json
import math
import os
import re
import shutil
from pathlib import Path

import keras
import pytest

from tests.model.changing import sign


def models(*directories):
    return [word for directory in directories for word in ("--model", directory)]


def test_a_page_is_written_once(textgen, trained, tmp_path):
    done = textgen("report", "--model", trained)
    assert done.returncode == 0 and done.stdout == ""
    assert done.stderr.startswith("textgen: wrote report.html (")
    page = tmp_path / "report.html"
    assert page.stat().st_size < 3_000_000
    again = textgen("report", "--model", trained)
    assert again.returncode == 1 and "report.html: exists" in again.stderr
    assert len(again.stderr.splitlines()) == 1
    page.write_text("other")
    assert textgen("report", "--force", TEXTGEN_MODEL=str(trained)).returncode == 0
    assert page.read_text().startswith("<!doctype html>")
    piped = textgen("report", "--model", trained, "-o", "-")
    assert piped.stdout == page.read_text() and piped.stderr == ""


def test_wrong_uses(textgen, trained, tmp_path):
    (tmp_path / "odd.txt").write_text("ééé")
    for arguments, status, says in (
        (("report", "--model", "nothing"), 1, "no such model directory"),
        (("report", "--model", trained, "-o", "no/such.html"), 1, "name another one"),
        (("report", "--model", trained, "-o", "."), 1, "name another one"),
        (("report", "--model", trained, "odd.txt"), 1, "3 of them unknown"),
        (("report", "--model", trained, "no.txt"), 1, "no.txt"),
        (("compare",), 2, "no models"),
        (("compare", "--model", trained, "--model", "nothing"), 1, "no such model directory"),
    ):
        done = textgen(*arguments)
        assert (done.returncode, says in done.stderr) == (status, True), done.stderr
        assert len(done.stderr.splitlines()) == 1 and done.stdout == ""
    assert not (tmp_path / "report.html").exists()


def test_models_in_a_table(textgen, trained, trained_on_windows, tmp_path):
    done = textgen("compare", *models(trained, trained_on_windows))
    assert done.returncode == 0 and done.stderr == ""
    head, first, second = done.stdout.splitlines()
    assert head.split()[0] == "model" and first.split()[0] == str(trained)
    assert "LSTM 24,20" in second and len(head) == len(first) == len(second)
    page = textgen(
        *("compare", "--model", trained, "-", "-o", "two.html", "--format", "json"), stdin="a cat"
    )
    assert json.loads(page.stdout)[0]["loss"] > 0
    assert (tmp_path / "two.html").read_text().startswith("<!doctype html>")
    # What training changes: without the fixed matrix of one-hot input.
    rows = json.loads(textgen("compare", "--model", trained_on_windows, "--format", "json").stdout)
    model = keras.models.load_model(trained_on_windows / "model.keras")
    trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    assert rows[0]["parameters"] == trainable < model.count_params()


def test_models_on_a_text_are_ranked(textgen, trained, trained_on_windows, tmp_path):
    (tmp_path / "odd.txt").write_text("The cat sät on the mat. A dog ran to a hill.\n")
    done = textgen("compare", *models(trained, trained_on_windows), "odd.txt")
    head, first, second = done.stdout.splitlines()
    assert done.returncode == 0 and done.stderr == ""
    assert re.search(r"best loss +on text +coverage +bits of all +rank$", head)
    assert {first.split()[-1], second.split()[-1]} == {"1", "2"} and " 97.8% " in first
    settings = shutil.copytree(trained, tmp_path / "lower") / "settings.json"
    data = json.loads(settings.read_text())
    data["corpus"]["settings"]["lowercase"] = True
    settings.write_text(json.dumps(data))
    sign(tmp_path / "lower")
    done = textgen("compare", *models(trained, "lower"), "odd.txt", "--format", "json")
    assert [row["rank"] for row in json.loads(done.stdout)] == [None, None]
    assert "textgen: no ranks: the models read different texts" in done.stderr


def test_a_pipe_is_read_for_one_model_only(textgen, trained, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for text in ("-", "pipe"):
        done = textgen("compare", *models(trained, trained), text, stdin="The cat")
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{text} can be read only once" in done.stderr


@pytest.fixture(scope="module")
def page_file(trained, tmp_path_factory) -> Path:
    from textgen import report

    path: Path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report(trained).html, encoding="utf-8")
    return path


@pytest.fixture
def page(browser, page_file):
    """The page in a browser, and what went wrong in it: messages, and requests to anywhere."""
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    address = page_file.as_uri()
    page.on(
        "request",
        lambda request: (
            None
            if request.url == address or request.url.startswith("data:")
            else wrong.append(request.url)
        ),
    )
    page.goto(address)
    yield page
    page.close()
    assert wrong == []


def test_a_browser_shows_all_parts(page):
    for part in ("curves", "samples", "surprise", "confusions", "context", "units", "settings"):
        assert page.locator(f"#{part} h2").is_visible()
    assert page.locator("figure svg").count() == 2
    assert page.locator("#confusions tbody tr").count() > 5


def test_pointing_at_a_character_shows_what_was_expected(page):
    tip = page.locator("#expected")
    assert tip.is_hidden()
    character = page.locator("#surprises span").nth(40)
    character.hover()
    assert tip.is_visible() and "bits, rank" in tip.inner_text()
    assert tip.locator("tr").count() == 5
    before = tip.inner_text()
    page.locator("#surprises").focus()
    page.keyboard.press("ArrowRight")
    assert tip.is_visible() and tip.inner_text() != before
    page.keyboard.press("Escape")
    assert tip.is_hidden()


def test_choosing_a_unit_colours_the_text(page):
    def grounds():
        return page.locator("#activations span").evaluate_all(
            "spans => spans.slice(0, 60).map(span => span.style.background)"
        )

    first = grounds()
    assert len(set(first)) > 3
    # A unit may be ranked under several names, the one that is shown as well.
    other = page.locator("[data-unit][aria-pressed='false']").first.get_attribute("data-unit")
    button = page.locator(f"[data-unit='{other}']").first
    button.click()
    second = grounds()
    assert second != first and button.get_attribute("aria-pressed") == "true"
    assert "tracks" in page.locator("#tracks").inner_text()
    shown = page.locator("#unit").input_value()
    page.locator("#unit").fill("7" if shown != "7" else "8")
    assert grounds() != second
    page.locator("#unit").fill("9999")  # the last one then
    assert len(set(grounds())) > 1


def test_a_slider_goes_through_the_samples(page):
    shown = page.locator(".moment:visible")
    assert shown.count() == 1 and "Epoch 20" in shown.inner_text()
    page.locator("#moment").fill("0")
    assert shown.count() == 1 and "Epoch 0." in shown.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone_shows_it_without_scrolling_sideways(browser, page_file, scheme):
    page = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(int(part) for part in ground[4:-1].split(",")) > 380
    assert light == (scheme == "light")
    page.close()
