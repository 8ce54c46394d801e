"""Which numbers a network leaves out of a training step, drawn at random: dropout, DropConnect."""

import random
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras


class DropoutMasks:
    """Masks as Keras draws them; a backend overrides `_draw` where it has a faster way."""

    def dropout(self, x: Any, rate: float, generator: keras.random.SeedGenerator) -> Any:
        """An array with a random share of its numbers 0 and the rest made larger to match.

        As `keras.random.dropout`, except that a backend may round the rate to 256ths, but not to 0.

        Args:
            x: A float array of any shape.
            rate: The share, at least 0 and below 1.
            generator: From `generator`; each call draws other numbers.

        Returns:
            An array like x.

        Example:
            >>> masks = DropoutMasks()
            >>> keras.ops.shape(masks.dropout(keras.ops.ones(8), 0.5, masks.generator()))
            (8,)
        """
        return self._draw(x, rate, generator) if rate else x

    def generator(self) -> keras.random.SeedGenerator:
        """A generator for `dropout`.

        A variable holds its state, so that a resumed training draws the masks that it would have
        drawn.
        """
        with self.host_scope():
            return keras.random.SeedGenerator(self.seed())

    def seed(self) -> int:
        """A random seed for masks, drawn from Python's `random`, which `session.seeded` seeds.

        Keras does the same by itself, but on PyTorch takes masks without a seed from a generator
        that no variable holds.
        """
        return random.randrange(1, 10**9)

    def host_scope(self) -> AbstractContextManager[Any]:
        """A block in which generators are created: where the framework puts them by default."""
        return nullcontext()

    def _draw(self, x: Any, rate: float, generator: keras.random.SeedGenerator) -> Any:
        return keras.random.dropout(x, rate, seed=generator)


def quantize_rate(rate: float) -> int:
    """A rate that 8 random bits can decide, at least 1 and at most 255."""
    return min(max(round(rate * 256), 1), 255)
