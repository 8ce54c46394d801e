"""What several processes check and exchange before they train together."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from textgen.distributed.communicator import Communicator, JaxCommunicator
from textgen.distributed.sharding import create_sharding
from textgen.errors import UsageError
from textgen.settings import resolve_settings
from textgen.text.prepare import prepare
from textgen.text.vocabulary import Vocabulary
from textgen.training import events, processes
from textgen.training.batches import Batches
from textgen.training.data import TrainingData

TEXT = TrainingData(np.zeros(9001, np.uint8), np.zeros(1000, np.uint8), Vocabulary("ab"))


def test_each_process_reads_its_streams():
    settings = resolve_settings({"batch_size": 6, "maxlen": 10, "epochs": 1})
    parts = [
        processes.parts_to_read(JaxCommunicator(index, 3), TEXT, settings, 400)
        for index in range(3)
    ]
    validation = slice(9001, 9401)
    assert parts == [
        [slice(0, 3001), validation],
        [slice(3000, 6001), validation],
        [slice(6000, 9001), validation],
    ]


def test_windows_are_read_from_the_whole_text():
    settings = resolve_settings({"batch_size": 6, "maxlen": 10, "epochs": 1, "carry_state": False})
    parts = processes.parts_to_read(JaxCommunicator(1, 3), TEXT, settings, 4000)
    assert parts == [slice(0, 9001), slice(9001, 10001)]


def test_each_divides_losses_by_the_same_length_of_a_token():
    """Which is that of the whole corpus: the rows of one process may have longer tokens."""
    vocabulary = Vocabulary("ab", merges=(("a", "b"),))
    ids = np.repeat(np.array([0, 2], np.uint8), 2000)  # short tokens first
    text = TrainingData(ids, ids[:0], vocabulary, characters_per_token=1.5)
    settings = resolve_settings({"batch_size": 4, "maxlen": 10, "epochs": 1})

    def lengths(communicator: Communicator) -> list[float]:
        backend: Any = SimpleNamespace(communicator=communicator, sharding=create_sharding(1))
        batches = Batches(text, settings, backend).after(0)
        return [next(batches).characters_per_token for _ in range(3)]

    assert lengths(JaxCommunicator(0, 2)) == lengths(JaxCommunicator(1, 2)) == [1.5] * 3
    assert lengths(Communicator()) == pytest.approx([1.5] * 3, abs=0.1)


def test_they_train_on_one_prepared_corpus(corpus, tmp_path):
    prepare(corpus, tmp_path / "prepared")
    processes.check_prepared([tmp_path / "prepared"])
    for corpora in ([corpus], ["-"], [], [corpus, corpus]):
        with pytest.raises(UsageError, match="prepared corpus"):
            processes.check_prepared(corpora)


@pytest.mark.parametrize(
    ("communicator", "count"),
    [(Communicator(), 2), (JaxCommunicator(0, 2), 2), (JaxCommunicator(1, 2), 0)],
)
def test_process_0_alone_shows_the_training(communicator, count):
    shown: list[events.Event] = []
    on_event = processes.limit_events(communicator, shown.append)
    on_event(events.Preparing("read", 0, None))
    on_event(events.Stopping())
    assert len(shown) == count


def test_a_checkpoint_that_is_not_there_is_none_for_all(tmp_path):
    assert processes.broadcast_checkpoint(Communicator(), tmp_path, None) is None
