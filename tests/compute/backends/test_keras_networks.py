"""What is saved, what learns and what validates, through the interface of a backend alone."""

import numpy as np
import pytest

from tests.compute.here import backend
from textgen.compute.backend import TrainerState
from textgen.model.initial_weights import initial_weights
from textgen.settings import resolve_settings

ROWS, MAXLEN, SIZE = 4, 6, 20
SETTINGS = resolve_settings(
    {"units": (8, 5), "embedding": 3, "batch_size": ROWS, "maxlen": MAXLEN, "epochs": 1}
)
WEIGHTS = initial_weights(SETTINGS.model, SIZE, np.random.default_rng(1))


def batches(count):
    ids = np.random.default_rng(0).integers(0, SIZE, (count, 2, ROWS, MAXLEN)).astype(np.int32)
    return [(x, y) for x, y in ids]


def create_trainer(seed):
    here = backend()
    with here.session(), here.seeded(seed):
        precision = here.precision("float32", "lstm")
        return here.create_trainer(SETTINGS, SIZE, precision, ROWS, WEIGHTS)


def test_a_model_has_the_weights_that_are_set():
    model = backend().create_model(SETTINGS, SIZE)
    model.set_weights(WEIGHTS)
    for array, expected in zip(model.weights(), WEIGHTS, strict=True):
        np.testing.assert_array_equal(array, expected)
    assert model.parameters == sum(array.size for array in WEIGHTS)


@pytest.mark.parametrize("wrong", [WEIGHTS[:-1], [array.T for array in WEIGHTS]])
def test_a_model_refuses_the_weights_of_another(wrong):
    with pytest.raises(ValueError, match=r"shape|argument"):
        backend().create_model(SETTINGS, SIZE).set_weights(wrong)


def test_a_trainer_starts_with_the_given_weights_and_learns():
    trainer, (x, y) = create_trainer(1), batches(1)[0]
    for array, expected in zip(trainer.weights(), WEIGHTS, strict=True):
        np.testing.assert_array_equal(array, expected)
    losses = []
    for _ in range(20):
        losses.append(float(trainer.step(x, y, 0.02)))
        trainer.settle()
        trainer.reset_states()
    assert losses[-1] < losses[0] - 0.2
    assert any((array != old).any() for array, old in zip(trainer.weights(), WEIGHTS, strict=True))


def test_a_trainer_continues_from_a_state_with_the_same_masks():
    first, second = create_trainer(1), create_trainer(2)
    for x, y in batches(3):
        float(first.step(x, y, 0.02))
    first.settle()
    state = first.state()
    assert state is not None
    second.restore(TrainerState([*state.layers], [*state.optimizer]))
    for x, y in batches(2):
        assert float(first.step(x, y, 0.02)) == float(second.step(x, y, 0.02))


def test_a_trainer_refuses_the_state_of_another():
    trainer = create_trainer(1)
    state = trainer.state()
    assert state is not None
    with pytest.raises(ValueError, match=r"shape|argument"):
        trainer.restore(TrainerState(state.layers[1:], state.optimizer))


def test_an_evaluator_sums_the_losses_of_the_targets_by_their_weights():
    evaluator = backend().create_evaluator(SETTINGS, SIZE, ROWS)
    evaluator.set_weights([np.zeros_like(array) for array in WEIGHTS])  # all tokens as likely
    weight = np.ones((ROWS, MAXLEN), np.float32)
    weight[0] = 0
    (x, y), expected = batches(1)[0], (ROWS - 1) * MAXLEN * np.log(SIZE)
    assert evaluator.total_loss(x, y, weight) == pytest.approx(expected, rel=1e-5)


def test_an_evaluator_carries_its_state_until_it_is_reset():
    evaluator = backend().create_evaluator(SETTINGS, SIZE, ROWS)
    evaluator.set_weights([array * 3 for array in WEIGHTS])
    (x, y), weight = batches(1)[0], np.ones((ROWS, MAXLEN), np.float32)
    first, second = (evaluator.total_loss(x, y, weight) for _ in range(2))
    evaluator.reset_states()
    assert evaluator.total_loss(x, y, weight) == first != second
