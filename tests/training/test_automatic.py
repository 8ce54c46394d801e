"""Settings for a text, a time and the pace of a device."""

import pytest

from textgen.training.automatic import (
    TWO_CORES,
    Pace,
    choose_sizes,
    choose_state_reset,
    choose_time,
)


@pytest.mark.parametrize("characters", [10**5, 10**6, 10**8])
def test_a_fast_device_gets_a_wider_network(characters):
    slow, two_cores, fast = (
        choose_sizes(characters, {"time": 300.0}, pace)
        for pace in (Pace(0.2), TWO_CORES, Pace(20.0, gpu=True))
    )
    assert two_cores == choose_sizes(characters, {"time": 300.0})
    assert slow["units"] <= two_cores["units"] <= fast["units"]
    assert slow["units"] < fast["units"] or characters == 10**5
    assert slow["dropout"] <= two_cores["dropout"] <= fast["dropout"]


def test_a_fast_device_gets_less_time_for_a_short_text():
    assert choose_time(10**5, Pace(4.0)) < choose_time(10**5) < choose_time(10**5, Pace(0.2))


def test_a_gpu_starts_within_half_a_minute_and_then_has_time_for_many_passes():
    gpu = Pace(100.0, gpu=True)
    assert 150 < choose_time(10**6, gpu) < 600 and choose_time(10_000, gpu) == 60


def test_a_training_by_epochs_is_the_same_on_every_machine():
    by_epochs = {"epochs": 5, "time": 0.0}
    assert choose_sizes(10**6, by_epochs, Pace(20.0, gpu=True)) == choose_sizes(10**6, by_epochs)


def test_short_documents_start_often_enough():
    assert choose_state_reset(10**4, mean_length=60) == 0
    for length in (None, 5000):
        assert choose_state_reset(10**4, length) == 0.1
