"""Global settings are set for a block and restored after it."""

import random

import keras
import pytest

from textgen.compute import session


def test_keras_is_in_float32_inside_and_as_it_was_outside():
    usual = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float16")
    try:
        with session.keras_defaults():
            assert keras.config.floatx() == keras.config.dtype_policy().name == "float32"
        assert keras.config.floatx() == "float16"
    finally:
        keras.config.set_floatx(usual[0])
        keras.config.set_dtype_policy(usual[1])


def test_random_numbers_depend_on_the_seed_alone_and_continue_as_before():
    random.seed(7)
    before = random.getstate()
    drawn = []
    for seed in (1, 1, 2):
        with session.seeded(seed):
            drawn.append(random.random())
        assert random.getstate() == before
    assert drawn[0] == drawn[1] != drawn[2]


def test_they_are_restored_after_an_error():
    before = random.getstate()
    with pytest.raises(KeyError), session.seeded(1):
        raise KeyError
    assert random.getstate() == before
