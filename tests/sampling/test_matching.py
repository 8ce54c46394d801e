"""Regular expressions in another process, which ends when one takes too long."""

import os
import re
import time

import pytest

from textgen.errors import SettingsError
from textgen.sampling.matching import Matcher

TEXTS = ["Anna", "", "a\nb", "Ünïcödé \U0001f600", "\udc80", "x" * 100_000]


@pytest.mark.parametrize(
    "expression", ["n+", "^$", "^b", "(?m)^b", "é \U0001f600$", "x{99}", "[\\s"]
)
def test_answers_are_those_of_a_search(expression):
    if expression == "[\\s":
        expression = r"\s"
    matcher = Matcher(expression)
    try:
        for texts in (TEXTS, TEXTS[::-1], [], TEXTS * 200):
            expected = [re.search(expression, text) is not None for text in texts]
            assert matcher.search(texts) == expected
    finally:
        matcher.close()


def test_an_expression_that_takes_forever_is_refused():
    matcher, start = Matcher("(a+)+$", seconds=0.3), time.monotonic()
    assert matcher.search(["aaa", "b"]) == [True, False]
    with pytest.raises(SettingsError, match=r"more than 0\.3 seconds on a document of 41 char"):
        matcher.search(["b", "a" * 40 + "b", "a"])
    assert time.monotonic() - start < 20
    matcher.close()  # twice is no error


def test_the_process_ends_with_the_matcher():
    matcher = Matcher("a")
    number = matcher._process.pid
    matcher.close()
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
