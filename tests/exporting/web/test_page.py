"""Pages with a model in Chromium: what their users do with them."""

import re

import pytest

from tests.exporting.web.conftest import write_page
from tests.exporting.web.models import MERGES, lively_model

FIXED = {"seed": "the cab", "length": 120, "temperature": 0.9, "random_seed": 7}
OPTIONS = {"seed": "the cab", "length": 120, "temperature": 0.9, "randomSeed": 7}


def test_it_writes_what_the_engine_writes(open_page, page_file):
    page = open_page(page_file)
    assert page.text == "" and page.page.title() == "tales · textgen"
    assert page.get("about").inner_text() == "LSTM 24 · 38 characters · float16"
    text = page.generate(**FIXED, top_p=0.9, min_p=0.01)
    assert len(text) == 7 + 120
    assert text == page.engine_text(**OPTIONS, topP=0.9, minP=0.01)
    assert re.match(r"120 characters in [\d.]+ s; \d\.\d\d bits per character", page.status)
    assert page.generate() == text  # the random seed was typed, so it stays
    page.get("vary").check()
    assert page.generate() != text


def test_an_empty_seed_is_one_of_the_models(open_page, page_file):
    page = open_page(page_file)
    text = page.generate(seed="", length=10, random_seed=3)
    assert len(text) > 10 and text == page.generate()
    assert text.startswith(("the cab, a facade", "once upon a"))


def test_stop_works_at_once_and_continue_goes_on(open_page, page_file):
    page = open_page(page_file)
    page.fill(**FIXED | {"length": 100_000})
    page.press("generate")
    page.page.locator("#text span:nth-child(3)").first.wait_for()
    page.press("stop")
    assert page.get("generate").get_attribute("aria-disabled") == "false"
    stopped = page.text
    page.page.wait_for_timeout(150)
    assert page.text == stopped and 7 < len(stopped) < 90_000
    assert page.status.startswith("Stopped after ")
    page.fill(length=30)
    page.press("continue")
    page.wait()
    assert page.text.startswith(stopped) and len(page.text) == len(stopped) + 30


def test_choosing_another_character_branches(open_page, page_file):
    page = open_page(page_file)
    text = page.generate(**FIXED)
    page.click_place(40)
    considered = page.page.locator("#considered button")
    assert considered.count() == 10
    current = page.page.locator("#considered [aria-current]")
    if current.count():  # one of the ten likeliest
        assert visible(text[40]) in current.inner_text()
    other = considered.filter(has_not=page.page.locator("[aria-current]")).nth(3)
    name = other.locator("bdi").inner_text()
    other.click()
    page.wait()
    branched = page.text
    assert branched[:40] == text[:40] and visible(branched[40]) == name
    assert len(branched) == 41 + 120 and branched != text
    assert page.get("inspector").is_hidden()
    chosen = page.page.locator("#text .chosen")
    assert chosen.count() == 1 and chosen.text_content() == branched[40]
    page.press("undo")
    assert page.text == text
    page.press("redo")
    assert page.text == branched
    page.press("undo")
    page.press("undo")
    assert page.text == "" and page.get("undo").get_attribute("aria-disabled") == "true"


def visible(character: str) -> str:
    """A character as the page names it."""
    return {" ": "space", "\n": "line end"}.get(character, character)


def test_a_character_of_the_seed_can_be_replaced_too(open_page, page_file):
    page = open_page(page_file)
    page.generate(**FIXED)
    page.click_place(2)
    assert "in your seed" in page.get("place-facts").inner_text()
    page.page.locator("#considered button:not([aria-current])").first.click()
    page.wait()
    assert page.text[:2] == "th" and page.text[2] != "e" and len(page.text) == 3 + 120


def test_nothing_is_expected_before_the_first_character(open_page, page_file):
    page = open_page(page_file)
    text = page.generate(**FIXED)
    page.get("text").focus()
    page.page.keyboard.press("Control+Home")
    page.page.keyboard.press("Enter")
    page.get("error").filter(has_text="Nothing comes before this character").wait_for()
    assert page.get("inspector").is_hidden() and page.text == text


def test_a_line_end_can_be_opened(open_page, page_file):
    page = open_page(page_file)
    text = page.generate(**FIXED | {"length": 400})
    place = text.index("\n")
    page.get("text").focus()
    page.page.keyboard.press("Control+Home")
    for _ in range(text[:place].count("") - 1):
        page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("Enter")
    page.page.locator("#considered button").first.wait_for()
    assert page.get("place").inner_text() == "line end"


def test_the_next_character_is_shown_and_can_be_chosen(open_page, page_file):
    page = open_page(page_file)
    page.fill(**FIXED)
    page.page.wait_for_timeout(400)  # it follows the typing
    bars = page.page.locator("#next button")
    expected = page.page.evaluate(
        "async () => (await (await textgen.load()).predict('the cab')).map(({ text }) => text)"
    )
    assert [visible(text) for text in expected] == bars.locator("bdi").all_inner_texts()
    shares = [float(text.strip("< %")) for text in bars.locator(".share").all_inner_texts()]
    assert shares == sorted(shares, reverse=True) and 0 < sum(shares) <= 100.5
    bars.nth(1).click()
    assert page.text == "the cab" + expected[1]
    page.page.locator("#next button").nth(0).click()
    assert len(page.text) == 9
    page.press("undo")
    assert page.text == "the cab" + expected[1]


def test_five_continuations_of_which_one_is_kept(open_page, page_file):
    page = open_page(page_file)
    text = page.generate(**FIXED)
    page.press("five")
    page.wait()
    boxes = page.page.locator("#candidate-list .text")
    texts = boxes.all_text_contents()
    assert len(set(texts)) == 5
    assert {len(each) for each in texts} == {120}
    page.page.get_by_role("button", name="Keep continuation 3").click()
    assert page.text == text + texts[2]
    assert page.get("candidates").is_hidden()
    page.press("undo")
    assert page.text == text
    page.press("five")
    page.press("discard")
    assert page.text == text and page.get("candidates").is_hidden()


def test_documents_end_and_have_labels(open_page, document_file):
    page = open_page(document_file)
    assert page.get("length").input_value() == "10000"
    page.fill(random_seed=5, seed="ab")
    page.get("label-0").select_option("horror")
    page.get("label-1").select_option("none")
    page.press("document")
    page.wait()
    options = {"randomSeed": 5, "seed": "", "label": {"genre": "horror", "author": ""}}
    assert page.text == page.engine_text(**options)
    assert page.status.startswith("The document is complete: ")
    assert page.get("continue").get_attribute("aria-disabled") == "true"
    assert page.generate() == page.engine_text(**options | {"seed": "ab"})
    page.get("label-0").select_option("any, as in the corpus")
    page.get("label-1").select_option("Ann")
    text = page.generate()
    assert text == page.engine_text(**options | {"seed": "ab", "label": ["author=Ann"]})


def test_the_next_character_is_that_of_the_chosen_label(open_page, document_file):
    page = open_page(document_file)
    shares = page.page.locator("#next button")
    for genre in ("horror", "comedy"):
        page.get("label-0").select_option(genre)
        page.get("label-1").select_option("none")
        expected = page.page.evaluate(
            """async (genre) => {
              const model = await textgen.load();
              const choices = await model.predict("", { label: { genre } });
              return choices.map(({ probability }) => `${(100 * probability).toFixed(1)} %`);
            }""",
            genre,
        )
        shares.nth(0).filter(has_text=expected[0]).wait_for(timeout=3000)
        assert shares.locator(".share").all_inner_texts() == expected


def test_a_document_keeps_the_labels_that_were_drawn(open_page, document_file):
    page = open_page(document_file)
    text = page.generate(random_seed=5, seed="ab", length=2)
    assert len(text) == 4
    page.press("continue")
    page.wait()
    page.press("link")
    page.says("The link is")
    assert re.search(
        r"label=genre%3D(comedy&label=author%3DAnn|horror&label=author%3DBob)", page.page.url
    )


def test_a_document_can_be_ended_by_choice(open_page, document_file):
    page = open_page(document_file)
    # The end of a document is one of the ten likeliest tokens after this seed.
    seed = page.page.evaluate(
        """async () => {
          const model = await textgen.load();
          const letters = [..."abcdefghijklmnopqrstuvwxyz"];
          const seeds = letters.flatMap((first) => letters.map((second) => first + second));
          for (const seed of seeds) {
            if ((await model.predict(seed)).some(({ text }) => text === "")) return seed;
          }
        }"""
    )
    page.fill(random_seed=5, seed=seed)
    page.page.locator("#next button").filter(has_text="end of document").click()
    assert page.status == "The document ends here." and page.text == seed
    assert page.get("continue").get_attribute("aria-disabled") == "true"
    page.press("undo")
    assert page.text == ""


def test_five_documents_after_one_that_is_complete(open_page, document_file):
    page = open_page(document_file)
    text = page.generate(random_seed=5, seed="ab")
    page.press("five")
    page.wait()
    texts = page.page.locator("#candidate-list .text").all_text_contents()
    assert len(set(texts)) > 3
    page.page.get_by_role("button", name="Keep continuation 2").click()
    assert page.text == "ab" + texts[1] != text


def test_a_link_restores_everything_and_writes_the_same_text(open_page, document_file):
    page = open_page(document_file)
    page.get("label-0").select_option("horror")
    text = page.generate(
        seed="ab, 😀\n &=#%+c", temperature=1.1, top_p=0.95, min_p=0.01, length=300, random_seed=9
    )
    page.press("link")
    page.says("The link is on the clipboard.")
    fragment = "#" + page.page.url.partition("#")[2]
    other = open_page(document_file, fragment)
    assert other.text == ""
    assert other.get("seed").input_value() == "ab, 😀\n &=#%+c"
    assert other.get("label-0").locator("option:checked").inner_text() == "horror"
    assert other.get("label-1").locator("option:checked").inner_text() == "any, as in the corpus"
    other.page.wait_for_timeout(100)
    assert other.text == ""  # nothing is generated by itself
    assert other.generate() == text


def test_a_link_to_a_branch_writes_it_too(open_page, page_file):
    page = open_page(page_file)
    page.generate(**FIXED)
    page.click_place(60)
    page.page.locator("#considered button").nth(4).click()
    page.wait()
    page.press("link")
    page.says("The link is")
    fragment = "#" + page.page.url.partition("#")[2]
    assert open_page(page_file, fragment).generate() == page.text


def test_an_address_that_changes_is_followed(open_page, page_file):
    page = open_page(page_file)
    page.generate(**FIXED)
    page.page.evaluate("location.hash = '#seed=once+upon%0Aa&temperature=1.25&length=x'")
    page.page.locator("#temperature").evaluate(
        "input => new Promise((done) => setTimeout(done, 100))"
    )
    assert page.get("seed").input_value() == "once upon\na"
    assert page.get("temperature").input_value() == "1.25"
    assert page.get("length").input_value() == "120" and page.text.startswith("the cab")


def test_subwords(open_page, tmp_path):
    page = open_page(write_page(tmp_path, lively_model(merges=MERGES)))
    assert "subwords" in page.get("about").inner_text()
    assert page.get("next-title").inner_text() == "Next subword"
    text = page.generate(**FIXED | {"seed": "the ca"})  # it ends inside a subword
    assert text == page.engine_text(**OPTIONS | {"seed": "the ca"}) and len(text) == 6 + 120
    page.click_place(60)
    page.page.locator("#considered button").nth(5).click()
    page.wait()
    assert page.page.locator("#text .chosen").count() == 1
    assert page.text[:50] == text[:50] and page.text != text


def test_copied_texts(open_page, page_file):
    page = open_page(page_file, viewport={"width": 1000, "height": 2000})
    text = page.generate(**FIXED | {"length": 600})
    page.press("copy")
    page.says("The text is on the clipboard.")
    page.get("text").focus()
    page.page.keyboard.press("Control+c")  # nothing is selected
    page.get("seed").fill("")
    page.get("seed").press("Control+v")
    assert page.get("seed").input_value() == text and text.count("\n") > 1
    page.press("five")
    page.wait()
    for box in (page.get("text"), page.page.locator("#candidate-list .text").first):
        box.evaluate("box => { getSelection().selectAllChildren(box); box.focus(); }")
        page.page.keyboard.press("Control+c")
        page.get("seed").fill("")
        page.get("seed").press("Control+v")
        assert page.get("seed").input_value() == box.text_content()


def test_mistakes_are_told_in_a_sentence(open_page, page_file):
    page = open_page(page_file)
    page.generate(seed="a € b", length=10)
    assert re.fullmatch(
        r"Character 3, .*€.*, is not in the model's vocabulary; leave it out\.", page.error
    )
    assert page.text == "" and page.get("undo").get_attribute("aria-disabled") == "true"
    for name, value, words in (
        ("temperature", "", "The temperature must be a number from 0 to 100."),
        ("top_p", "0", "Top-p must be a number above 0 and at most 1."),
        ("length", "1.5", "The length must be a whole number from 1 to 100000."),
        ("random_seed", "-1", "The random seed must be a whole number from 0 to 4294967295."),
    ):
        before = page.get(name.replace("_", "-")).input_value()
        page.fill(seed="abc", **{name: value})
        page.press("generate")
        assert page.error == words
        page.fill(**{name: before})
    assert len(page.generate(length=10)) == 13 and page.error == ""


def test_browsers_that_lack_something(open_page, page_file):
    without_worker = open_page(page_file, before="delete window.Worker")
    assert "no web workers" in without_worker.error
    assert without_worker.get("generate").get_attribute("aria-disabled") == "true"
    # The engine computes in JavaScript then. A worker has its own globals.
    without_wasm = open_page(
        page_file,
        before="""
          const create = URL.createObjectURL;
          URL.createObjectURL = (blob) => create(new Blob(["delete self.WebAssembly;", blob]));
        """,
    )
    with_wasm = open_page(page_file)
    greedy = FIXED | {"temperature": 0}
    assert without_wasm.generate(**greedy) == with_wasm.generate(**greedy)


def test_a_page_of_ten_megabytes_stays_responsive(open_page, tmp_path):
    path = write_page(tmp_path, lively_model(units=(960,), embedding=32))
    assert path.stat().st_size > 10_000_000
    page = open_page(path)
    assert len(page.page.workers) == 1
    page.fill(**FIXED | {"length": 300})
    page.page.evaluate(
        """() => {
          window.gaps = [];
          let last = performance.now();
          const frame = (now) => {
            gaps.push(now - last);
            last = now;
            requestAnimationFrame(frame);
          };
          requestAnimationFrame(frame);
        }"""
    )
    page.press("generate")
    page.wait()
    assert len(page.text) == 307
    gaps = sorted(page.page.evaluate("gaps"))
    # A model that ran in the page would have blocked it for as long as it writes.
    assert len(gaps) > 8 and gaps[len(gaps) // 2] < 60 and gaps[-1] < 500


def test_a_long_text_is_drawn_quickly(open_page, page_file):
    page = open_page(page_file)
    text = page.generate(**FIXED | {"length": 10_000, "temperature": 1})
    assert len(text) == 10_007
    spans = page.page.locator("#text span").count()
    assert 1000 < spans < 9_000  # one for each run of the same colour
    milliseconds = page.page.evaluate(
        """() => {
          const began = performance.now();
          document.getElementById("undo").click();
          document.getElementById("redo").click();
          document.getElementById("text").getBoundingClientRect();
          return performance.now() - began;
        }"""
    )
    assert page.text == text and milliseconds < 2000


@pytest.mark.parametrize("file", ["page_file", "document_file"])
def test_an_old_telephone_shows_it_without_scrolling_sideways(open_page, request, file):
    page = open_page(request.getfixturevalue(file), viewport={"width": 320, "height": 480})
    width = "document.documentElement.scrollWidth"
    assert page.page.evaluate(width) == 320
    page.generate(seed="the cab" * 30, length=200, temperature=1)
    page.click_place(100)
    box = page.get("inspector").bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 320
    place = page.get("cursor").bounding_box()
    assert place is not None and place["y"] + place["height"] <= box["y"]
    page.page.keyboard.press("Escape")
    page.press("five")
    page.wait()
    box = page.get("candidates").bounding_box()
    assert box is not None and abs(box["y"]) < 100
    assert page.page.evaluate(width) == 320
