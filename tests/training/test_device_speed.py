"""How fast a device trains, and settings for it."""

from typing import Any

import numpy as np
import pytest

from tests.compute.here import CPU, GPU, ON, backend
from textgen.api import train
from textgen.distributed.communicator import JaxCommunicator
from textgen.distributed.sharding import create_sharding
from textgen.errors import OutputError
from textgen.kernels.sequence import SequenceKernel, has_bfloat16
from textgen.model import model_dir
from textgen.model.paths import checkpoint_path
from textgen.settings import CELLS, PRECISIONS, resolve_settings
from textgen.training import automatic, checkpoint, device_speed
from textgen.training.automatic import choose_sizes

SMALL: dict[str, Any] = {"units": (8,), "embedding": 4, "maxlen": 10, "batch_size": 4}


def test_a_device_is_tried_until_the_network_is_the_one_it_calls_for():
    paces = []

    def settings_for(pace):
        paces.append(pace)
        return resolve_settings({**SMALL, "time": 300.0, "units": (12,)})

    settings, precision = device_speed.adapt(
        resolve_settings({**SMALL, "time": 300.0}), settings_for, 20, backend(GPU)
    )
    assert 1 < len(paces) <= 3 and all(0 < pace.times < 1000 and pace.gpu for pace in paces)
    assert paces[0].times == 50
    assert settings.model.units == (12,) and precision in PRECISIONS


def test_a_network_of_documents_with_labels_is_tried():
    documents = {"has_document_end": True, "label_sizes": (3, 2)}
    settings = resolve_settings({**SMALL, "time": 300.0, **documents})
    _, precision = device_speed.adapt(settings, lambda _: settings, 20, backend(GPU))
    assert precision in PRECISIONS


def test_nothing_is_tried_for_a_short_training():
    short = resolve_settings({**SMALL, "time": 20.0})
    assert device_speed.adapt(short, lambda _: short, 20, backend(GPU)) == (short, None)


@pytest.mark.skipif(ON != "jax", reason="several processes train on JAX")
def test_a_process_is_tried_with_its_rows_and_the_slowest_decides(monkeypatch):
    settings, rows = resolve_settings({"time": 300.0, "precision": "float32"}), []
    adapted = resolve_settings({"time": 300.0, "units": (99,)})

    def measure(_, rows_of_process):
        rows.append(rows_of_process)
        return 9.0

    monkeypatch.setattr(device_speed, "_measure_cpu", measure)
    monkeypatch.setattr(JaxCommunicator, "all_gather", lambda _, pace: np.array([[pace], [0.2]]))
    paces = []

    def settings_for(pace):
        paces.append(pace.times)
        return adapted

    both = backend(CPU, JaxCommunicator(0, 2), create_sharding(2, processes=2))
    assert device_speed.adapt(settings, settings_for, 20, both) == (adapted, None)
    assert (rows, paces) == ([device_speed._ROWS // 2], [0.2])


def test_nothing_is_tried_on_several_devices_of_one_process():
    settings = resolve_settings({"time": 300.0, "precision": "float32"})
    several = backend(sharding=create_sharding(2))
    assert device_speed.adapt(settings, lambda _: settings, 20, several) == (settings, None)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bfloat16", [False, True])
def test_the_pace_of_a_processor(cell, bfloat16):
    if bfloat16 and not has_bfloat16():
        pytest.skip("this processor has no bfloat16")
    assert 0.001 < device_speed._measure_cpu(SequenceKernel(cell, bfloat16=bfloat16)) < 1000


@pytest.mark.parametrize(
    ("pace", "changes"), [(0.75, False), (1.4, False), (0.3, True), (3.0, True)]
)
def test_two_cores_of_about_the_same_pace_train_what_was_measured(monkeypatch, pace, changes):
    settings = resolve_settings({"time": 300.0})
    adapted = resolve_settings({"time": 300.0, "units": (99,)})
    monkeypatch.setattr(device_speed, "_measure_cpu", lambda *_: pace)
    expected = adapted if changes else settings
    assert device_speed.adapt(settings, lambda _: adapted, 20, backend()) == (expected, None)


def test_what_nobody_chose_stays_as_it_was_at_the_start(tmp_path, corpus, monkeypatch):
    directory, options = tmp_path / "model", {"time": 300.0, "sample_length": 0}

    def some_steps(chosen):
        steps = iter(range(100))
        return train([str(corpus)], model=directory, stop=lambda: next(steps) >= 3, **chosen)

    some_steps(options)
    request = checkpoint.read_checkpoint(checkpoint_path(directory)).identity
    assert {"units", "dropout", "learning_rate"} <= set(request.automatic)
    assert not {"time", "sample_length"} & set(request.automatic)
    estimate_speed, dropout = automatic.estimate_speed, request.settings.model.dropout
    monkeypatch.setattr(automatic, "estimate_speed", lambda units: estimate_speed(units) / 1000)
    characters = len(corpus.read_text()) * 9 // 10
    assert choose_sizes(characters, options)["dropout"] != dropout
    with pytest.raises(OutputError, match="another dropout"):
        some_steps({**options, "dropout": 0.77})
    # Chosen as it was at the start, then by nobody.
    for chosen in ({**options, "dropout": dropout}, options):
        assert some_steps(chosen).reason == "stopped"
        assert checkpoint.read_checkpoint(checkpoint_path(directory)).identity == request
    record = model_dir.read_model(directory).record
    assert record.settings == request.settings
