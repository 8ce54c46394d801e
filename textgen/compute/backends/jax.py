"""Training on JAX, the one backend that several processes or GPUs can train on together."""

from typing import Any

import jax
import keras
import numpy as np

from textgen.compute.backend import Device
from textgen.compute.backends.keras_backend import KerasBackend
from textgen.compute.layers.carried_state import carried_states
from textgen.compute.layers.jax_lstm import JaxGpuLSTM
from textgen.compute.layers.jax_output import JaxOutputLoss
from textgen.compute.layers.jax_recurrent import JaxCpuRecurrent
from textgen.compute.layers.jax_sharded import sharded
from textgen.compute.steps import Steps
from textgen.distributed.sharding import Sharding, create_sharding
from textgen.packages import incompatible
from textgen.private_names import PrivateNames, lookup
from textgen.text.batches import Inputs


def _has_settings(*names: str) -> bool:
    return all(hasattr(jax.config, name) for name in names)


class JaxBackend(KerasBackend):
    name = "jax"
    gpu_support = "pip install 'jax[cuda]'"
    private_names = PrivateNames(
        "jax",
        {
            "experimental.buffer_callback": lambda: lookup(  # layers/jax_recurrent.py
                "jax.experimental.buffer_callback", "buffer_callback"
            ),
            # distributed/
            "experimental.multihost_utils": lambda: (
                lookup("jax.experimental.multihost_utils", "process_allgather")
                and lookup("jax.experimental.multihost_utils", "broadcast_one_to_all")
            ),
            "config.jax_cpu_collectives_implementation": lambda: _has_settings(
                "jax_cpu_collectives_implementation"
            ),
            "config.jax_enable_preemption_service": lambda: _has_settings(
                "jax_enable_preemption_service"
            ),
        },
    )
    cpu_recurrent = JaxCpuRecurrent
    gpu_lstm = JaxGpuLSTM
    output_loss = JaxOutputLoss
    replaces_cudnn = True

    @classmethod
    def running_on(cls) -> str:
        return str(jax.default_backend())

    @classmethod
    def first_gpu(cls) -> Device | None:
        gpus = [device for device in jax.local_devices() if device.platform == "gpu"]
        return Device("cuda", str(gpus[0].device_kind)) if gpus else None

    @classmethod
    def find_sharding(cls, processes: int) -> Sharding:
        return create_sharding(jax.device_count(), processes)

    def recurrent_layer(self, cell: str, precision: str) -> type[keras.layers.RNN]:
        layer = super().recurrent_layer(cell, precision)
        return sharded(layer) if self.sharding.count > 1 else layer

    def create_steps(self, network: keras.Model) -> Steps:
        return JaxSteps(network, self.sharding, self.steps_ahead)

    def why_no_cudnn_on_gpu(self, network: Any, x: Inputs, cell: str) -> str:
        return "" if cell == "lstm" else "JAX has its LSTM only"

    def device_errors(self) -> tuple[type[Exception], ...]:
        # JAX's own errors are RuntimeErrors.
        return MemoryError, RuntimeError, *self.communicator.connection_errors


class JaxSteps(Steps):
    """Steps that hand their values on to the next one, past Keras's variables, until `settle`.

    Keras 3.15 takes all variables together before each step and assigns them after it, which takes
    a GPU's time for a whole step.
    """

    def __init__(self, network: keras.Model, sharding: Sharding, steps_ahead: int):
        self.steps_ahead, self._network = steps_ahead, network
        self._values: Any = None
        self._place_rows = sharding.place_rows
        others = [id(variable) for variable in network.non_trainable_variables]
        states = [id(state) for state in carried_states(network)]
        if not set(states) <= set(others):
            raise incompatible("keras", "it does not list a layer's state as a variable")
        carried = [others.index(state) for state in states]
        optimizer = network.optimizer
        rate = [id(variable) for variable in optimizer.variables].index(id(optimizer.learning_rate))

        def step(values: Any, x: Any, y: Any, learning_rate: Any, state_mask: Any) -> Any:
            weights, others, moments = values
            for state in carried:
                others[state] = others[state] * state_mask.astype(others[state].dtype)
            moments = [*moments[:rate], learning_rate, *moments[rate + 1 :]]

            def compute_loss(weights: Any) -> Any:
                outputs, changed = network.stateless_call(weights, others, x, training=True)
                with keras.StatelessScope(zip(network.trainable_variables, weights, strict=True)):
                    loss = network.loss(y, outputs)  # it may have weights of the network
                with keras.StatelessScope(zip(optimizer.variables, moments, strict=True)):
                    return optimizer.scale_loss(loss), (loss, changed)

            differentiate = jax.value_and_grad(compute_loss, has_aux=True)
            (_, (loss, changed)), gradients = differentiate(weights)
            weights, moments = optimizer.stateless_apply(moments, gradients, weights)
            return (list(weights), list(changed), list(moments)), loss

        self._step = jax.jit(step, donate_argnums=0, **sharding.jit_options(*self._variables()))

    def begin(self, x: Any, y: Any, learning_rate: float, state_mask: Any = None) -> Any:
        if state_mask is None:
            state_mask = np.ones((len(y), 1), np.float32)
        if self._values is None:
            kinds = self._variables()
            self._values = tuple([variable.value for variable in kind] for kind in kinds)
        x, y, state_mask = jax.tree.map(self._place_rows, (x, y, state_mask))
        self._values, loss = self._step(self._values, x, y, np.float32(learning_rate), state_mask)
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


BACKEND = JaxBackend
