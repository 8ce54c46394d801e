"""Training steps of a compiled network: each backend has its own class of them."""

from abc import ABC, abstractmethod
from typing import Any, SupportsFloat

import keras

from textgen.compute import overrides


class Steps(ABC):
    """Steps of one network, whose optimizer is built with it.

    Attributes:
        steps_ahead: How many steps may begin before the loss of the first of them is read.
    """

    steps_ahead: int = 0

    @abstractmethod
    def begin(self, x: Any, y: Any, learning_rate: float, state_mask: Any = None) -> SupportsFloat:
        """As `Trainer.step`."""

    @abstractmethod
    def settle(self) -> None:
        """Finish all steps: the network's and its optimizer's variables may be read and
        set."""


class CheckedSteps(Steps):
    """Steps that check, after the first, that Keras called all methods that textgen overrides."""

    def __init__(self, steps: Steps, network: keras.Model):
        self.steps_ahead, self.steps = steps.steps_ahead, steps
        self._network, self._is_first = network, True
        overrides.forget_calls(network)

    def begin(self, x: Any, y: Any, learning_rate: float, state_mask: Any = None) -> SupportsFloat:
        """As `Trainer.step`.

        Raises:
            TrainingError: Keras did not call one of them.
        """
        loss = self.steps.begin(x, y, learning_rate, state_mask)
        if self._is_first:
            self._is_first = False
            overrides.check_calls(self._network)
        return loss

    def settle(self) -> None:
        self.steps.settle()
