"""Text as ids and ids as text, in the engine and in textgen."""

import numpy as np
import pytest

from tests.analysis.models import random_model
from tests.exporting.web.models import CONTINUOUS, MERGES, ROWS
from textgen.exporting.web.model_file import write_model_file
from textgen.text.tokens.subwords import Merge

# Astral characters, combining marks, other scripts, all kinds of white space and signs.
ALPHABET = "\n\t !\"'(),-.:?[]\\^_0129abcefhtßé\u0301\u0308\u00a0\u200dαш中文👩🏽🚀𝒜٣²½«»–"
LEARNED: tuple[Merge, ...] = (
    *MERGES,
    *(("👩", "🏽"), ("👩🏽", "\u200d"), ("e", "\u0301"), (" ", "中"), (" 中", "文"), ("(", ")")),
    *(("a", "a"), ("aa", "aa"), ("-", "-"), ("--", "--"), (" ", "--"), ("\t", "\t"), ("a", "bc")),
    *(("ab", "c"), ("b", "c"), ("0", "1"), ("01", "2"), ("_", "a"), (" ", "_a")),
)
TEXTS = [
    "",
    "the cab",
    "  the  cab ",
    "\n\nthe\n cab\n",
    "e\u0301\u0308 ée",
    "👩🏽\u200d🚀👩🏽👩",
    " 中文 中文文",
    "--- () (( ----- --",
    "\t\t the\u00a0cab\u00a0 the",
    "abc aabc abcabc",
    "_a __a a_a 012 ٣²½012",
    "a" * 200,
    " " + "a" * 63 + "b" + "a" * 64,
    "-" * 130 + " " * 70 + "a",
    "zthe zz Q",  # characters that the vocabulary lacks
    "\ud83d the \udc69",  # halves of surrogate pairs
]

ENCODE = """async ({ load }, [file, texts]) => {
  const model = await load(file);
  return texts.map((text) => {
    const ids = model.encode(text);
    return [ids, model.decode(ids), model.encode(text)];
  });
}"""


def usable_merges() -> tuple[Merge, ...]:
    """Those of LEARNED whose two tokens are made before."""
    tokens, usable = set(ALPHABET), list[Merge]()
    for merge in LEARNED:
        if set(merge) <= tokens:
            usable.append(merge)
            tokens.add("".join(merge))
    return tuple(usable)


@pytest.mark.parametrize("merges", [(), usable_merges()], ids=["characters", "subwords"])
@pytest.mark.parametrize("corpus", [CONTINUOUS, ROWS], ids=["continuous", "documents"])
def test_a_text_has_the_ids_that_textgen_gives_it(engine, merges, corpus):
    assert not merges or len(merges) > 25
    trained = random_model(corpus, ALPHABET, merges=merges, has_unknown=True)
    vocabulary = trained.record.vocabulary
    generator = np.random.default_rng(8)
    signs = list(ALPHABET)
    drawn = ["".join(generator.choice(signs, size=60)) for _ in range(50)]
    common = ["".join(generator.choice(list("theabc -\t中"), size=60)) for _ in range(50)]
    texts = [*TEXTS, *drawn, *common]
    file = write_model_file(trained, "test").decode()
    halves = [text for text in texts if not text.isprintable() and "\ud83d" in text]
    assert len(halves) == 1
    for text, (ids, decoded, again) in zip(texts, engine.run(ENCODE, [file, texts]), strict=True):
        expected = vocabulary.encode(text).tolist()
        assert ids == again == expected, repr(text)
        assert decoded == vocabulary.decode(expected)


DECODE = """async ({ load }, [file, ids]) => (await load(file)).decode(ids)"""


def test_what_is_no_character_is_decoded_as_in_textgen(engine):
    trained = random_model(ROWS, ALPHABET, has_unknown=True, merges=usable_merges())
    vocabulary = trained.record.vocabulary
    ids = [3, vocabulary.unknown_id, -1, vocabulary.document_end_id, 1000, vocabulary.size - 4]
    file = write_model_file(trained, "test").decode()
    assert engine.run(DECODE, [file, ids]) == vocabulary.decode(ids)
