"""Writes the weights of models that tests make without Keras."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from textgen.sampling.network import weight_specs
from textgen.settings import ModelConfig


def write_weights(
    path: Path, config: ModelConfig, vocabulary_size: int, weights: Sequence[np.ndarray]
) -> None:
    """Write a model.keras that holds nothing but weights."""
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        for spec, array in zip(weight_specs(config, vocabulary_size), weights, strict=True):
            file[spec.path] = array
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", data.getvalue())
