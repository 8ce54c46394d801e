"""What units track, on texts small enough to tell by hand."""

import numpy as np
import pytest

from textgen.analysis.report.units import properties, track

TEXT = 'A b(c)\n  "d\n\ne"1\n'


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("position in line", [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 0, 0, 1, 2, 3]),
        ("position in word", [1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0]),
        ("indentation", [0, 0, 0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 0, 0, 0, 0, 0]),
        ("line end", [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1]),
        ("blank line", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
        ("inside brackets", [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        # Never closed, it ends with the paragraph; the next one opens another.
        ("inside quotes", [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1]),
        ("digit", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]),
        ("punctuation", [0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0]),
        ("upper case", [1] + [0] * 16),
    ],
)
def test_properties_of_a_text(name, values):
    assert properties(TEXT)[name].tolist() == values


def test_lines_in_capitals_are_known_after_two_letters():
    assert (
        properties("KING R.\nNay\n")["line in capitals"].tolist()
        == [0, 1, 1, 1, 1, 1, 1, 1] + [0] * 4
    )
    assert properties("“a” «b»")["inside quotes"].tolist() == [1, 1, 0, 0, 1, 1, 0]
    assert properties(")(")["inside brackets"].tolist() == [0, 1]


def test_units_are_ranked_by_what_they_track():
    named = properties(TEXT * 20)
    generator = np.random.default_rng(0)
    line, noise = named["position in line"], generator.standard_normal((len(TEXT) * 20, 2))
    first = np.stack([noise[:, 0], -np.tanh(line / 9)], axis=1)
    second = np.stack([line + 3 * noise[:, 1], np.full(len(line), 0.7), named["digit"]], axis=1)
    tracking = track(TEXT * 20, [first, second])
    assert tracking.best_property(0, 1)[0] == "position in line"
    assert tracking.best_property(0, 1)[1] < -0.97
    assert tracking.best_property(1, 1)[1] == 0
    name, correlation = tracking.best_property(1, 2)
    assert (name, round(correlation, 5)) == ("digit", 1)
    best = dict(tracking.best_units(2))
    assert [unit[:2] for unit in best["position in line"]] == [(0, 1), (1, 0)]
    assert next(iter(best)) == "digit"
    numbers = np.corrcoef(line, second[:, 0])[0, 1]
    assert best["position in line"][1][2] == pytest.approx(numbers, abs=1e-4)
