"""One step of a trained network in NumPy alone, from an archive of arrays with readable names.

This is the plainest form of the arithmetic, for readers to copy. textgen itself samples with the
faster network of textgen/sampling/, and verifies this one against it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.exporting.signature import ID, PROBABILITIES, Signature

Floats = npt.NDArray[np.float32]
Step = Callable[[dict[str, Any]], dict[str, Any]]


def named_arrays(signature: Signature, weights: Sequence[npt.NDArray[Any]]) -> dict[str, Any]:
    """The arrays of a model by name.

    Args:
        signature: The inputs and outputs of a step.
        weights: float32 arrays as `textgen.sampling.network.weight_specs` lists them.

    Returns:
        `embedding` of shape (vocabulary, width), except for one-hot input; for each kind of label
        `label_embedding_1` and so on, of shape (its ids, width), width being the vocabulary's size
        with one-hot input; for each layer from 1
        `kernel_1` of shape (width below, gates * units), `recurrent_kernel_1` of shape (units,
        gates * units) and `bias_1` of shape (gates * units,), or (2, gates * units) for a GRU;
        `dense_kernel` of shape (units, vocabulary) and `dense_bias` of shape (vocabulary,).
    """
    embedding, *kernels, dense_kernel, dense_bias = weights
    named = {"embedding": embedding} if signature.config.embedding else {}
    labels = len(signature.labels)
    for number, array in enumerate(kernels[:labels], start=1):
        named[f"label_embedding_{number}"] = array
    kernels = kernels[labels:]
    for place, array in enumerate(kernels):
        number, kind = divmod(place, 3)
        named[f"{('kernel', 'recurrent_kernel', 'bias')[kind]}_{number + 1}"] = array
    return {**named, "dense_kernel": dense_kernel, "dense_bias": dense_bias}


def load_step(path: Path, signature: Signature) -> Step:
    """The step of an archive of `named_arrays`: from inputs by name to outputs by name."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    compute = FORMULAS[signature.config.cell]

    def step(inputs: dict[str, Any]) -> dict[str, Any]:
        ids = inputs[ID]
        outputs: dict[str, Any] = {}
        if "embedding" in arrays:
            x = arrays["embedding"][ids]
        else:
            x = np.zeros((len(ids), signature.vocabulary_size), np.float32)
            x[np.arange(len(ids)), ids] = 1
        for number, name in enumerate(signature.labels, start=1):
            x = x + arrays[f"label_embedding_{number}"][inputs[name]]
        for number, states in enumerate(signature.layers, start=1):
            x_kernel = x @ arrays[f"kernel_{number}"]
            h_kernel = inputs[states[0].name] @ arrays[f"recurrent_kernel_{number}"]
            before = [inputs[state.name] for state in states]
            after = compute(x_kernel, h_kernel, arrays[f"bias_{number}"], *before)
            outputs |= {state.next: array for state, array in zip(states, after, strict=True)}
            x = after[0]
        logits = x @ arrays["dense_kernel"] + arrays["dense_bias"]
        odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return {PROBABILITIES: odds / odds.sum(axis=-1, keepdims=True), **outputs}

    return step


def _sigmoid(x: Floats) -> Floats:
    return np.asarray((1 + np.tanh(x / 2)) / 2)  # as 1 / (1 + exp(-x)), which can overflow


def _lstm(x: Floats, inner: Floats, bias: Floats, _h: Floats, c: Floats) -> tuple[Floats, ...]:
    i, f, g, o = np.split(x + inner + bias, 4, axis=-1)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return _sigmoid(o) * np.tanh(c), c


def _gru(x: Floats, inner: Floats, bias: Floats, h: Floats) -> tuple[Floats, ...]:
    x_z, x_r, x_n = np.split(x + bias[0], 3, axis=-1)
    h_z, h_r, h_n = np.split(inner + bias[1], 3, axis=-1)
    z, r = _sigmoid(x_z + h_z), _sigmoid(x_r + h_r)
    return (z * h + (1 - z) * np.tanh(x_n + r * h_n),)


def _rnn(x: Floats, inner: Floats, bias: Floats, _h: Floats) -> tuple[Floats, ...]:
    return (np.tanh(x + inner + bias),)


FORMULAS: dict[str, Callable[..., tuple[Floats, ...]]] = {"lstm": _lstm, "gru": _gru, "rnn": _rnn}
