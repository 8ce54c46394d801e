"""The server's engine: texts are those of the sampler, whoever else gets some."""

import queue
from typing import Any

import pytest

from tests.analysis.models import random_model
from textgen.sampling import Sampler
from textgen.serving.engine import Engine, Job, Update
from textgen.settings import CorpusConfig, Decoding


@pytest.fixture(scope="module")
def sampler() -> Sampler:
    trained = random_model(CorpusConfig(documents="none"))
    return trained.sampler()


def make_job(sampler: Sampler, seed: str, number: int, length: int, **options: Any) -> Job:
    config = sampler.requests.config(Decoding(1.0), sampler.stop_condition(length))
    return Job(sampler.requests.text(seed, 1, number=number), config, **options)


def read(updates: "queue.Queue[Update]") -> list[Update]:
    """All updates of a text."""
    found = [updates.get(timeout=20)]
    while not found[-1].is_last:
        found.append(updates.get(timeout=20))
    return found


def test_texts_are_those_of_the_sampler(sampler):
    engine = Engine(sampler)
    seeds = ["a", "bad", "h\ng"]
    queues = [queue.Queue[Update]() for _ in seeds]
    for number, (seed, updates) in enumerate(zip(seeds, queues, strict=True)):
        engine.submit(make_job(sampler, seed, number, 50, scores=True), updates.put)
    stop = sampler.stop_condition(50)
    expected = sampler.generate_batch(seeds, Decoding(1.0), stop, 1, scores=True)
    for updates, text in zip(queues, expected, strict=True):
        found = read(updates)
        assert "".join(piece for update in found for piece in update.pieces) == text.text
        scores = [score for update in found for score in update.log_probabilities or []]
        assert sum(filter(None, scores)) == pytest.approx(text.log_probability, abs=1e-4)
        assert found[-1].finish == "length"
    engine.close()
