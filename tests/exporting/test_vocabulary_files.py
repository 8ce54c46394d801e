"""What other programs read and write text with: the same ids as textgen's."""

import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from textgen.exporting.vocabulary_files import vocabulary_files, write_tokenizer
from textgen.text.tokens.learn import learn_merges
from textgen.text.tokens.words import LONGEST_WORD
from textgen.text.vocabulary import UNKNOWN, Vocabulary

CODE = "if (x_1 != y_2) {\n\t\treturn a[i] - b[i]^2;  \n\n}\t // \\\\ --^^ && [[:alpha:]] the end\n"
HARD = {
    "spaces": "the  cat   sat \n   on  the cat  \n  the",
    "line ends": "\nthe\n\nthe\n\n\n the\n \n",
    "white space": "the\tcat\t\tthe \t cat\u00a0the\u2028the\x1c\x1dthe\x85cat\u3000the",
    "code": CODE,
    "digits": "12 1234 12.34 \u0663\u0664\u0663\u0664 x12y12 \u00bd\u00bd 12_12__12_ _ __ \u2167",
    "accents": "e\u0301e\u0301 e\u0301\u0302 \u0301\u0301 \ufe0f\u20e3 \ufe0f\u20e3",
    "Devanagari": "\u0939\u093f\u0928\u094d\u0926\u0940 \u0939\u093f\u0928 \u0940 \u0926\u0940",
    "CJK": "\u5929\u5730\u7384\u9ec3\u3002\u5929\u5730\uff0c\u5929\u5730 \u65e5\u672c\u306e\u65e5",
    "emoji": "\U0001f600\U0001f600 \U0001f469\u200d\U0001f4bb\U0001f469\u200d\U0001f4bb \U0001f600",
    "signs": "... ?!?! ---- <<>> $$ \u20ac\u20ac \u00ab the \u00bb#@the[the]",
    "controls": "\x00\x01a\x00\x01 \x7f\x7f \ufeff\ufeff \ue000\ue000 \U0010ffff\U0010ffff \u0378",
    "long words": f"a {'ab' * LONGEST_WORD} {'ab' * LONGEST_WORD}{'!?' * LONGEST_WORD}{' ' * 99}ab",
    "long white space": f"ab{' ' * LONGEST_WORD}ab{' ' * (LONGEST_WORD + 1)}!?{chr(9) * 200} ab",
    "no space": "thecat_thecat",
}  # fmt: skip


def learn(text: str, size: int = 200) -> Vocabulary:
    """A vocabulary of all characters and of what repeats in a text."""
    characters = Vocabulary("".join(sorted(set(text))))
    merges = learn_merges(characters.encode(text), characters, characters.size + size)
    return Vocabulary(characters.characters, merges=merges)


def read(vocabulary: Vocabulary) -> Tokenizer:
    return Tokenizer.from_str(write_tokenizer(vocabulary))


@pytest.mark.parametrize("name", HARD)
def test_a_tokenizer_gives_the_same_ids(name: str) -> None:
    text = HARD[name]
    vocabulary = learn(4 * f"{text}|")
    assert vocabulary.merges
    tokenizer = read(vocabulary)
    ids = vocabulary.encode(text)
    assert tokenizer.encode(text).ids == ids.tolist() and len(ids) < len(text)
    assert tokenizer.decode(ids.tolist()) == text
    # Its parts in other orders.
    parts = text.split("the") if "the" in text else list(text)
    for number in range(30):
        mixed = "".join(random.Random(number).choices([*parts, "the"[: number % 3]], k=30))
        if set(mixed) <= set(text):
            assert tokenizer.encode(mixed).ids == vocabulary.encode(mixed).tolist()


ALL = learn(4 * "\n".join(HARD.values()), 1000)
TOKENIZER = read(ALL)


@given(st.text(st.sampled_from(ALL.characters), max_size=300))
@settings(max_examples=300)
def test_any_text_of_its_characters(text: str) -> None:
    ids = ALL.encode(text).tolist()
    assert TOKENIZER.encode(text).ids == ids
    assert TOKENIZER.decode(ids) == text


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=80))
@settings(max_examples=200)
def test_a_text_of_any_characters(text: str) -> None:
    vocabulary = learn(3 * f"{text} {text}\n", 50)
    assert read(vocabulary).encode(text).ids == vocabulary.encode(text).tolist()


@pytest.mark.parametrize("characters", [" ab", f" ab{UNKNOWN}"])
def test_an_unknown_character_has_its_id(characters: str) -> None:
    vocabulary = Vocabulary(characters, has_unknown=True, merges=((" ", "a"), (" a", "b")))
    text = " abXX abYa ab\n X"
    ids = vocabulary.encode(text)
    assert vocabulary.unknown_id is not None
    expected = np.where(ids < 0, vocabulary.unknown_id, ids).tolist()
    tokenizer = read(vocabulary)
    assert tokenizer.encode(text).ids == expected
    name = "<unknown>" if UNKNOWN in characters else UNKNOWN
    assert tokenizer.decode(expected) == "".join(c if c in " ab" else name for c in text)


def test_without_an_unknown_id_an_unknown_character_is_left_out() -> None:
    vocabulary = Vocabulary("ab", merges=(("a", "b"),))
    assert read(vocabulary).encode("aXbab").ids == [0, 1, 2]


def test_no_text_becomes_the_document_end() -> None:
    vocabulary = Vocabulary("<>Edn", has_document_end=True, merges=(("E", "n"), ("En", "d")))
    tokenizer = read(vocabulary)
    end = vocabulary.document_end_id
    assert end == vocabulary.size - 1 == tokenizer.get_vocab_size()
    ids = vocabulary.encode("<End>").tolist()
    assert tokenizer.encode("<End>").ids == ids
    assert tokenizer.decode([*ids, end]) == "<End>"


def test_the_vocabulary_file_has_the_text_of_each_id() -> None:
    merges = (("a", "b"), (" ", "ab"), (" ", "a"), (" a", "b"))  # two ways to make one subword
    vocabulary = Vocabulary("\n abc", True, True, merges)
    files = vocabulary_files(vocabulary)
    content = json.loads(files["vocabulary.json"])
    assert content.pop("tokens") == ["\n", " ", "a", "b", "c", "ab", " ab", " a"]
    assert Vocabulary.from_bytes(json.dumps(content).encode()) == vocabulary
    assert set(files) == {"vocabulary.json", "tokenizer.json"}


def test_a_vocabulary_of_characters_is_the_file_of_the_model_directory() -> None:
    vocabulary = Vocabulary("abc", has_unknown=True)
    assert vocabulary_files(vocabulary) == {"vocabulary.json": vocabulary.to_bytes()}
