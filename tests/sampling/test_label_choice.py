"""Labels that a user names, and labels that are drawn."""

from collections import Counter

import pytest

from textgen.errors import SettingsError
from textgen.sampling.label_choice import choose_labels
from textgen.text.documents.labels import LabelField, Labels

GENRE = LabelField("genre", ("comedy", "horror"), (50, 60), unlabelled=10)
AUTHOR = LabelField("author", ("Ann", "Bob", "horror"), (70, 40, 10))
COUNTS = {(1, 1): 40, (2, 1): 30, (2, 2): 30, (1, 2): 10, (0, 3): 10}
LABELS = Labels((GENRE, AUTHOR), tuple(COUNTS.items()))


def drawn(label, count=3000):
    choice = choose_labels(LABELS, label)
    assert choice is not None
    return Counter(choice.draw([number, 7]) for number in range(count))


def test_labels_are_drawn_as_often_as_they_occur_together():
    counts = drawn(None)
    assert counts.keys() == COUNTS.keys() and counts == drawn(None)
    for ids, count in COUNTS.items():
        assert counts[ids] / 3000 == pytest.approx(count / 120, abs=0.03)


def test_a_field_that_is_not_named_is_drawn_among_those_that_fit():
    counts = drawn("genre=horror")
    assert counts.keys() == {(2, 1), (2, 2)} and counts[2, 1] / 3000 == pytest.approx(0.5, abs=0.03)
    assert drawn({"author": "Bob"}).keys() == {(1, 2), (2, 2)}
    assert drawn("genre=").keys() == {(0, 3)}


def test_what_no_document_has_together_can_be_named():
    assert drawn(["genre=comedy", "author=horror"], 9) == {(1, 3): 9}
    assert drawn({"genre": "", "author": "Ann"}, 9) == {(0, 1): 9}
    lonely = Labels((GENRE, AUTHOR), (((1, 1), 5),))
    choice = choose_labels(lonely, "Bob")
    assert choice is not None and choice.draw([1]) == (0, 2)


def test_a_value_alone_is_enough_if_only_one_field_has_it():
    assert drawn("comedy").keys() == {(1, 1), (1, 2)}
    with pytest.raises(SettingsError, match="must be genre=VALUE or author=VALUE, not 'horror'"):
        drawn("horror")
    with pytest.raises(SettingsError, match="must be genre=VALUE or author=VALUE, not 'Bobo'"):
        drawn("Bobo")
    with pytest.raises(SettingsError, match="genre has no value 'Ann'; it has comedy, horror"):
        drawn("genre=Ann")
    with pytest.raises(SettingsError, match="names a label twice: genre"):
        drawn(["comedy", "genre=horror"])


def test_names_and_values_may_have_equals_signs():
    field = LabelField("a=b", ("c=d", "e"), (5, 5))
    labels = Labels((field, GENRE), (((1, 1), 5),))
    for label in ("a=b=c=d", "c=d", {"a=b": "c=d"}):
        assert labels.parse_named([label] if isinstance(label, str) else label) == {0: 1}
    assert labels.parse_named(["a=b=e", "horror"]) == {0: 2, 1: 2}


@pytest.mark.parametrize("wrong", [3, [3], {"genre": 3}])
def test_labels_that_are_no_texts(wrong):
    with pytest.raises(SettingsError, match="label must be a text, or several, not"):
        choose_labels(LABELS, wrong)
