"""Pages: what is on them, and that nothing a model wrote can act in them."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.analysis.source import source
from tests.model.changing import change_weights, sign
from textgen import compare, prepare, report
from textgen.analysis.comparison import comparison_page
from textgen.analysis.report import context_value
from textgen.errors import CorpusError, ModelError
from textgen.model import model_dir


@pytest.fixture
def copy(trained, tmp_path) -> Path:
    """A model directory to change."""
    return Path(shutil.copytree(trained, tmp_path / "copy"))


def rewrite(directory: Path, name: str, change) -> None:
    """Change a JSON file of a model directory."""
    data = json.loads((directory / name).read_text())
    (directory / name).write_text(json.dumps(change(data)))
    sign(directory)


SECTIONS = ("curves", "samples", "surprise", "confusions", "context", "units", "settings")


def sections(html: str) -> list[str]:
    return re.findall(r'<section id="(\w+)"', html)


@pytest.mark.parametrize("name", ["trained", "trained_on_windows"])
def test_a_page_has_all_its_parts(request, name):
    page = report(request.getfixturevalue(name))
    assert page.notes == ()
    assert sections(page.html) == list(SECTIONS)
    assert "the part of the corpus that training did not see" in page.html
    assert not re.search(r"""(src|href)=["']?(http|//)""", page.html)
    assert page.html.count("<svg") == 2
    assert report(request.getfixturevalue(name)) == page  # the same model, the same page


def test_a_page_for_another_text(trained):
    page = report(trained, [source("The king sang off the moon.\n")])
    html = page.html
    shown = re.search(r'id="surprises".*?</div>', html, re.S)
    assert shown is not None
    assert re.sub("<.*?>", "", shown[0].split(">", 1)[1]) == "The king sang o the moon.\n"
    assert len(page.notes) == 1 and page.notes[0].startswith("2 characters of the text are not in")
    with pytest.raises(CorpusError, match=r"\b5\b.*unknown"):
        report(trained, [source("ééééé")])
    with pytest.raises(CorpusError, match="two characters"):
        report(trained, [source("T")])


def context_section(html: str) -> str:
    section = re.search(r'<section id="context">.*?</section>', html, re.S)
    assert section is not None
    return section[0]


@pytest.fixture
def few_starts(monkeypatch):
    """A thousand windows show what context is worth as well as four thousand, in a fourth."""
    monkeypatch.setattr(context_value, "_MAX_STARTS", 1000)


@pytest.mark.usefixtures("few_starts")
def test_the_value_of_context_is_shown_with_its_errors_or_not_at_all(trained, text):
    long = context_section(report(trained, [source(text)]).html)
    assert "fill-opacity" in long and "standard errors" in long
    (first, error), (last, _) = re.findall(r"([\d.]+) ± ([\d.]+)", long)
    assert float(first) > float(last) + 1 and 0 < float(error) < 0.2
    assert "129 to 256 characters" in long and "chance" not in long
    short = context_section(report(trained, [source(text[:60])]).html)
    assert "A text of 60 characters is too short" in short
    assert "<svg" not in short and "bits" not in short


@pytest.mark.usefixtures("few_starts")
def test_a_difference_that_chance_explains_is_called_so(copy, text):
    def no_network(file):
        # Context changes nothing, and what each character is given does not depend on the training.
        bias = file["layers/dense/vars/1"]
        bias[...] = np.linspace(0, 2, len(bias))
        file["layers/dense/vars/0"][...] = 0

    change_weights(copy, no_network)
    html = context_section(report(copy, [source(text)]).html)
    assert "chance makes as large a difference" in " ".join(html.split())


def test_a_page_without_text_or_history(copy):
    shutil.rmtree(copy / "cache")
    page = report(copy)
    assert sections(page.html) == ["curves", "samples", "settings"]
    assert len(page.notes) == 1 and "textgen report" in page.notes[0]
    rewrite(copy, "history.json", lambda _: {})
    page = report(copy, [source("The king sang.")])
    assert "curves" not in sections(page.html) and "units" in sections(page.html)
    assert page.notes == ("the model has no history: the page has no curves",)
    rewrite(copy, "history.json", lambda _: {"epochs": [3]})
    with pytest.raises(ModelError, match=r"history\.json: damaged"):
        report(copy)


def test_a_text_that_is_no_more_the_models_own_is_not_shown_as_such(copy):
    def fewer(settings):
        settings["corpus"]["characters"] -= 1
        return settings

    rewrite(copy, "settings.json", fewer)
    assert "surprise" not in sections(report(copy).html)


def test_another_text_of_the_same_length_is_not_shown_either(copy, text):
    prepare([source(text)], copy / "cache", force=True)
    assert "surprise" not in sections(report(copy).html)


ATTACK = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"


def test_generated_text_is_escaped(copy):
    def attack(data):
        if isinstance(data, str):
            return ATTACK
        if isinstance(data, list):
            return [attack(value) for value in data]
        return (
            {name: attack(value) for name, value in data.items()}
            if isinstance(data, dict)
            else data
        )

    rewrite(copy, "history.json", attack)

    def name(settings):
        settings["command"] = ["train", ATTACK]
        settings["corpus"]["sources"][0]["name"] = ATTACK.replace("/", "")
        settings["versions"] = {ATTACK: ATTACK}
        return settings

    rewrite(copy, "settings.json", name)
    html = report(copy, [source("The king sang.")]).html
    for page in (html, comparison_page(compare([copy]))):
        assert "alert(1)</script>" not in page and "<img" not in page
    assert "{{7*7}}" in html
    scripts = re.findall(r"<script[^>]*>", html)
    assert len(scripts) == 3


@pytest.mark.parametrize(
    "change",
    [{"command": [3]}, {"command": 3}, {"versions": []}, {"corpus": {"sources": [{}]}}],
)
def test_notes_that_training_does_not_write_are_refused(copy, change):
    rewrite(copy, "settings.json", lambda settings: {**settings, **change})
    with pytest.raises(ModelError, match="damaged"):
        model_dir.read_model(copy)


def test_names_may_be_anything(copy, tmp_path):
    """Dollars are no mathematics, and what is no text is shown as far as it can be."""
    odd = tmp_path / "a$b$ \udce9\x1b"
    copy.rename(odd)

    def name(settings):
        settings["corpus"]["sources"][0]["name"] = settings["command"][0] = "caf\udce9.txt"
        return settings

    rewrite(odd, "settings.json", lambda data: name({**data, "command": ["x"]}))
    html = report(odd).html
    assert "caf\ufffd.txt" in html and "a$b$ \ufffd\ufffd" in html
    html.encode()
    comparison_page(compare([odd, odd])).encode()


def test_weights_that_give_no_numbers_are_reported(copy):
    def change(file):
        for name in ("layers/dense/vars/0", "layers/dense/vars/1"):
            file[name][...] = 3e38

    change_weights(copy, change)
    with pytest.raises(ModelError, match="weights"):
        report(copy)


@pytest.mark.framework
def test_models_side_by_side(trained, trained_on_windows, text):
    first, second = compare([trained, trained_on_windows], [source(text[-400:])])
    assert (first.units, second.units) == ((48,), (24, 20))
    assert first.epochs == 20 and first.loss is not None and first.loss < 2
    assert first.best_loss == min(point.selection_loss for point in first.history.validations)
    assert first.to_json()["parameters"] == first.parameters and "history" not in first.to_json()
    html = comparison_page([first, second])
    assert html.count("<svg") == 2 and "bits on this text" in html
    assert {first.rank, second.rank} == {1, 2}
    assert str(trained) in html


@pytest.fixture
def spaces_only(trained, tmp_path) -> Path:
    """A model that knows three characters of the text and predicts a space after each."""
    copy = Path(shutil.copytree(trained, tmp_path / "spaces"))

    def always_a_space(file):
        file["layers/dense/vars/0"][...] = 0
        file["layers/dense/vars/1"][...] = [30 if value == 1 else 0 for value in range(size)]

    characters = json.loads((copy / "vocabulary.json").read_text())["characters"]
    size = len(characters)
    assert characters[:3] == "\n !"
    private = "".join(chr(0xE000 + number) for number in range(size - 3))
    rewrite(copy, "vocabulary.json", lambda data: {**data, "characters": "\n !" + private})
    change_weights(copy, always_a_space)
    return copy


def test_models_are_ranked_by_what_they_can_say_of_the_whole_text(trained, spaces_only, text):
    part = "The cat sat on the mat. A dog ran to a hill."
    few: Any
    all_of_it: Any
    few, all_of_it = compare([spaces_only, trained], [source(part)])
    assert few.loss is not None and few.loss < 0.01 < all_of_it.loss  # over spaces alone
    assert few.coverage == pytest.approx(part.count(" ") / len(part)) and all_of_it.coverage == 1
    assert (few.rank, all_of_it.rank) == (2, 1)
    assert few.charged_bits_per_character > 15 > all_of_it.charged_bits_per_character
    assert all_of_it.charged_bits_per_character == all_of_it.bits_per_character
    assert few.to_json()["coverage"] == few.coverage and few.to_json()["rank"] == 2
    html = comparison_page([few, all_of_it])
    assert re.findall(r'<td class="number">(\d)</td></tr>', html) == ["2", "1"]
    assert '<td class="number">25.0%</td>' in html and "100%" in html and "20.09" in html


def test_a_model_that_knows_nothing_of_a_text_comes_last(trained, spaces_only):
    nothing, something = compare([spaces_only, trained], [source("Thecatsatonthemat")])
    assert (nothing.loss, nothing.coverage, nothing.rank) == (None, 0, 2)
    assert nothing.charged_bits_per_character == pytest.approx(20.087, abs=1e-3)
    assert something.rank == 1 and ">0%<" in comparison_page([nothing, something])
    with pytest.raises(CorpusError, match="two characters"):
        compare([trained], [source("T")])


def test_models_that_read_another_text_have_no_rank(trained, copy):
    def lower(settings):
        settings["corpus"]["settings"]["lowercase"] = True
        return settings

    rewrite(copy, "settings.json", lower)
    assert [value.rank for value in compare([trained, copy], [source("The cat sat.")])] == [
        None,
        None,
    ]
    assert [value.rank for value in compare([trained, copy], [source("the cat sat.")])] == [1, 1]
    assert [value.rank for value in compare([trained, copy])] == [None, None]
