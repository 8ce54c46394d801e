"""The documents that starters learn from: real texts of small made-up packages."""

import gzip
import json

import numpy as np

from starters import english
from starters.documents import is_usable, make_documents, straighten
from starters.sources import Source, blocks, html_paragraphs

PARAGRAPHS = [
    "Late. The rain had stopped at last, and nobody spoke of going home.",
    "Nothing moved in the street. A dog barked twice somewhere behind the houses.",
] * 40


def _documents(sentences, share=1.0):
    source = Source("a book", [], "free", lambda _: [], share, sentences)
    return list(make_documents(source, [PARAGRAPHS], np.random.default_rng(0)))


def test_paragraphs_stay_in_order_and_none_is_lost():
    documents = _documents(sentences=0.0)
    assert len(documents) > 1
    words = " ".join(documents).split()
    assert words == " ".join(PARAGRAPHS).split()


def test_some_paragraphs_become_sentences_in_several_styles():
    documents = _documents(sentences=1.0)
    assert "Late." not in documents  # too short to learn from
    sentence = "Nothing moved in the street."
    styles = {sentence, sentence[:-1], "Nothing Moved in the Street", sentence[:-1].lower()}
    assert styles <= set(documents)


def test_a_share_of_the_texts_is_used():
    assert _documents(sentences=0.5, share=0.0) == []


def test_documents_with_other_characters_or_slurs_are_left_out():
    characters = frozenset("abcdefghijklmnopqrstuvwxyz ")
    assert is_usable("a quiet night", characters)
    assert not is_usable("a quiet naïve night", characters)
    assert not is_usable("what the fuck", characters)
    assert not is_usable("a" * 10_000, characters)


def test_quotes_and_dashes_become_those_of_a_typewriter():
    assert straighten("“Well—” she said…") == '"Well--" she said...'


def test_verse_keeps_its_lines_and_prose_does_not():
    text = "It was\nlate.\n\n   Roses are red,\n   violets are blue.\n"
    assert blocks(text) == ["It was late.", "Roses are red,\nviolets are blue."]


def test_pages_give_headings_and_paragraphs_without_code():
    page = "<h1>How to <i>win</i></h1><pre>x = 1</pre><p>Play &amp; never\n stop.</p><p>Word</p>"
    assert html_paragraphs(page) == ["How to win", "Play & never stop."]


def test_chats_are_one_line_for_each_message(tmp_path):
    folder = tmp_path / "chitchat_dataset"
    folder.mkdir()
    turns = [[{"text": f"message\n{number}"}] for number in range(30)]
    chats = {"long": {"messages": turns}, "short": {"messages": turns[:3]}}
    (folder / "dataset.json").write_text(json.dumps(chats))
    (source,) = (source for source in english.SOURCES if "chit-chat" in source.title)
    texts = list(source.read([tmp_path]))
    assert "\n".join(text[0] for text in texts).split("\n") == [f"message {n}" for n in range(30)]


def test_dictionaries_are_cut_into_entries(tmp_path):
    folder = tmp_path / "usr/share/dictd"
    folder.mkdir(parents=True)
    text = "benchmark\n n.\n\n    A measure of {speed}.\n\nbeta\n n.\n\n    Nearly done.\n"
    (folder / "jargon.dict.dz").write_bytes(gzip.compress(text.encode()))
    (source,) = (source for source in english.SOURCES if "Jargon" in source.title)
    texts = list(source.read([tmp_path]))
    assert texts == [["benchmark n.", "A measure of speed."], ["beta n.", "Nearly done."]]
