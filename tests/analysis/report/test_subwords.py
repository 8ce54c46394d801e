"""Pages about models with subwords."""

import json
import math
import re
from typing import Any

import numpy as np
import pytest

from tests.analysis.models import LETTERS, MERGES, random_model, save_model
from tests.analysis.source import source
from tests.analysis.test_document_scores import LINES, NONE
from textgen import inspect, report
from textgen.analysis.document_scores import DocumentScorer
from textgen.analysis.evaluation import evaluate
from textgen.analysis.model_text import named_text
from textgen.analysis.report import charts, context_value, document_values
from textgen.analysis.report.confusions import find_confusions
from textgen.analysis.report.text_values import read_named_text
from textgen.analysis.report.trace import cut_trace, trace_text
from textgen.text.vocabulary import Vocabulary

WORDS = ("abba", " chabb", " fae", "\n", " ch", "  chab", "fab", "d")
VOCABULARY = Vocabulary(LETTERS, merges=MERGES)


def write_text(words: int) -> str:
    generator = np.random.default_rng(3)
    return "".join(WORDS[number] for number in generator.integers(len(WORDS), size=words))


TEXT = write_text(300)


@pytest.fixture
def trained():
    return random_model(NONE, merges=MERGES)


@pytest.fixture
def model(trained, tmp_path):
    return save_model(trained, tmp_path / "model")


@pytest.fixture
def trace(trained):
    return trace_text(trained.network(), VOCABULARY.encode(TEXT), VOCABULARY, None)


def parse_script(html: str, name: str) -> Any:
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', html, re.S)
    assert found is not None
    return json.loads(found[1])


def test_surprises_are_those_of_inspect(trace, model):
    ours, theirs = list(trace.surprises(VOCABULARY, 200)), list(inspect([source(TEXT)], model))
    theirs = theirs[: len(ours)]
    assert 200 <= len(ours) < 232  # the last token is whole
    assert "".join(surprise.character for surprise in ours) == TEXT[: len(ours)]
    for name in ("rank", "token", "character"):
        assert [getattr(s, name) for s in ours] == [getattr(s, name) for s in theirs]
    assert [surprise.bits or 0 for surprise in ours] == pytest.approx(
        [surprise.bits or 0 for surprise in theirs], abs=1e-5
    )


def test_activations_are_repeated_for_the_characters_of_a_token(trace, trained):
    assert trace.text == TEXT
    assert [layer.shape for layer in trace.activations] == [(len(TEXT), 6), (len(TEXT), 5)]
    reader, place = trained.network().reader(), 0
    for token_id in VOCABULARY.encode(TEXT).tolist():
        reader.step(token_id)
        length = len(VOCABULARY.table[token_id])
        for ours, theirs in zip(trace.activations, reader.activations(), strict=True):
            assert ours[place : place + length] == pytest.approx(np.tile(theirs, (length, 1)))
        place += length


def test_few_enough_characters_are_traced(trained, monkeypatch):
    from textgen.analysis.report import trace as module

    ids = VOCABULARY.encode("abba chabbad")  # abba, " ch", abba, d
    monkeypatch.setattr(module, "_MAX_CHARACTERS", 10)
    assert [len(cut_trace(trained.network(), ids, VOCABULARY)), len(ids)] == [2, 4]
    monkeypatch.setattr(module, "_MAX_CHARACTERS", 11)
    assert len(cut_trace(trained.network(), ids, VOCABULARY)) == 3


def test_confusions_are_of_tokens(trace):
    pairs = find_confusions(trace, VOCABULARY, count=500)
    names = {pair.actual for pair in pairs}
    assert {"abba", " ch"} <= names
    abba = next(pair for pair in pairs if pair.actual == "abba")
    ids = VOCABULARY.encode(TEXT)[1:].tolist()
    assert abba.times == ids.count(VOCABULARY.encode("abba")[0])


def test_context_is_worth_bits_per_character(trained):
    ids, lengths = VOCABULARY.encode(TEXT * 3), VOCABULARY.lengths
    network, parameters = trained.network(), trained.parameters
    per_token = context_value.measure(network, parameters, ids, 4)
    per_character = context_value.measure(network, parameters, ids, 4, lengths)
    assert per_token and per_character and per_token.first and per_character.first
    total = count = characters = 0.0
    for start in range(len(ids) - 1):
        # Windows of four tokens; what one token predicts in the part that all contexts have.
        if start + 1 >= 4:
            logits = trained.network().reader().step(int(ids[start])).astype(np.float64)
            target = ids[start + 1]
            total += (np.log(np.exp(logits).sum()) - logits[target]) / math.log(2)
            count, characters = count + 1, characters + lengths[target]
    assert per_token.first.bits == pytest.approx(total / count, abs=1e-4)
    assert per_character.first.bits == pytest.approx(total / characters, abs=1e-4)
    many = context_value.measure(network, parameters, ids, 4, np.tile(lengths, 10**5))
    assert many and many.starts < per_character.starts  # the softmax takes time, too


def test_the_page_shows_subwords(model):
    html = report(model, [source(TEXT)]).html
    facts = " ".join(re.sub("<.*?>", " ", html).split())
    assert "17 tokens: 10 characters and 7 subwords" in facts
    assert "windows of 20 tokens" in facts
    assert "the darker its background. The model reads and predicts subwords;" in facts
    assert "Pairs of tokens by the probability" in facts
    assert "by tokens of context" in facts
    shown = re.search(r'<div class="text" id="surprises" data-subwords.*?</div>', html, re.S)
    assert shown is not None
    spans = re.findall(r'<span class="level\d[^"]*">(.*?)</span>', shown[0], re.S)
    assert spans[:2] == [VOCABULARY.table[number] for number in VOCABULARY.encode(TEXT)[:2]]
    assert "".join(spans) == TEXT
    names, first = parse_script(html, "alternatives"), list(inspect([source(TEXT)], model))
    assert len(names) == len(spans) == len(VOCABULARY.encode(TEXT))
    place = len(spans[0])
    assert names[0][1:3] == [None, None]
    assert names[1][1] == pytest.approx((first[place].bits or 0) * len(spans[1]), abs=0.001)
    assert {"␣ch", "␣␣ch"} & {name for name, *_ in names} == {"␣ch"}
    activations = parse_script(html, "activation-data")
    assert "".join(activations["text"]) == TEXT


def test_the_page_of_a_model_of_characters_has_no_tokens(tmp_path):
    html = report(save_model(random_model(NONE), tmp_path / "model"), [source(TEXT)]).html
    body = html[: html.index("<script>")]
    assert "token" not in body and "subword" not in body
    assert len(parse_script(html, "alternatives")) == len(TEXT)


def test_bits_by_the_place_in_a_document_are_of_characters(tmp_path, monkeypatch):
    trained = random_model(LINES, merges=MERGES)
    model = save_model(trained, tmp_path / "documents")
    lines = "".join(f"{word}\n" for word in (*["abba"] * 30, *["chab"] * 30))
    drawn: list[Any] = []

    def draw(points, *_):
        drawn.append(points)
        return "x"

    monkeypatch.setattr(charts, "draw_positions", draw)
    text = read_named_text(trained, model, [source(lines)])
    assert document_values.draw_places(trained, text) == "x"
    named = named_text(trained.record, model, [source(lines)], {})
    scored = list(DocumentScorer(trained, named.reader.end).score(named.read_documents()))
    abba = -scored[0][1] / math.log(2)
    chab = -scored[30][1] / math.log(2)
    assert len(abba) == 2 and len(chab) == 4  # c, h, ab; abba; and their ends
    bits = [bits for _, bits in drawn[0]]
    expected = [(abba[0] / 4 + other) / 2 for other in (chab[0], chab[1], chab[2] / 2, chab[2] / 2)]
    assert bits == pytest.approx([*expected, (abba[1] + chab[3]) / 2], abs=1e-5)
    assert np.mean(bits) * 5 / 4 == pytest.approx(
        evaluate([source(lines)], model).bits_per_character, abs=1e-5
    )
