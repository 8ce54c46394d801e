"""Undocumented names of other packages: all are there, and one that is gone is an error."""

import importlib
from typing import Any

import keras
import pytest

from tests.compute.here import ON, backend
from textgen import private_names
from textgen.compute.keras_names import KERAS
from textgen.errors import TrainingError
from textgen.kernels.numba_names import NUMBA
from textgen.sampling.automaton.syntax import PYTHON

NAMES = [KERAS, NUMBA, PYTHON, backend().private_names]


@pytest.mark.parametrize("names", NAMES, ids=lambda names: names.package)
def test_every_undocumented_name_is_there(names):
    private_names.check.cache_clear()
    private_names.check(names)


GONE = [
    ("keras", "keras", "layers.RNN.inner_loop"),
    ("keras", "keras", "optimizers.AdamW.update_step"),
    ("keras", "keras", "optimizers.AdamW._get_variable_index"),
    ("jax", "jax.experimental.buffer_callback", "buffer_callback"),
    ("jax", "jax.experimental.multihost_utils", "process_allgather"),
    ("torch", "torch.optim.adamw", "adamw"),
    ("torch", "torch", "_VF"),
    ("numba", "numba.core.caching", "IndexDataCacheFile"),
    ("numba", "numba.core.sigutils", "normalize_signature"),
    ("Python", "re._parser", "parse"),
    ("Python", "re._compiler", "compile"),
]


@pytest.mark.parametrize(("package", "module", "names"), GONE)
def test_a_missing_undocumented_name_is_reported_in_one_line(package, module, names, monkeypatch):
    table = {names.package: names for names in NAMES}
    if package not in table:
        pytest.skip(f"these tests run on {ON}")
    owner, _, last = names.rpartition(".")
    place: Any = importlib.import_module(module)
    for name in owner.split(".") if owner else ():
        place = getattr(place, name)
    for kind in getattr(place, "__mro__", (place,)):  # also where it is inherited from
        if last in vars(kind):
            monkeypatch.delattr(kind, last)
    private_names.check.cache_clear()
    with pytest.raises(TrainingError) as raised:
        private_names.check(table[package])
    assert str(raised.value).startswith(f"{package} ") and last in str(raised.value)
    assert "does not work with this version of textgen: it has no" in str(raised.value)
    assert "\n" not in str(raised.value)
    private_names.check.cache_clear()


def test_a_changed_signature_is_reported(monkeypatch):
    monkeypatch.setattr(keras.layers.RNN, "inner_loop", lambda self, sequences, states: None)
    private_names.check.cache_clear()
    with pytest.raises(TrainingError, match=r"its RNN\.inner_loop is different"):
        private_names.check(KERAS)
    private_names.check.cache_clear()
