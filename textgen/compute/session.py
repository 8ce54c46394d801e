"""Global settings of Keras and Python's random numbers, set for a block and restored after it."""

import random
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def keras_defaults() -> Iterator[None]:
    """Keras in float32 on one device, whatever is configured; afterwards as it was before.

    Networks must be built, traced and trained in it.
    """
    import keras

    config = keras.config
    floatx, policy = config.floatx(), config.dtype_policy()
    config.set_floatx("float32")
    config.set_dtype_policy("float32")
    try:
        with one_device():
            yield
    finally:
        config.set_floatx(floatx)
        config.set_dtype_policy(policy)


@contextmanager
def one_device() -> Iterator[None]:
    """Keras without a distribution of models over several devices; afterwards as before."""
    import keras

    distribution = keras.distribution.distribution()
    if distribution is not None:
        keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        if distribution is not None:
            keras.distribution.set_distribution(distribution)


@contextmanager
def seeded(random_seed: int) -> Iterator[None]:
    """Build networks that depend on a random seed alone; `random` is afterwards as it was before.

    Keras's layers and initializers draw their own seeds from Python's `random`, and from nothing
    else. Numbers that another thread draws from it in the meantime do not count.

    Args:
        random_seed: A whole number, 0 or more.

    Example:
        >>> with seeded(1):
        ...     first = random.random()
        >>> with seeded(1):
        ...     print(random.random() == first)
        True
    """
    before = random.getstate()
    random.seed(random_seed)
    try:
        yield
    finally:
        random.setstate(before)
