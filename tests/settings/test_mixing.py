"""Which models are mixed, and how much each counts."""

import math
from typing import Any

import numpy as np
import pytest

from textgen.errors import SettingsError
from textgen.settings import Mix, parse_mix


def test_without_weights_all_models_count_equally():
    mix = Mix(("a", "b", "c"))
    assert mix.weights == mix.to == (1 / 3,) * 3
    assert not mix.is_ramp


def test_weights_may_be_a_list_or_an_array():
    assert Mix(["a", "b"], np.array([0.25, 0.75]).tolist()).weights == (0.25, 0.75)
    assert Mix(["a", "b"], [1, 0], to=[0, 1]).is_ramp


@pytest.mark.parametrize(
    ("problem", "options"),
    [
        ("mix must have a weight for each model, 2 in all, not 1", {"weights": (1.0,)}),
        ("mix must add up to 1, and 0.7,0.2 is 0.9", {"weights": (0.7, 0.2)}),
        ("mix must add up to 1, and 0.5,0.6 is 1.1", {"weights": (1, 0), "to": (0.5, 0.6)}),
        ("mix must be a number, 0 or more and at most 1, not 1.5", {"weights": (1.5, -0.5)}),
        ("mix must be a number, 0 or more and at most 1", {"weights": (math.nan, 1)}),
        ("mix must be a list or tuple, not 0.5", {"weights": 0.5}),
        ("mix_by must be one of probabilities, logits, not 'x'", {"by": "x"}),
        ("mix must be a list or tuple, not 'ab'", {"models": "ab"}),
        ("mix takes one model or more", {"models": ()}),
    ],
)
def test_what_cannot_be_mixed_is_an_error(problem, options):
    values: dict[str, Any] = {"models": ("a", "b"), **options}
    with pytest.raises(SettingsError) as caught:
        Mix(**values)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize("text", ["", "a", "0.5;0.5", "1,0:0,1:1,0", "1,0:", "0.5,,0.5"])
def test_a_text_that_is_no_mix_is_an_error(text):
    with pytest.raises(SettingsError, match="takes a weight for each model, as in 0.7,0.3"):
        parse_mix(text)
