"""The rules for a training that begins with the weights of another model."""

import pytest

from textgen.training.fine_tuning import choose_fine_tuning, choose_length

STARTER = {"units": (704,)}


@pytest.mark.parametrize("characters", [500, 9_000, 90_000, 1_000_000, 50_000_000])
@pytest.mark.parametrize("seconds", [15.0, 60.0, 600.0, 36_000.0])
def test_values_are_in_bounds(characters, seconds):
    values = choose_fine_tuning(characters, {**STARTER, "time": seconds})
    assert 0.1 <= values["dropout"] <= 0.4
    assert 0 <= values["drop_connect"] <= 0.25
    assert 1 <= values["batch_size"] <= 32
    assert 0.0005 <= values["learning_rate"] <= 0.005


def test_a_short_training_takes_many_small_steps():
    short = choose_fine_tuning(90_000, {**STARTER, "time": 60.0})
    long = choose_fine_tuning(90_000, {**STARTER, "time": 3600.0})
    assert short["batch_size"] < long["batch_size"]
    assert short["dropout"] < long["dropout"]


def test_what_the_user_chose_stays():
    values = choose_fine_tuning(90_000, {**STARTER, "epochs": 5, "batch_size": 32, "dropout": 0.0})
    assert values.keys().isdisjoint({"units", "epochs", "batch_size", "dropout"})


def test_a_few_passes_are_enough_for_a_short_text():
    assert choose_length(2_000) == choose_length(90_000) == {"epochs": 8, "time": 0.0}
    assert choose_length(10_000_000) == {"time": 600.0}
