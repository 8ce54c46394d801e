"""A long text that is read in streams side by side has the scores of one stream."""

import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from textgen.sampling import text_scoring
from textgen.sampling.network import Network, weight_specs
from textgen.sampling.scoring import score_in_order
from textgen.sampling.text_scoring import Streams, TextScoring
from textgen.settings import ModelConfig

SIZE = 5
MARK, QUESTION = 3, 4  # what a network remembers, and where that changes what it predicts


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(text_scoring, "MAX_ROWS", 6)
    monkeypatch.setattr(text_scoring, "_LONGEST", 90)
    monkeypatch.setattr(text_scoring, "_SHORTEST", 40)
    monkeypatch.setattr(text_scoring, "_CHECKS", (16, 24, 40, 80))
    monkeypatch.setattr(text_scoring, "_MIN_TOKENS", 200)


def forgetful(cell: str) -> Network:
    """A network with small recurrent weights."""
    config = ModelConfig(units=(7, 4), embedding=3, cell=cell)
    generator = np.random.default_rng(1)
    specs = weight_specs(config, SIZE)
    return Network(config, SIZE, [0.4 * generator.standard_normal(spec.shape) for spec in specs])


def remembering(shown_by: int | None) -> Network:
    """An LSTM of one unit that remembers for ever that MARK was read.

    Args:
        shown_by: The token after which its memory changes what it predicts; None for all.
    """
    config = ModelConfig(units=(1,), embedding=0)
    kernel = np.zeros((SIZE, 4), np.float32)  # gates i, f, c, o
    kernel[MARK, 0], kernel[:, 2] = 40, 10
    kernel[:, 3] = 20 if shown_by is None else -20
    if shown_by is not None:
        kernel[shown_by, 3] = 20
    bias = np.array([-20, 20, 0, 0], np.float32)
    dense = np.linspace(-3, 3, SIZE, dtype=np.float32)[None]
    weights: list[npt.NDArray[Any]] = [
        np.eye(SIZE),
        kernel,
        np.zeros((1, 4)),
        bias,
        dense,
        np.zeros(SIZE),
    ]
    assert [each.shape for each in weights] == [spec.shape for spec in weight_specs(config, SIZE)]
    return Network(config, SIZE, weights)


def random_text(length: int, size: int = SIZE) -> npt.NDArray[np.int64]:
    return np.random.default_rng(0).integers(0, size, length)


def read(network: Network, ids: Any, size: int = 77, **options: Any) -> tuple[Streams, Any]:
    """The scores of a text that comes in pieces."""
    scoring = TextScoring(network, **options)
    pieces = (ids[first : first + size] for first in range(0, len(ids), size))
    parts = list(scoring.score(pieces))
    np.testing.assert_array_equal(np.concatenate([targets for targets, _ in parts]), ids[1:])
    return scoring.streams, np.concatenate([logs for _, logs in parts])


def in_one_stream(network: Network, ids: Any) -> Any:
    parts = score_in_order(network.reader(), SIZE, [ids])
    return np.concatenate([logs for _, logs in parts])


@pytest.mark.parametrize("length", [201, 540, 541, 1400, 3000])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_streams_have_the_scores_of_one(cell, length):
    network, ids, scored = forgetful(cell), random_text(length), list[int]()
    streams, logs = read(network, ids, on_tokens=scored.append)
    expected = in_one_stream(network, ids)
    np.testing.assert_allclose(logs, expected, atol=2e-3)
    assert abs(logs.mean() - expected.mean()) < 1e-5
    assert streams.count > 1 and streams.context in (16, 24, 40, 80)
    assert streams.long_memory == 0
    assert sum(scored) == len(logs)


def test_exact_reads_one_stream():
    network, ids = forgetful("lstm"), random_text(1500)
    streams, logs = read(network, ids, exact=True)
    np.testing.assert_allclose(logs, in_one_stream(network, ids), atol=1e-5)
    assert (streams.count, streams.context) == (1, None)


@pytest.mark.parametrize("shown_by", [None, QUESTION])
@pytest.mark.parametrize("mark", [0, 300, 600])
def test_what_is_remembered_for_ever_is_not_lost(shown_by, mark):
    """Also where it shows nowhere near the places that are compared."""
    network, ids = remembering(shown_by), random_text(2500, 3)
    ids[mark] = MARK
    ids[[1200, 2400]] = QUESTION
    streams, logs = read(network, ids)
    np.testing.assert_allclose(logs, in_one_stream(network, ids), atol=1e-5)
    assert streams.long_memory > 1000
    without = ids.copy()
    without[mark] = 0
    assert np.abs(in_one_stream(network, without)[1250:] - logs[1250:]).max() > 0.5


def test_a_network_without_numbers_is_read_in_one_stream():
    config = ModelConfig(units=(3,), embedding=2)
    weights = [np.full(spec.shape, np.nan) for spec in weight_specs(config, SIZE)]
    streams, logs = read(Network(config, SIZE, weights), random_text(1000))
    assert np.isnan(logs).all() and streams.count == 1


def test_short_texts():
    network = forgetful("lstm")
    for length in (0, 1):
        assert list(TextScoring(network).score([random_text(length)])) == []
    streams, logs = read(network, random_text(150))
    np.testing.assert_allclose(logs, in_one_stream(network, random_text(150)), atol=1e-5)
    assert streams.count == 1


def test_memory_does_not_grow_with_the_text():
    network = forgetful("lstm")

    def peak(pieces: int) -> int:
        def text() -> Iterator[npt.NDArray[np.int64]]:
            return (random_text(100) for _ in range(pieces))

        tracemalloc.start()
        for _ in TextScoring(network).score(text()):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak(10)
    assert peak(200) < 1.2 * peak(20)
