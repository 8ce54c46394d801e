"""What processes exchange, without processes; tests with real ones are in test_together.py."""

import numpy as np
import pytest

from textgen.distributed.communicator import Communicator, JaxCommunicator
from textgen.errors import TrainingError, UsageError
from textgen.text.streams import Streams
from textgen.text.windows import Windows


class Gathering(JaxCommunicator):
    """Process 0 of two, whose all_gather returns what the other process sends, too."""

    other: tuple[float, ...] = ()

    def all_gather(self, *values):
        return np.array([values, self.other or values], np.float64)


def test_a_single_process_exchanges_nothing():
    communicator = Communicator()
    assert communicator.is_main and communicator.rows(8) == slice(0, 8)
    assert communicator.all_gather(1.5, 2).tolist() == [[1.5, 2.0]]
    assert communicator.broadcast(b"x") == b"x"
    array = np.arange(3)
    assert communicator.broadcast_array(array) is array
    communicator.check_same({"--units": 3})
    assert communicator.process_lost(RuntimeError()) is None


def test_a_single_process_raises_its_error_at_the_start():
    with pytest.raises(KeyError), Communicator().starting():
        raise KeyError


def test_an_error_of_another_process_at_the_start():
    with pytest.raises(TrainingError, match="process 1"), Gathering(0, 2).starting():
        Gathering.other = (1.0,)
    Gathering.other = ()


def test_processes_that_were_started_alike():
    Gathering(0, 2).check_same({"--units": 3, "corpus": "a"})


def test_processes_that_were_started_differently(monkeypatch):
    monkeypatch.setattr(Gathering, "other", (1.0, 2.0))
    with pytest.raises(UsageError, match="process 1 .*--units"):
        Gathering(0, 2).check_same({"--units": 3, "corpus": "a"})


def test_an_error_of_jax_after_another_process_ended():
    error = JaxCommunicator(0, 2).process_lost(RuntimeError("Connection reset\nby peer"))
    assert "Connection reset" in str(error) and "\n" not in str(error)


@pytest.fixture
def ids():
    return np.arange(1000)


@pytest.fixture
def processes():
    return [JaxCommunicator(index, 4) for index in range(4)]


def assert_parts_of(whole, *parts):
    """Each batch of the whole consists of the batches of the parts, row after row."""
    for (x, y, _), *batches in zip(whole, *parts, strict=True):
        np.testing.assert_array_equal(np.concatenate([batch[0] for batch in batches]), x)
        np.testing.assert_array_equal(np.concatenate([batch[1] for batch in batches]), y)


def test_each_process_reads_its_streams(ids, processes):
    parts = [Streams(ids, 8, 10, process.rows(8)).full_batches(3) for process in processes]
    assert_parts_of(Streams(ids, 8, 10).full_batches(3), *parts)


def test_each_process_reads_its_windows(ids, processes):
    windows = Windows(ids, 10, 3, "last")
    parts = [windows.shuffled_batches(8, 1, rows=process.rows(8)) for process in processes]
    assert_parts_of(windows.shuffled_batches(8, 1), *parts)


def test_the_last_batch_is_filled_up_with_rows_of_weight_0(ids, processes):
    windows = Windows(ids, 10, 3, "last")
    parts = [list(windows.ordered_batches(12, process.rows(12))) for process in processes]
    assert {len(batches) for batches in parts} == {-(-len(windows) // 12)}
    weight = sum(weights.sum() for batches in parts for _, _, weights in batches)
    assert weight == len(windows)
