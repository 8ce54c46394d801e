"""How many threads compute a matrix product while the server runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

# Networks with fewer take about as long with one thread as with two.
_MANY_PARAMETERS = 200_000
_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def limit_threads(parameters: int) -> Iterator[None]:
    """Let one thread compute the matrix products of small networks, until the block ends.

    Threads that share a product wait for each other. When connections, clients or other programs
    need a core, too, all of them wait for the one that has none, and a step that takes a quarter of
    a millisecond takes several. A large network gains more from a second core than that costs.

    Args:
        parameters: Those of the largest network. A number of threads that the environment sets is
            left as it is.

    Example:
        >>> with limit_threads(100_000):  # doctest: +SKIP
        ...     server.run()
    """
    if parameters >= _MANY_PARAMETERS or any(name in os.environ for name in _VARIABLES):
        yield
        return
    with threadpool_limits(1, user_api="blas"):
        yield
