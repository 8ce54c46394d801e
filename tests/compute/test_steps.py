"""Training steps equal those of Keras: to the last bit, on PyTorch to rounding."""

from typing import Any

import keras
import numpy as np
import pytest

from tests.compute.here import CPU, GPU, ON, backend
from textgen.compute.backend import Precision
from textgen.compute.layers.carried_state import reset_states
from textgen.model.initial_weights import initial_weights
from textgen.settings import resolve_settings

ROWS, MAXLEN, SIZE = 4, 6, 20
STOCK = keras.layers.LSTM


def compiled(precision, settings, device):
    """A network and the steps to train it with."""
    keras.utils.set_random_seed(1)
    network = backend(device).build_network(settings, SIZE, precision, ROWS)
    network.set_weights(initial_weights(settings.model, SIZE, np.random.default_rng(1)))
    return network, backend(device).compile_network(network, settings.training, precision)


@pytest.mark.parametrize(
    ("name", "device"),
    [("float32", CPU), ("float32", GPU), ("bfloat16", CPU), ("float16", GPU)],
    ids=lambda value: getattr(value, "kind", None),
)
def test_steps_are_those_of_keras(name, device):
    """With masks, carried state, clipping, another learning rate for each step and,
    in float16, a scaled loss."""
    settings = resolve_settings(
        {
            "units": (8, 8),
            "batch_size": ROWS,
            "maxlen": MAXLEN,
            "dropout": 0.2,
            "drop_connect": 0.1,
            "clip_norm" if device is CPU else "clip_value": 0.02,
            "epochs": 1,
        }
    )
    stock = replaced = Precision(name, recurrent=STOCK)
    if (ON, device, name) == ("torch", GPU, "float32"):  # half precision rounds otherwise
        replaced = backend(device).precision(name, "lstm")
    generator = np.random.default_rng(0)
    (ours, steps), (theirs, _) = (
        compiled(replaced, settings, device),
        compiled(stock, settings, device),
    )
    assert steps.steps_ahead == (ON != "tensorflow" and device is GPU)
    losses: list[float] = []
    expected: list[float] = []
    unread: list[Any] = []
    for number in range(8):
        if number == 5:
            losses += map(float, unread)
            unread.clear()
            steps.settle()
            reset_states(ours)
            reset_states(theirs)
        ids = generator.integers(0, SIZE, (2, ROWS, MAXLEN)).astype(np.int32)
        unread.append(steps.begin(ids[0], ids[1], 0.01 * (number + 1)))
        if len(unread) > steps.steps_ahead:
            losses.append(float(unread.pop(0)))
        theirs.optimizer.learning_rate.assign(0.01 * (number + 1))
        expected.append(float(theirs.train_on_batch(*ids)))
    losses += map(float, unread)
    steps.settle()
    far = 0.0 if ON != "torch" else 1e-4 if name == "float32" else 5e-2
    np.testing.assert_allclose(losses, expected, rtol=far)
    for both in ((ours, theirs), (ours.optimizer, theirs.optimizer)):
        for mine, keras_own in zip(*(owner.variables for owner in both), strict=True):
            mine, keras_own = map(keras.ops.convert_to_numpy, (mine, keras_own))
            np.testing.assert_allclose(mine, keras_own, rtol=0, atol=far * np.abs(keras_own).max())
    if ON == "jax":
        assert steps.steps._step._cache_size() == 1


@pytest.mark.skipif(ON != "torch", reason="counts what PyTorch hands to the host and back")
@pytest.mark.parametrize("documents", [False, True])
@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_a_step_on_a_gpu_waits_for_nothing_on_it(name, documents):
    """With PyTorch, numbers that the host reads are there once all that was unread is done."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Read(TorchDispatchMode):  # type: ignore[misc,unused-ignore]
        def __torch_dispatch__(self, function, _types, args=(), kwargs=None):
            called.append(str(function))
            return function(*args, **(kwargs or {}))

    called: list[str] = []
    masks = {"dropout": 0.2, "drop_connect": 0.1}
    settings = resolve_settings(
        {
            "units": (8,),
            "batch_size": ROWS,
            "maxlen": MAXLEN,
            "epochs": 1,
            "has_document_end": documents,
            **masks,
        }
    )
    _, steps = compiled(backend(GPU).precision(name, "lstm"), settings, GPU)
    ids = np.ones((ROWS, MAXLEN), np.int32)
    ids[1:, 2] = SIZE - 1  # where a document begins
    steps.begin(ids, ids, 0.01)  # the first one asks the optimizer where it is
    with Read():
        loss = steps.begin(ids, ids, 0.02)
        assert any("adamw" in name for name in called)
        assert not [name for name in called if "_local_scalar_dense" in name]  # what the host reads
        # What a GPU is sent from the host's memory: inputs and targets, and where documents are.
        sent = [name for name in called if "lift_fresh" in name or "scalar_tensor" in name]
        assert len(sent) == 2 + 7 * documents
        float(loss)
    assert "_local_scalar_dense" in called[-1]


def test_what_is_set_between_two_steps_counts():
    settings = resolve_settings({"units": (8,), "batch_size": ROWS, "maxlen": MAXLEN, "epochs": 1})
    network, steps = compiled(Precision("float32", recurrent=STOCK), settings, CPU)
    ids = np.ones((ROWS, MAXLEN), np.int32)
    float(steps.begin(ids, ids, 0.01))
    steps.settle()
    network.set_weights([np.zeros_like(array) for array in network.get_weights()])
    loss = float(steps.begin(ids, ids, 0.0))
    assert loss == pytest.approx(np.log(SIZE))  # a model that knows nothing
