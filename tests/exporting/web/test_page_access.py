"""Pages for everybody: the keyboard, screen readers, themes, scripts; and hostile models."""

import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from tests.exporting.web.conftest import write_page
from tests.exporting.web.models import CONTINUOUS, ROWS, lively_model
from textgen.exporting.web.model_file import write_model_file
from textgen.exporting.web.page import model_page, server_page
from textgen.model.model_dir import TrainedModel
from textgen.sampling.network import weight_specs
from textgen.text.documents.labels import LabelField, Labels
from textgen.text.vocabulary import Vocabulary

FIXED = {"seed": "the cab", "length": 120, "temperature": 0.9, "random_seed": 7}


def model_with(characters: str, labels: Labels | None = None) -> TrainedModel:
    """A model with other characters; with labels, of documents."""
    trained = lively_model(corpus=ROWS if labels else CONTINUOUS, labels=labels)
    vocabulary = Vocabulary("".join(sorted(set(characters))), False, labels is not None)
    seeds = () if labels else (characters,)
    record = replace(trained.record, vocabulary=vocabulary, seeds=seeds)
    generator = np.random.default_rng(3)
    weights = [
        generator.standard_normal(spec.shape).astype(np.float32)
        for spec in weight_specs(record.settings.model, vocabulary.size)
    ]
    return replace(trained, record=record, weights=weights)


def test_the_keyboard_alone_is_enough(open_page, page_file):
    page = open_page(page_file)
    press = page.page.keyboard.press

    def focused() -> str:
        return str(page.page.evaluate("document.activeElement.id"))

    def tab_to(name: str) -> None:
        for _ in range(60):
            if focused() == name:
                return
            press("Tab")
        pytest.fail(f"Tab does not lead to {name}")

    page.fill(random_seed=7, length=60)
    page.page.evaluate("document.activeElement.blur()")
    tab_to("seed")
    press("Control+a")
    page.page.keyboard.type("the cab")
    press("Control+Enter")
    page.wait()
    text = page.text
    assert len(text) == 67
    tab_to("text")
    press("Control+Home")
    for _ in range(12):
        press("ArrowRight")
    press("ArrowLeft")
    spoken = page.get("spoken").inner_text()
    assert re.fullmatch(r".+, (< )?[\d.]+ %", spoken), spoken
    press("Enter")
    page.page.locator("#considered button:focus").wait_for()
    press("ArrowDown")
    press("ArrowUp")
    press("ArrowUp")
    press("Escape")
    assert focused() == "text" and page.get("inspector").is_hidden()
    press("Enter")
    page.page.locator("#considered button:focus").wait_for()
    press("ArrowRight")  # to the next character, with the box open
    page.page.locator("#considered button:focus").wait_for()
    for _ in range(10):
        press("ArrowUp")
    press("ArrowDown")
    press("Enter")
    page.wait()
    assert page.text[:12] == text[:12] and page.text[:13] != text[:13] and focused() == "text"
    press("Control+z")
    assert page.text == text
    press("Control+y")
    assert page.text != text
    page.fill(length=100_000)
    press("Control+Enter")
    page.page.locator("body.running").wait_for()
    press("Escape")
    assert page.status.startswith("Stopped after ")


def test_the_cursor_stays_in_a_text_that_became_shorter(open_page, page_file):
    page = open_page(page_file)
    page.get("text").focus()
    page.page.keyboard.press("ArrowRight")  # there is no text yet
    page.generate(**FIXED)
    page.get("text").focus()
    for key in ("ArrowRight", "Control+End", "ArrowUp", "Home", "ArrowDown", "End"):
        page.page.keyboard.press(key)
    page.generate(seed="abc", length=2)
    page.get("text").focus()
    page.page.keyboard.press("ArrowLeft")
    page.page.keyboard.press("Enter")
    page.page.locator("#considered button").first.wait_for()
    assert page.get("place").text_content() in (page.text[3], {" ": "space"}.get(page.text[3]))


def test_a_screen_reader_finds_a_name_for_everything(open_page, document_file):
    page = open_page(document_file)
    page.generate(seed="ab", random_seed=3)
    page.press("undo")
    page.press("five")
    page.wait()
    page.generate(seed="ab", length=60, random_seed=4)
    page.click_place(1)
    lines = page.page.locator("body").aria_snapshot().splitlines()
    roles = re.compile(
        r"- (button|textbox|spinbutton|slider|checkbox|combobox|dialog|region)\b(.*)"
    )
    found = [match for line in lines if (match := roles.search(line))]
    assert len(found) > 35
    assert [match[0] for match in found if not re.match(r' "[^"]*\w', match[2])] == []
    snapshot = "\n".join(lines)
    for role in ("banner", "main", "complementary", "contentinfo", 'form "Seed and settings"'):
        assert f"- {role}" in snapshot
    assert 'heading "tales" [level=1]' in snapshot and 'textbox "Text"' in snapshot


def test_a_screen_reader_is_told_once(open_page, page_file):
    """Text that is added in a live region is read out; only what is said at the end is there."""
    page = open_page(page_file)
    page.page.evaluate(
        """() => {
          window.spoken = [];
          new MutationObserver((changes) => {
            for (const { target } of changes) {
              const element = target.nodeType === 1 ? target : target.parentElement;
              const live = element?.closest("[aria-live], [role=status], [role=alert]");
              if (live?.textContent) spoken.push(live.textContent);
            }
          }).observe(document.body, { childList: true, characterData: true, subtree: true });
        }"""
    )
    page.generate(**FIXED | {"length": 2000})
    spoken = page.page.evaluate("spoken")
    assert len(spoken) == 1 and spoken[0].startswith("2,000 characters in ")


CONTRASTS = """() => {
  const rgb = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (colour) => {
    const [red, green, blue] = rgb(colour).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const background = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (rgb(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.closest("script, [aria-disabled=true]")) continue;
    const [one, other] = [getComputedStyle(element).color, background(element)].map(light);
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) low.push(`${element.outerHTML.slice(0, 80)}: ${contrast.toFixed(2)}`);
  }
  return low;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(open_page, page_file, scheme):
    page = open_page(page_file, color_scheme=scheme)
    ground = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(re.findall(r"\d+", ground)[0]) > 128) == (scheme == "light")
    page.page.locator("summary").last.click()
    page.generate(**FIXED | {"temperature": 3, "length": 400})
    page.click_place(30)
    assert page.page.locator("#text .level3").count() > 0
    assert page.page.evaluate(CONTRASTS) == []


def test_the_theme_can_be_chosen_and_stays(open_page, page_file):
    page = open_page(page_file, color_scheme="light")
    theme = "document.documentElement.dataset.theme"
    assert page.page.evaluate(theme) == "light"
    page.press("theme")
    assert page.page.evaluate(theme) == "dark"
    assert page.get("theme").get_attribute("aria-pressed") == "true"
    page.page.reload()
    assert page.page.evaluate(theme) == "dark"


def test_colours_can_be_turned_off(open_page, page_file):
    page = open_page(page_file)
    page.generate(**FIXED)
    span = page.page.locator("#text .level2").first
    colour = "span => getComputedStyle(span).backgroundColor"
    assert span.evaluate(colour) != "rgba(0, 0, 0, 0)"
    page.get("coloured").uncheck()
    assert span.evaluate(colour) == "rgba(0, 0, 0, 0)" and page.get("levels").is_hidden()


ATTACK = "</script><img src=x onerror=alert(1)><!--&amp;'\"`${x}\u2028\u2029\u202e\x1b\\"


def test_a_hostile_model_is_only_text(open_page, tmp_path):
    labels = Labels((LabelField(ATTACK, (ATTACK,), (7,)),), (((1,), 7),))
    name = f"{ATTACK} tales"
    path = tmp_path / "page.html"
    model = model_with(ATTACK + "abc", labels)
    path.write_text(model_page(write_model_file(model, name).decode(), name), encoding="utf-8")
    page = open_page(path)
    assert page.get("name").text_content() == name
    assert page.page.locator("label[for=label-0]").text_content() == ATTACK
    text = page.generate(seed=ATTACK, random_seed=1, length=300)
    assert text.startswith(ATTACK)
    page.click_place(2)
    page.page.keyboard.press("Escape")
    assert page.page.locator("img, #text :not(div):not(span)").count() == 0
    assert page.page.title().startswith("</script><img src=x onerror=alert(1)>")


@pytest.mark.parametrize(
    ("characters", "direction"),
    [
        ("שלום עולם\nאבג", "rtl"),
        ("مرحبا بالعالم\nَُِ", "rtl"),
        ("e\u0301a\u0308o\u0302 \nn\u0303", "ltr"),
    ],
)
def test_other_scripts(open_page, tmp_path, characters, direction):
    page = open_page(write_page(tmp_path, model_with(characters)))
    text = page.generate(seed=characters, length=200, random_seed=2, temperature=1)
    assert text.startswith(characters) and len(text) == len(characters) + 200
    line = page.page.locator("#text > div").first
    assert line.evaluate("line => getComputedStyle(line).direction") == direction
    # A mark is drawn together with its letter: no element begins with it, except in a new line.
    broken = page.page.locator("#text span").evaluate_all(
        """(spans) => spans.filter((span) =>
          span.previousElementSibling && /^\\p{M}/u.test(span.textContent)).length"""
    )
    assert broken == 0
    page.get("text").focus()
    page.page.keyboard.press("Control+Home")
    forwards, backwards = ("ArrowLeft", "ArrowRight")[:: 1 if direction == "rtl" else -1]
    page.page.keyboard.press(forwards)
    page.page.keyboard.press(forwards)
    page.page.keyboard.press(backwards)
    page.page.keyboard.press("Enter")
    page.page.locator("#considered button").first.wait_for()
    assert characters[1] in (page.get("place").text_content() or "")


def test_the_scripts_are_sound_and_the_policy_is_strict(page_file, tmp_path):
    html = page_file.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None and policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy[1] and "connect-src 'none'" in policy[1]
    served = server_page()
    assert served.policy in served.html and "connect-src 'self'" in served.policy
    assert "http://" not in served.html and "https://" not in served.html
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node here to check the scripts")
    # Two modules that define the same name would be an error when they are joined.
    script = re.search(r'<script type="module">(.*)</script>', served.html, re.DOTALL)
    assert script is not None
    (tmp_path / "page.mjs").write_text(script[1], encoding="utf-8")
    subprocess.run([node, "--check", "page.mjs"], cwd=tmp_path, check=True)
