"""Texts that arrive in pieces: what ends them is left out, however they are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.serving.choices import Choice
from textgen.serving.engine import Update
from textgen.serving.formats import join
from textgen.serving.stop_texts import StopFilter

TEXTS = st.text("ab\n", max_size=30)
CUTS = st.lists(st.integers(0, 30), max_size=8)


def cut(text, places):
    bounds = sorted({0, len(text), *(place for place in places if place < len(text))})
    return [text[start:end] for start, end in pairwise(bounds)]


def before_stop(text, stops):
    """The text before the one of `stops` that is complete first."""
    ends = [(text.index(stop) + len(stop), text.index(stop)) for stop in stops if stop in text]
    return text[: min(ends)[1]] if ends else text


@given(TEXTS, CUTS, st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3))
def test_cuts_do_not_change_the_text(text, places, stops):
    stop_filter = StopFilter(stops)
    passed = [stop_filter.feed(piece) for piece in cut(text, places)]
    assert "".join(passed) + stop_filter.flush() == before_stop(text, stops)
    assert stop_filter.is_met == any(stop in text for stop in stops)


@given(TEXTS, CUTS, st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3))
def test_tokens_are_those_of_the_text(text, places, stops):
    prompt = "ba"
    choice = Choice(0, prompt, stops, prompt_is_scored=True)
    deltas = [
        choice.feed(Update([piece], [-1.0], [[(piece, -1.0)]]))
        for piece in cut(prompt + text, places)
    ]
    delta = join([*deltas, choice.end("length")])
    assert delta.text == prompt + before_stop(text, stops)
    for token in delta.tokens:
        whole = (prompt + text)[token.offset : token.offset + len(token.text)]
        assert token.text == whole
        assert token.offset < len(delta.text)
    lengths = sum(len(token.text) for token in delta.tokens)
    assert lengths >= len(delta.text)  # the last token may be there in part only
    assert delta.finish == ("stop" if any(stop in text for stop in stops) else "length")
    assert choice.characters <= len(text)


def test_no_token_is_sent_before_its_text():
    choice = Choice(3, "", ["abc"], prompt_is_scored=False)
    delta = choice.feed(Update(["x", "a", "b"], [-1.0, -2.0, -3.0]))
    assert (delta.text, [token.text for token in delta.tokens]) == ("x", ["x"])
    delta = choice.feed(Update(["d"], [-4.0]))
    assert (delta.text, [token.text for token in delta.tokens]) == ("abd", ["a", "b", "d"])
    assert (delta.index, delta.finish) == (3, None)


@pytest.mark.parametrize("finish", ["stop", "length"])
def test_the_prompt_comes_first(finish):
    choice = Choice(0, "To ", [], prompt_is_scored=False)
    assert choice.feed(Update(["be"], finish=finish)).text == "To be"
    assert choice.characters == 2
