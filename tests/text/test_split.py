"""The split into training and validation text."""

import pytest

from textgen.text.split import split_position


@pytest.mark.parametrize(
    ("characters", "validation", "expected"),
    [
        (1_115_394, 0.1, 1_003_854),
        (10, 0.1, 9),
        (10, 0.3, 7),
        (7, 0.0, 7),
        (3, 0.5, 1),
        (0, 0.1, 0),
    ],
)
def test_split_is_exact(characters, validation, expected):
    assert split_position(characters, validation) == expected
