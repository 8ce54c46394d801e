"""Networks that predict what a test wants."""

from abc import ABC, abstractmethod

import numpy as np

from textgen.sampling.cells import Allocate
from textgen.sampling.readers import Reader, Rows


class FakeNetwork(ABC):
    """A network of which a subclass says how its readers work."""

    products = 0

    @abstractmethod
    def make_reader(self, allocate: Allocate) -> Reader:
        """A reader whose states are in arrays that `allocate` gives."""

    def for_generation(self) -> "FakeNetwork":
        return self

    def reader(self, shape: tuple[int, ...] = ()) -> Reader:
        return self.make_reader(lambda width: np.zeros((*shape, width), np.float32))

    def rows(self, capacity: int, shape: tuple[int, ...] = ()) -> Rows:
        return Rows(self.make_reader, np.zeros(0, np.int64), (capacity, *shape))
