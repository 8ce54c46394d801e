"""Sizes that suit the device."""

from typing import Any

import numpy as np
import pytest

from tests.compute.here import CPU, GPU, ON, backend
from textgen.api import train
from textgen.compute.kernels.sequence import SequenceKernel, has_bfloat16
from textgen.distributed.communicator import JaxCommunicator
from textgen.distributed.sharding import create_sharding
from textgen.errors import OutputError
from textgen.model import model_dir
from textgen.model.paths import checkpoint_path
from textgen.settings import resolve_settings
from textgen.training import automatic, checkpoint, device_speed
from textgen.training.automatic import TWO_CORES, Pace, choose_sizes, choose_time

SMALL: dict[str, Any] = {"units": (8,), "embedding": 4, "maxlen": 10, "batch_size": 4}


def test_a_quick_device_gets_a_wider_network_and_a_short_text_less_time():
    for characters in (10**5, 10**6, 10**8):
        slow, two_cores, quick = (
            choose_sizes(characters, {"time": 300.0}, pace)
            for pace in (Pace(0.2), TWO_CORES, Pace(20.0, gpu=True))
        )
        assert two_cores == choose_sizes(characters, {"time": 300.0})
        assert slow["units"] <= two_cores["units"] <= quick["units"]
        assert slow["units"] < quick["units"] or characters == 10**5
        assert slow["dropout"] <= two_cores["dropout"] <= quick["dropout"]
    assert choose_time(10**5, Pace(4.0)) < choose_time(10**5) < choose_time(10**5, Pace(0.2))
    # A GPU begins within half a minute, and then has the time for many passes.
    gpu = Pace(100.0, gpu=True)
    assert 150 < choose_time(10**6, gpu) < 600 and choose_time(10_000, gpu) == 60
    by_epochs = {"epochs": 5, "time": 0.0}  # the same on every machine
    assert choose_sizes(10**6, by_epochs, Pace(20.0, gpu=True)) == choose_sizes(10**6, by_epochs)


def test_a_device_is_tried_until_the_network_is_the_one_it_wants():
    told = []

    def at_pace(found):
        told.append(found)
        return resolve_settings({**SMALL, "time": 300.0, "units": (12,)})

    found, chosen = device_speed.adapt(
        resolve_settings({**SMALL, "time": 300.0}), at_pace, 20, backend(GPU)
    )
    assert 1 < len(told) <= 3 and all(0 < one.times < 1000 and one.gpu for one in told)
    assert told[0].times == 50
    assert found.model.units == (12,) and chosen in ("float32", "bfloat16", "float16")
    short = resolve_settings({**SMALL, "time": 20.0})
    told.clear()
    assert device_speed.adapt(short, lambda _: short, 20, backend(GPU)) == (short, None)


@pytest.mark.skipif(ON != "jax", reason="several processes train on JAX")
def test_a_process_is_tried_with_its_rows_and_the_slowest_decides(monkeypatch):
    asked, rows = resolve_settings({"time": 300.0, "precision": "float32"}), []
    wanted = resolve_settings({"time": 300.0, "units": (99,)})

    def of_cpu(_, given):
        rows.append(given)
        return 9.0

    monkeypatch.setattr(device_speed, "_measure_cpu", of_cpu)
    monkeypatch.setattr(JaxCommunicator, "all_gather", lambda _, mine: np.array([[mine], [0.2]]))
    paces = []

    def at_pace(found):
        paces.append(found.times)
        return wanted

    both = backend(CPU, JaxCommunicator(0, 2), create_sharding(2, processes=2))
    assert device_speed.adapt(asked, at_pace, 20, both) == (wanted, None)
    assert (rows, paces) == ([device_speed._ROWS // 2], [0.2])
    several = backend(sharding=create_sharding(2))  # of one process: nothing is tried
    assert device_speed.adapt(asked, at_pace, 20, several) == (asked, None) and len(paces) == 1


def test_two_cores_that_are_as_quick_train_what_was_measured(monkeypatch):
    cpu, asked = backend(), resolve_settings({"time": 300.0})
    wanted = resolve_settings({"time": 300.0, "units": (99,)})
    kernels = [SequenceKernel(bfloat16=kind) for kind in (False, True)[: 1 + has_bfloat16()]]
    assert all(0.001 < device_speed._measure_cpu(kernel) < 1000 for kernel in kernels)
    for found, suits in ((0.75, asked), (1.4, asked), (0.3, wanted), (3.0, wanted)):
        monkeypatch.setattr(device_speed, "_measure_cpu", lambda *_, found=found, **__: found)
        assert device_speed.adapt(asked, lambda _: wanted, 20, cpu) == (suits, None)


def test_what_nobody_chose_stays_as_it_was_begun(tmp_path, corpus, monkeypatch):
    directory, options = tmp_path / "model", {"time": 300.0, "sample_length": 0}

    def some_steps(chosen):
        steps = iter(range(100))
        return train([str(corpus)], model=directory, stop=lambda: next(steps) >= 3, **chosen)

    some_steps(options)
    begun = checkpoint.read_checkpoint(checkpoint_path(directory)).request
    assert {"units", "dropout", "learning_rate"} <= set(begun.automatic)
    assert not {"time", "sample_length"} & set(begun.automatic)
    as_quick, dropout = automatic.estimate_speed, begun.settings.model.dropout
    monkeypatch.setattr(automatic, "estimate_speed", lambda units: as_quick(units) / 1000)
    characters = len(corpus.read_text()) * 9 // 10
    assert choose_sizes(characters, options)["dropout"] != dropout
    with pytest.raises(OutputError, match="another dropout"):
        some_steps({**options, "dropout": 0.77})
    # As it was begun, if by whoever asks; then by nobody.
    for chosen in ({**options, "dropout": dropout}, options):
        assert some_steps(chosen).reason == "stopped"
        assert checkpoint.read_checkpoint(checkpoint_path(directory)).request == begun
    record = model_dir.read_model(directory).record
    assert record.settings == begun.settings
