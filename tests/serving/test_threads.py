"""How many threads compute a matrix product while the server runs."""

import os
import subprocess
import sys

import pytest

SHOW = """
import numpy as np
from threadpoolctl import threadpool_info
from textgen.serving.threads import limit_threads

def threads():
    return max(each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas")

before = threads()
with limit_threads({parameters}):
    print(before, threads())
assert threads() == before
"""


def count_threads(parameters: int, **environment: str) -> tuple[int, int]:
    """Threads before and while a server runs, in a new process."""
    result = subprocess.run(
        [sys.executable, "-c", SHOW.format(parameters=parameters)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    before, limited = map(int, result.stdout.split())
    return before, limited


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


def test_a_small_network_has_one_thread():
    assert count_threads(100_000)[1] == 1


def test_a_large_network_has_all():
    before, limited = count_threads(5_000_000)
    assert limited == before


def test_the_environment_decides():
    before, limited = count_threads(100_000, OPENBLAS_NUM_THREADS="2")
    assert limited == before
