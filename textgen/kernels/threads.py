"""Work that the processors share: compiled functions that each do a part of the same arrays."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache

from textgen.text.workers import processor_count


def run_in_threads(count: int, unit: int, run: Callable[[int, int], None]) -> None:
    """Do a number of things in as many threads as there are processors.

    Args:
        count: How many things.
        unit: Each thread but the last does a multiple of so many.
        run: Does the things from its first argument to the one before its second.
    """
    workers, threads = _threads()
    units = -(-count // unit)
    parts = min(threads, units)
    ends = [min(units * part // parts * unit, count) for part in range(parts + 1)]
    others = [workers.submit(run, *ends[part : part + 2]) for part in range(1, parts)]
    try:
        run(*ends[:2])
    finally:
        wait(others)  # they write to the same arrays
    for other in others:
        other.result()


@cache
def _threads() -> tuple[ThreadPoolExecutor, int]:
    """Threads besides this one, and how many there are with it."""
    count = processor_count()
    limit = os.environ.get("OMP_NUM_THREADS", "")  # as with libraries of matrix products
    if limit.isdecimal() and int(limit):
        count = min(count, int(limit))
    return ThreadPoolExecutor(max(count - 1, 1), "kernel"), count


# A forked process has none of the threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)
