"""Worker processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from textgen.errors import CorpusError, WorkerError
from textgen.text import workers

HEAVY = ("keras", "tensorflow", "jax", "torch", "matplotlib", "click")


def count_to(task: int, number: int):
    for count in range(number):
        yield task, count


def fail(after: Path | None, message: str):
    """Raise an error, once a file is there."""
    while after is not None and not after.exists():
        time.sleep(0.01)
    yield from ()
    raise CorpusError(message)


def die(number: int):
    yield number
    os.kill(os.getpid(), signal.SIGKILL)


def loaded():
    import textgen.text.encode  # noqa: F401

    yield sorted(name for name in HEAVY if name in sys.modules)


def tick(folder: Path):
    """Never end."""
    (folder / str(os.getpid())).touch()
    while True:
        yield None
        time.sleep(0.01)


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_every_task_is_done_once_and_its_results_stay_in_order(jobs):
    with workers.worker_pool() as pool:
        for numbers in ([3, 0, 5, 1, 2, 4, 2], [1], []):  # a pool can be used again
            results = list(workers.run_tasks(pool, jobs, count_to, enumerate(numbers)))
            for task, number in enumerate(numbers):
                assert [result for of, result in results if of == task] == list(range(number))
            assert len(results) == sum(numbers)
        assert len(pool) == (jobs if jobs > 1 else 0)
    assert all(worker.process.returncode == -signal.SIGKILL for worker in pool)


def test_the_first_error_in_order_wins(tmp_path):
    late = tmp_path / "late"
    with workers.worker_pool() as pool, pytest.raises(CorpusError, match="the first") as caught:
        threading.Timer(1.5, late.touch).start()
        list(workers.run_tasks(pool, 2, fail, [(late, "the first"), (None, "the second")]))
    assert "in fail" in caught.value.__notes__[0]  # for --debug


def test_no_task_is_started_after_a_failure(tmp_path):
    taken = []

    def tasks():
        for number in range(50):
            taken.append(number)
            yield None, f"error {number}"

    with workers.worker_pool() as pool, pytest.raises(CorpusError, match="error 0"):
        list(workers.run_tasks(pool, 2, fail, tasks()))
    assert taken[-1] < 4


def test_a_worker_that_is_killed_is_an_error_of_one_line():
    with (
        workers.worker_pool() as pool,
        pytest.raises(WorkerError, match="ended \\(SIGKILL\\)") as caught,
    ):
        list(workers.run_tasks(pool, 2, die, [(1,), (2,), (3,)]))
    assert "--jobs" in str(caught.value) and "\n" not in str(caught.value)


def test_a_worker_that_cannot_be_started_is_an_error(monkeypatch):
    def refuse(*_arguments, **_options):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with (
        workers.worker_pool() as pool,
        pytest.raises(WorkerError, match="--jobs"),
    ):
        list(workers.run_tasks(pool, 2, count_to, [(0, 1)]))


def test_workers_load_no_framework_and_not_the_program(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from tests.text.test_workers import loaded, workers\n"
        "import click\n"
        "print('once')\n"  # and without a guard
        "with workers.worker_pool() as pool:\n"
        "    print(list(workers.run_tasks(pool, 2, loaded, [()])))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=_path())
    assert (done.stdout, done.stderr) == ("once\n[[]]\n", "")


def test_workers_end_when_the_program_is_killed(tmp_path):
    script = (
        "import sys; from pathlib import Path; from tests.text.test_workers import tick, workers\n"
        "with workers.worker_pool() as pool:\n"
        "    for _ in workers.run_tasks(pool, 2, tick, [(Path(sys.argv[1]),)] * 2): pass\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, tmp_path], env=_path())
    while len(os.listdir(tmp_path)) < 2 and process.poll() is None:
        time.sleep(0.02)
    there = [psutil.Process(int(name)) for name in os.listdir(tmp_path)]
    process.kill()
    process.wait()
    assert len(there) == 2
    assert psutil.wait_procs(there, timeout=60)[1] == []


def _path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(folder) for folder in sys.path)}
