"""Masks of an expression: exactly what `re.search` finds, for all short texts."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen.errors import SettingsError
from textgen.sampling.match import MatchControl, make_match_controls
from textgen.sampling.requests import TextRequest
from textgen.sampling.stopping import make_stop_condition
from textgen.text.vocabulary import Vocabulary

LENGTH = 3
CHARACTERS = "\n 1Ba"
TEXTS = [
    "".join(each) for n in range(LENGTH + 1) for each in itertools.product(CHARACTERS, repeat=n)
]


class Texts:
    """All texts of some characters up to a length, and which of them an expression allows.

    Args:
        expression: The expression.
        documents: Whether the texts are documents.
        excluded: Characters that are never chosen.
        stop: How texts end, as for `make_stop_condition`.
    """

    def __init__(self, expression, *, documents=True, excluded="", **stop):
        self.vocabulary = Vocabulary(CHARACTERS, has_document_end=documents)
        self.end = self.vocabulary.document_end_id
        self.stop = make_stop_condition(self.vocabulary, LENGTH, **stop)
        self.excluded = excluded
        never = tuple(self.vocabulary.encode(excluded).tolist())
        self.make = make_match_controls(expression, self.vocabulary, self.stop, never)
        self.search = re.compile(expression).search

    def control(self, seed="", length=LENGTH) -> MatchControl:
        return self.make(TextRequest([0], (1,), max_length=length, seed=seed))

    def allowed(self, control, left):
        """The characters that may follow, and the document end."""
        logits = np.zeros(self.vocabulary.size, np.float32)
        control.adjust(logits, left)
        ids = np.flatnonzero(logits == 0).tolist()
        allowed = {"END" if number == self.end else CHARACTERS[number] for number in ids}
        return allowed - {*self.excluded}

    def is_stopped(self, text):
        tail, lines = self.vocabulary.encode(text).tolist(), text.count("\n")
        return bool(text) and self.stop.is_met(tail[-self.stop.tail_length :], lines)

    def expected(self, seed=""):
        """Of each text what may follow it, according to `re`."""
        following: dict[str, set[str]] = {}
        for text in TEXTS:
            if {*text} & {*self.excluded} or not self.search(seed + text):
                continue
            if any(self.is_stopped(text[:end]) for end in range(len(text))):
                continue
            if self.end is not None:
                following.setdefault(text, set()).add("END")
            for place, character in enumerate(text):
                following.setdefault(text[:place], set()).add(character)
        return following

    def check(self, seed=""):
        """Check that a control allows what `re` does, for all texts."""
        expected = self.expected(seed)
        first = expected.get("", set()) - (set() if seed else {"END"})  # no document is empty
        try:
            control = self.control(seed)
        except SettingsError as error:
            assert not first or (first == {"\n"} and self.search(seed)), error
            return
        assert first
        waiting = [("", control)]
        while waiting:
            text, control = waiting.pop()
            left = LENGTH - len(text)
            following = expected.get(text, set())
            allowed = self.allowed(control, left)
            if left:
                assert allowed == following, (seed, text)
            else:
                assert self.search(seed + text)
            if self.end is None:
                is_complete = bool(self.search(seed + text) and left and following <= {"\n"})
                assert control.is_complete == is_complete or following == {"\n"}, (seed, text)
            for character in following - {"END"}:
                if not self.is_stopped(text + character):
                    after = self.control(seed)
                    for each in text + character:
                        self.allowed(after, LENGTH)
                        after.advance(CHARACTERS.index(each))
                    self.allowed(after, left - 1)
                    waiting.append((text + character, after))


CONDITIONS = [
    *(r"\bB", r"\B", r"\b", r"a\Z", "(?m)^a$", "a$\n", "(?m)$\\n^a", "$^", r"\Ba\B", "^$"),
    *(r"$(?!\n)", r"\n$\n", "(?m)$$", r"\b\Z", r"(?<!a)\Z\b", "^(?:a|\\b)+$", r"^\n$", "(?m)^$\n"),
]
CHOICES = [
    *("a", "^a$", "^a*$", "(?i)A", "(?s).", "..", "[^a]{2,3}?$", "(?=)a", "(a|B1)*$", "^(a?){3}$"),
    *("(|a)+B", "^[aB]+$", r"^\S+$", r"^\D\d$", r"^\W+$", "é|a", "(?i:b)1", "(?x) a 1 # B", "^.$"),
    *("(?P<letter>a|B)1", "(?s:.)1", r"(?a:\w)B", "[^\\W\\d]", "^(?:a(?:B(?:1)?)?)$", "a{2}B{0,1}"),
]
ONE_CHARACTER = [
    *("a++B", "(?>a*)B", "a{1,2}+a", "(?>a)B", "(?>a++)1", "[aB]?+B"),
    *("(?<=a)B", "(?!a)B", "(?<!a)B(?!1)", "(?<!a)$", "(?=a|B)[^a]", "(?![aB])\\w", "a(?=\\n)"),
]


@pytest.mark.parametrize("expression", [*CONDITIONS, *CHOICES, *ONE_CHARACTER])
def test_what_is_allowed_is_what_can_still_match(expression):
    Texts(expression).check()
    Texts(expression).check("a")


LEAVES = st.sampled_from(
    [
        *(
            "a",
            "B",
            "1",
            " ",
            "\\n",
            ".",
            "\\w",
            "\\W",
            "\\d",
            "\\s",
            "\\S",
            "[aB]",
            "[^a]",
            "[^\\W1]",
        ),
        *("(?i:b)", "(?s:.)", "a++", "\\w*+", "(?>a?)", "(?=a)", "(?!\\n)", "(?<=[B ])", "(?<!1)"),
        *("^", "$", "\\A", "\\Z", "\\b", "\\B", "(?m:^)", "(?m:$)", ""),
    ]
)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join).map("(?:{})".format),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{,2}", "{2,}"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
        st.tuples(inner, st.sampled_from(["*?", "+?", "??", "{1,3}?"])).map(
            lambda pair: f"({pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=6,
)
FLAGS = st.sampled_from(["", "(?i)", "(?m)", "(?s)", "(?a)", "(?ims)"])


def make_texts(expression, **options):
    try:
        return Texts(expression, **options)
    except SettingsError as error:
        assert "matches no text" in str(error)
        assert not any(re.search(expression, text) for text in TEXTS)
        return None


@settings(max_examples=60, deadline=None)
@given(FLAGS, EXPRESSIONS, st.sampled_from(["", "a", "B\n"]), st.sampled_from(["", "a", " \n"]))
def test_random_expressions_of_documents(flags, expression, seed, excluded):
    texts = make_texts(flags + expression, excluded=excluded)
    if texts is not None:
        texts.check(seed)


STOPS = st.sampled_from(
    [{}, {"lines": 1}, {"lines": 2}, {"until": ["aa"]}, {"until": ["a1a", "B"], "lines": 2}]
)


@settings(max_examples=60, deadline=None)
@given(FLAGS, EXPRESSIONS, st.sampled_from(["a", "\n", "B1"]), STOPS)
def test_random_expressions_of_continuous_texts(flags, expression, seed, stop):
    texts = make_texts(flags + expression, documents=False, **stop)
    if texts is not None:
        texts.check(seed)
