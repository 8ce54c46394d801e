"""Optimizers from settings."""

import pytest

from tests.compute.here import CPU, GPU, backend
from textgen.compute.optimizer import create_optimizer
from textgen.settings import TrainConfig


@pytest.mark.parametrize("device", [CPU, GPU], ids=lambda device: device.kind)
def test_weight_decay_is_that_of_the_settings(device):
    optimizer = create_optimizer(TrainConfig(weight_decay=0.05), backend(device).adamw())
    assert optimizer.weight_decay == pytest.approx(0.05)
