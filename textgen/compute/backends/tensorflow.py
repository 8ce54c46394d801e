"""Training on TensorFlow."""

from collections.abc import Callable
from typing import Any, ClassVar

import keras
import tensorflow as tf

from textgen.compute.backend import Device
from textgen.compute.backends.keras_backend import CUDNN_CELLS, CUDNN_UNKNOWN, KerasBackend
from textgen.compute.backends.tensorflow_adamw import CpuAdamW
from textgen.compute.dropout_masks import DropoutMasks, quantize_rate
from textgen.compute.layers.carried_state import carried_states
from textgen.compute.layers.tensorflow_output import TensorflowOutputLoss
from textgen.compute.layers.tensorflow_recurrent import TensorflowCpuRecurrent
from textgen.compute.layers.tensorflow_resets import with_texts_apart
from textgen.compute.steps import Steps
from textgen.model.build import RECURRENT
from textgen.private_names import PrivateNames, lookup
from textgen.text.batches import Inputs


class _Masks(DropoutMasks):
    """On a CPU random numbers of 32 bits would take a sixth of a training step; 8 bits decide."""

    def _draw(self, x: Any, rate: float, generator: keras.random.SeedGenerator) -> Any:
        size, out = tf.size(x), quantize_rate(rate)
        numbers = tf.random.stateless_uniform(
            [(size + 3) // 4], generator.next(), minval=None, maxval=None, dtype=tf.uint32
        )
        bits = tf.reshape(tf.reshape(tf.bitcast(numbers, tf.uint8), [-1])[:size], tf.shape(x))
        return tf.where(bits < out, tf.zeros((), x.dtype), x * (256 / (256 - out)))


class TensorflowBackend(KerasBackend):
    name = "tensorflow"
    gpu_support = "pip install 'keras-textgen[gpu]'"
    private_names = PrivateNames(
        "tensorflow",
        {  # tensorflow_adamw.py
            "raw_ops.ResourceApplyAdam": lambda: lookup("tensorflow", "raw_ops.ResourceApplyAdam"),
        },
    )
    masks: ClassVar[DropoutMasks] = _Masks()
    cpu_recurrent = TensorflowCpuRecurrent
    output_loss = TensorflowOutputLoss

    @classmethod
    def running_on(cls) -> str:
        return "gpu" if cls.first_gpu() else "cpu"

    @classmethod
    def first_gpu(cls) -> Device | None:
        gpus = tf.config.get_visible_devices("GPU")
        return Device("cuda", str(gpus[0].name)) if gpus else None

    def stock_layer(self, cell: str) -> type[keras.layers.RNN]:
        if self.device.kind == "cuda" and cell in CUDNN_CELLS:
            return with_texts_apart(RECURRENT[cell])
        return super().stock_layer(cell)

    def adamw(self) -> type[keras.optimizers.Optimizer]:
        return CpuAdamW if self.device.is_cpu else super().adamw()

    def create_steps(self, network: keras.Model) -> Steps:
        return TensorflowSteps(network)

    def why_no_cudnn_on_gpu(self, network: Any, x: Inputs, cell: str) -> str:
        traced = tf.function(lambda x: network(x, training=False))
        specs = tf.nest.map_structure(lambda ids: tf.TensorSpec(ids.shape, tf.int32), x)
        graph = traced.get_concrete_function(specs).graph
        operations = graph.get_operations()
        uses_it = any(operation.type.startswith("CudnnRNN") for operation in operations)
        return "" if uses_it else CUDNN_UNKNOWN

    def device_errors(self) -> tuple[type[Exception], ...]:
        return MemoryError, tf.errors.OpError


class TensorflowSteps(Steps):
    """Steps by Keras's `train_on_batch`."""

    def __init__(self, network: keras.Model):
        self._network = network
        self._rate: float | None = None
        self._multiply_states = _multiplying(carried_states(network))

    def begin(self, x: Any, y: Any, learning_rate: float, state_mask: Any = None) -> Any:
        if state_mask is not None:
            self._multiply_states(state_mask)
        if learning_rate != self._rate:
            self._rate = learning_rate
            self._network.optimizer.learning_rate.assign(learning_rate)
        return self._network.train_on_batch(x, y)

    def settle(self) -> None:
        self._rate = None  # the caller may set this variable, too


def _multiplying(states: list[Any]) -> Callable[[Any], None]:
    """What multiplies carried states by a number for each row, as one operation."""

    @tf.function  # type: ignore[untyped-decorator,unused-ignore]
    def multiply(state_mask: Any) -> None:
        for state in states:
            state.assign(state * tf.cast(state_mask, state.dtype))

    rows = states[0].shape[0] if states else None
    # Called as it is traced, in half the time that TensorFlow takes to look up what to call.
    traced = multiply.get_concrete_function(tf.TensorSpec((rows, 1), tf.float32))
    return lambda state_mask: traced(tf.constant(state_mask))


BACKEND = TensorflowBackend
