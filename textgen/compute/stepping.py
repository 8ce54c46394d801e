"""Training steps of a compiled network, one after the other.

Knows how Keras trains on a batch, and what of that JAX can do without (PyTorch: torch_steps.py);
knows nothing of data, of clocks or of what a loss is good for.
"""

from collections.abc import Callable
from typing import Any, Protocol

import keras
import numpy as np

from textgen.compute import overrides
from textgen.compute.runtime import Device
from textgen.compute.torch_steps import TorchSteps
from textgen.distributed.sharding import Sharding
from textgen.model.build import carried_states


class Steps(Protocol):
    """Steps of one network.

    Attributes:
        ahead: How many steps may be begun before the loss of the first of them is read.
    """

    ahead: int

    def begin(self, x: Any, y: Any, learning_rate: float, kept: Any = None) -> Any:
        """Begin a step.

        Args:
            x, y: Inputs and targets, this process's part of a batch.
            learning_rate: Of this step.
            kept: What the carried state of each row is multiplied with before the step, float32
                of shape (rows, 1), as from `batches.draw_state_mask`; None to keep all.

        Returns:
            What `float` makes the loss of, once it is there.
        """

    def settle(self) -> None:
        """End what was begun: the network's and its optimizer's variables may be read and set."""


def steps(network: keras.Model, device: Device) -> Steps:
    """The quickest steps for a compiled network, whose optimizer is built with it.

    Args:
        network: With `compile` called, and a variable for its learning rate.
        device: Where it runs.

    Returns:
        The steps, of which the first raises a `TrainingError` if Keras does not call all that
        textgen overrides.
    """
    if not network.optimizer.built:
        network.optimizer.build(network.trainable_variables)
    # Several processes hear each other between two steps, and all must at the same one.
    ahead = int(device.name != "cpu" and not device.communicator.in_lockstep)
    made: Steps
    if device.backend == "jax":
        made = _OnJax(network, device.sharding, ahead)
    elif device.backend == "torch":
        made = TorchSteps(network, ahead)
    else:
        made = _OnKeras(network)
    return _Checked(made, network)


class _Checked:
    """Steps that check, after the first, that Keras called all that textgen overrides."""

    def __init__(self, steps: Steps, network: keras.Model):
        self.ahead, self.settle = steps.ahead, steps.settle
        self._steps, self._network, self._is_first = steps, network, True
        overrides.forget(network)

    def begin(self, x: Any, y: Any, learning_rate: float, kept: Any = None) -> Any:
        loss = self._steps.begin(x, y, learning_rate, kept)
        if self._is_first:
            self._is_first = False
            overrides.check(self._network)
        return loss


class _OnKeras:
    """Keras's own."""

    ahead = 0

    def __init__(self, network: keras.Model):
        self._network = network
        self._rate: float | None = None
        self._multiply_states = _multiplying_on_tensorflow(carried_states(network))

    def begin(self, x: Any, y: Any, learning_rate: float, kept: Any = None) -> Any:
        if kept is not None:
            self._multiply_states(kept)
        if learning_rate != self._rate:
            self._rate = learning_rate
            self._network.optimizer.learning_rate.assign(learning_rate)
        return self._network.train_on_batch(x, y)

    def settle(self) -> None:
        self._rate = None  # whoever sets variables may set this one


def _multiplying_on_tensorflow(states: list[Any]) -> Callable[[Any], None]:
    """What multiplies carried states by a number for each row, as one operation."""
    import tensorflow as tf

    @tf.function  # type: ignore[untyped-decorator,unused-ignore]
    def multiply(kept: Any) -> None:
        for state in states:
            state.assign(state * tf.cast(kept, state.dtype))

    rows = states[0].shape[0] if states else None
    # Called as it is traced, in half the time that TensorFlow takes to look up what to call.
    traced = multiply.get_concrete_function(tf.TensorSpec((rows, 1), tf.float32))
    return lambda kept: traced(tf.constant(kept))


class _OnJax:
    """Steps that hand their values on to the next one, past Keras's variables, until `settle`.

    Keras 3.15 takes all variables together before each step and assigns them after it, which takes
    a GPU's time for a step of its own.
    """

    def __init__(self, network: keras.Model, sharding: Sharding, ahead: int):
        import jax

        self.ahead, self._network = ahead, network
        self._values: Any = None
        self._placed = sharding.place_rows
        others = [id(one) for one in network.non_trainable_variables]
        states = [id(state) for state in carried_states(network)]
        if not set(states) <= set(others):
            raise overrides.changed("keras", "it does not list a layer's state as a variable")
        carried = [others.index(state) for state in states]
        optimizer = network.optimizer
        place = [id(one) for one in optimizer.variables].index(id(optimizer.learning_rate))

        def step(values: Any, x: Any, y: Any, learning_rate: Any, kept: Any) -> Any:
            weights, others, tuned = values
            for state in carried:
                others[state] = others[state] * kept.astype(others[state].dtype)
            tuned = [*tuned[:place], learning_rate, *tuned[place + 1 :]]

            def scaled(weights: Any) -> Any:
                outputs, changed = network.stateless_call(weights, others, x, training=True)
                loss = network.loss(y, outputs)
                with keras.StatelessScope(zip(optimizer.variables, tuned, strict=True)):
                    return optimizer.scale_loss(loss), (loss, changed)

            (_, (loss, changed)), gradients = jax.value_and_grad(scaled, has_aux=True)(weights)
            weights, tuned = optimizer.stateless_apply(tuned, gradients, weights)
            return (list(weights), list(changed), list(tuned)), loss

        self._step = jax.jit(step, donate_argnums=0, **sharding.jit_options(*self._variables()))

    def begin(self, x: Any, y: Any, learning_rate: float, kept: Any = None) -> Any:
        if kept is None:
            kept = np.ones((len(x), 1), np.float32)
        if self._values is None:
            self._values = tuple([one.value for one in kind] for kind in self._variables())
        x, y, kept = self._placed(x), self._placed(y), self._placed(kept)
        self._values, loss = self._step(self._values, x, y, np.float32(learning_rate), kept)
        return loss

    def settle(self) -> None:
        if self._values is None:
            return
        for variables, values in zip(self._variables(), self._values, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        self._values = None

    def _variables(self) -> tuple[list[Any], list[Any], list[Any]]:
        network = self._network
        optimizer = network.optimizer.variables
        return network.trainable_variables, network.non_trainable_variables, optimizer
