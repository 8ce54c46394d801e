"""Which numbers a network leaves out of a training step, drawn at random: dropout, DropConnect.

Knows the random numbers of each backend; knows nothing of layers or of how much suits a training.
"""

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import keras


def left_out(x: Any, rate: float, generator: keras.random.SeedGenerator) -> Any:
    """An array with a share of its numbers 0 and the rest made larger to match, drawn anew.

    As keras.random.dropout; but on a CPU TensorFlow takes a sixth of a training step for random
    numbers of 32 bits, and PyTorch as long. There 8 bits decide.

    Args:
        x: Of any shape.
        rate: The share, below 1; there rounded to 256ths, but not to 0.
        generator: Where they are drawn from, made as by `generator`.

    Example:
        >>> keras.ops.shape(left_out(keras.ops.ones(8), 0.5, generator()))
        (8,)
    """
    if not rate:
        return x
    on = keras.backend.backend()
    if on == "jax":
        return keras.random.dropout(x, rate, seed=generator)
    out = min(max(round(rate * 256), 1), 255)
    return (_on_tensorflow if on == "tensorflow" else _on_torch)(x, out, generator)


def _on_tensorflow(x: Any, out: int, generator: keras.random.SeedGenerator) -> Any:
    import tensorflow as tf

    number = tf.size(x)
    drawn = tf.random.stateless_uniform(
        [(number + 3) // 4], generator.next(), minval=None, maxval=None, dtype=tf.uint32
    )
    bits = tf.reshape(tf.reshape(tf.bitcast(drawn, tf.uint8), [-1])[:number], tf.shape(x))
    return tf.where(bits < out, tf.zeros((), x.dtype), x * (256 / (256 - out)))


def _on_torch(x: Any, out: int, generator: keras.random.SeedGenerator) -> Any:
    import torch

    state = generator.state.value.detach().numpy()  # the same memory, which is the host's
    source = torch.Generator(x.device).manual_seed(_mixed(*map(int, state)))
    state[1] += 1
    if x.device.type == "mps":  # which draws no more than 32 bits at once
        bits = torch.empty(x.shape, dtype=torch.uint8, device=x.device)
        bits.random_(0, 256, generator=source)
    else:
        drawn = torch.empty((x.numel() + 7) // 8, dtype=torch.int64, device=x.device)
        drawn.random_(-(2**63), None, generator=source)
        bits = drawn.view(torch.uint8)[: x.numel()].view(x.shape)
    return x * ((bits >= out).to(x.dtype) * (256 / (256 - out)))


def _mixed(seed: int, count: int) -> int:
    """A number of 32 bits that depends on all bits of a seed and of the steps counted so far.

    Their sum would give two layers the same masks a few steps apart.
    """
    # The finalizer of SplitMix64 (Steele, Lea and Flood 2014); PyTorch's CPU uses 32 bits only.
    bits = (seed << 32 ^ count) * 0x9E3779B97F4A7C15 % 2**64
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB % 2**64
    return (bits ^ bits >> 31) >> 32


def generator() -> keras.random.SeedGenerator:
    """What `left_out` draws from.

    A variable holds its state, so that a training goes on with the masks it would have had.
    """
    with on_host():
        return keras.random.SeedGenerator(seed())


def seed() -> int:
    """A random seed for masks, drawn from Python's `random`, which `seeded` seeds.

    Keras does the same by itself, but on PyTorch takes masks without a seed from a generator that
    no variable holds.
    """
    return random.randrange(1, 10**9)


@contextmanager
def seeded(random_seed: int) -> Iterator[None]:
    """Build networks that depend on a random seed alone; `random` is afterwards as it was before.

    Keras's layers and initializers draw their own seeds from Python's `random`, and from nothing
    else. Numbers that another thread draws from it in the meantime do not count.

    Args:
        random_seed: A whole number, 0 or more.

    Example:
        >>> with seeded(1):
        ...     one = seed()
        >>> with seeded(1):
        ...     print(seed() == one)
        True
    """
    before = random.getstate()
    random.seed(random_seed)
    try:
        yield
    finally:
        random.setstate(before)


def on_host() -> AbstractContextManager[Any]:
    """Where generators are made: on PyTorch in the host's memory, since who reads a GPU's waits for
    all that it was asked before."""
    return keras.device("cpu") if keras.backend.backend() == "torch" else nullcontext()
