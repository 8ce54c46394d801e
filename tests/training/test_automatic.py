"""Settings for a text, a time and the pace of a device."""

import pytest

from textgen.settings import TrainConfig
from textgen.training.automatic import (
    TWO_CORES,
    Pace,
    choose_length,
    choose_sizes,
    choose_state_reset,
)
from textgen.training.fine_tuning import choose_fine_tuning


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
    slow, two_cores, fast = (choose_length(10**5, Pace(times))["time"] for times in (0.2, 1.0, 4.0))
    assert fast < two_cores < slow


def test_a_very_short_text_is_read_some_times_on_any_device():
    assert choose_length(2000) == choose_length(40_000, Pace(100.0, gpu=True))
    assert choose_length(2000)["epochs"] == 60


@pytest.mark.parametrize("name", ["noise", "weight_decay"])
def test_the_shorter_the_text_the_more_regularization(name):
    def values(passes):
        sizes = (500, 10_000, 30_000, 100_000, 10**6)
        return [choose_sizes(characters, {"epochs": passes})[name] for characters in sizes]

    many = values(60)
    assert many == sorted(many, reverse=True) and many[0] > 10 * many[-1]
    assert len(set(values(10))) == 1  # of few passes a network learns nothing by heart


def test_a_gpu_starts_within_half_a_minute_and_then_has_time_for_many_passes():
    gpu = Pace(100.0, gpu=True)
    assert 150 < choose_length(10**6, gpu)["time"] < 600
    assert choose_length(60_000, gpu) == {"time": 60}


def test_a_training_by_epochs_is_the_same_on_every_machine():
    by_epochs = {"epochs": 5, "time": 0.0}
    assert choose_sizes(10**6, by_epochs, Pace(20.0, gpu=True)) == choose_sizes(10**6, by_epochs)


def test_short_documents_start_often_enough():
    assert choose_state_reset(10**4, mean_length=60) == 0
    for length in (None, 5000):
        assert choose_state_reset(10**4, length) == 0.1


def test_fine_tuning_on_a_short_text_forgets_nothing_by_weight_decay():
    chosen = {"epochs": 60, "units": (64,)}
    scratch, tuned = choose_sizes(2000, chosen), choose_fine_tuning(2000, chosen)
    assert "weight_decay" not in tuned  # it stays at its default
    assert scratch["weight_decay"] > TrainConfig.weight_decay
    assert tuned["noise"] < scratch["noise"]
