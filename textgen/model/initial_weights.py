"""The weights that training begins with: the same ones on every backend."""

import math

import numpy as np
import numpy.typing as npt

from textgen.sampling.cells import CELLS
from textgen.sampling.network import weight_specs
from textgen.settings import ModelConfig


def initial_weights(
    config: ModelConfig, vocabulary_size: int, generator: np.random.Generator
) -> list[npt.NDArray[np.float32]]:
    """Initial weights, distributed as Keras's initializers draw them.

    Args:
        config: The network.
        vocabulary_size: Tokens in the vocabulary.
        generator: Where they are drawn from.

    Returns:
        Arrays in the order of Keras's `get_weights()`: embeddings uniform, kernels uniform as in
        Glorot and Bengio (2010), recurrent kernels orthogonal as in Saxe, McClelland and Ganguli
        (2014), biases 0, and 1 for an LSTM's forget gate; with `init_stddev` all kernels normal.

    Example:
        >>> weights = initial_weights(ModelConfig(units=(8,)), 65, np.random.default_rng(1))
        >>> [array.shape for array in weights]
        [(65, 64), (64, 32), (8, 32), (32,), (8, 65), (65,)]
    """
    cell = CELLS[config.cell]
    shapes = [spec.shape for spec in weight_specs(config, vocabulary_size)]

    def kernel(rows: int, columns: int) -> npt.NDArray[np.float64]:
        if config.init_stddev:
            return generator.normal(0.0, config.init_stddev, (rows, columns))
        bound = math.sqrt(6 / (rows + columns))
        return generator.uniform(-bound, bound, (rows, columns))

    def recurrent(units: int, columns: int) -> npt.NDArray[np.float64]:
        if config.init_stddev:
            return kernel(units, columns)
        q, r = np.linalg.qr(generator.standard_normal((columns, units)))
        return (q * np.sign(np.diag(r))).T

    def embedding(rows: int, columns: int) -> npt.NDArray[np.float64]:
        return generator.uniform(-0.05, 0.05, (rows, columns))

    embeddings = 1 + len(config.label_sizes)
    weights = [embedding(*shapes[0]) if config.embedding else np.eye(vocabulary_size)]
    weights += [embedding(*shape) for shape in shapes[1:embeddings]]
    for number in range(embeddings, len(shapes) - 2, 3):
        bias = np.zeros(shapes[number + 2])
        if cell.forget_gate is not None:
            units = len(bias) // cell.gates
            bias[cell.forget_gate * units : (cell.forget_gate + 1) * units] = 1
        weights += [kernel(*shapes[number]), recurrent(*shapes[number + 1]), bias]
    weights += [kernel(*shapes[-2]), np.zeros(shapes[-1])]
    return [array.astype(np.float32) for array in weights]
