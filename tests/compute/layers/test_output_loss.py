"""A network whose loss computes the output layer equals one of the framework's operations."""

import numpy as np
import pytest

from tests.compute.here import GPU, backend
from textgen.compute.backends import keras_networks
from textgen.compute.layers.output_loss import OutputLoss, OutputWeights
from textgen.kernels.output import LEAST_TOKENS, OutputKernel
from textgen.kernels.sequence import has_bfloat16
from textgen.model.initial_weights import initial_weights
from textgen.settings import resolve_settings

ROWS, MAXLEN, SIZE = 3, 7, 90


def settings_of(cell, targets, reduction="mean", **others):
    return resolve_settings(
        {
            "units": (9,),
            "embedding": 5,
            "cell": cell,
            "targets": targets,
            "carry_state": targets == "sequence",
            "maxlen": MAXLEN,
            "batch_size": ROWS,
            "epochs": 1,
            "optimizer": "sgd",
            "dropout": 0.25,
            "loss_reduction": reduction,
            **others,
        }
    )


@pytest.fixture
def run(monkeypatch):
    """Losses of two steps, weights after them, and the loss of the weights before."""

    def train(settings, least_tokens, precision="float32", cutoff=1e-9):
        monkeypatch.setattr(keras_networks, "LEAST_TOKENS", least_tokens)
        here, generator = backend(), np.random.default_rng(0)
        weights = initial_weights(settings.model, SIZE, generator)
        shape = (ROWS, MAXLEN) if settings.windows.targets == "sequence" else (ROWS,)
        x = generator.integers(0, SIZE, (2, ROWS, MAXLEN)).astype(np.int32)
        y = generator.integers(0, SIZE, (2, *shape)).astype(np.int32)
        with here.session(), here.seeded(1):
            kind = here.precision(precision, settings.model.cell)
            trainer = here.create_trainer(settings, SIZE, kind, ROWS, weights)
            loss = trainer.network.loss
            assert isinstance(loss, OutputLoss) == (least_tokens <= SIZE)
            if isinstance(loss, OutputLoss):
                bfloat16 = precision == "bfloat16"
                assert loss.output_kernel.bfloat16 == bfloat16
                loss.output_kernel = OutputKernel(bfloat16=bfloat16, cutoff=cutoff)
            losses = [float(trainer.step(*batch, 0.1)) for batch in zip(x, y, strict=True)]
            trainer.settle()
            evaluator = here.create_evaluator(settings, SIZE, None)
            evaluator.set_weights(weights)
            loss = evaluator.total_loss(x[0], y[0], generator.random(shape).astype(np.float32))
        return losses, trainer.weights(), loss

    return train


@pytest.mark.parametrize(
    ("cell", "targets", "reduction"),
    [
        ("lstm", "sequence", "mean"),
        ("lstm", "last", "sum"),
        ("gru", "sequence", "sum"),
        ("rnn", "last", "mean"),
    ],
)
def test_steps_and_evaluation_equal_those_of_a_dense_layer(cell, targets, reduction, run):
    settings = settings_of(cell, targets, reduction)
    losses, weights, loss = run(settings, 2)
    stock_losses, stock_weights, stock_loss = run(settings, SIZE + 1)
    np.testing.assert_allclose(losses, stock_losses, rtol=1e-5)
    for array, stock in zip(weights, stock_weights, strict=True):
        np.testing.assert_allclose(array, stock, atol=2e-5)
    assert loss == pytest.approx(stock_loss, rel=1e-5)


@pytest.mark.skipif(not has_bfloat16(), reason="a processor without bfloat16")
def test_it_multiplies_in_bfloat16_where_the_lstm_does(run):
    settings = settings_of("lstm", "sequence")
    losses, weights, loss = run(settings, 2, "bfloat16")
    stock_losses, stock_weights, stock_loss = run(settings, SIZE + 1, "bfloat16")
    np.testing.assert_allclose(losses, stock_losses, rtol=1e-3)
    assert losses != stock_losses
    for array, stock in zip(weights, stock_weights, strict=True):
        np.testing.assert_allclose(array, stock, atol=2e-3)
    assert loss == pytest.approx(stock_loss, rel=1e-5)  # evaluated in float32


def test_a_training_repeats_itself_where_gradients_are_rounded_at_random(run):
    settings = settings_of("lstm", "sequence", optimizer="adamw", dropout=0.1)
    losses, weights, _ = run(settings, 2, cutoff=0.1)
    again_losses, again_weights, _ = run(settings, 2, cutoff=0.1)
    exact_losses, exact_weights, _ = run(settings, 2)
    assert losses == again_losses and losses[0] == exact_losses[0]
    for array, again in zip(weights, again_weights, strict=True):
        np.testing.assert_array_equal(array, again)
    pairs = zip(weights, exact_weights, strict=True)
    assert max(abs(array - exact).max() for array, exact in pairs) > 1e-4


def test_small_vocabularies_and_gpus_have_a_dense_layer():
    """And the hidden states are the outputs of a network that has none."""
    settings = settings_of("lstm", "sequence")

    def last_layer(here, size):
        network = here.build_network(settings, size, here.precision("float32", "lstm"), None)
        assert network.output_shape[-1] == (
            9 if size >= LEAST_TOKENS and here.device.is_cpu else size
        )
        return network.layers[-1]

    assert isinstance(last_layer(backend(), LEAST_TOKENS), OutputWeights)
    assert not isinstance(last_layer(backend(), LEAST_TOKENS - 1), OutputWeights)
    assert not isinstance(last_layer(backend(GPU), LEAST_TOKENS), OutputWeights)
