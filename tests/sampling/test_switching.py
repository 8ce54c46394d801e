"""Texts that NumPy begins and compiled code continues: the same texts, however they are written."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from tests.sampling.document_models import NAMES, BigramModel
from tests.sampling.subword_models import SubwordModel
from tests.sampling.test_sampler import random_network
from textgen.sampling import Sampler, switching
from textgen.sampling.batch import Batch
from textgen.sampling.compiled import CompiledRows
from textgen.sampling.switching import SwitchingRows
from textgen.settings import Decoding
from textgen.text.vocabulary import Vocabulary

CHARACTERS = Vocabulary("\n .abcdefgh")


def characters(cell: str = "lstm", window: int | None = None, **options: Any) -> Sampler:
    network = random_network(cell, CHARACTERS.size, **options)
    return Sampler(network, CHARACTERS, window, ["a b c", "de\nf", "h"])


SAMPLERS = {
    "lstm": lambda: characters(),
    "gru": lambda: characters("gru"),
    "rnn": lambda: characters("rnn", scale=0.5),  # a wilder one magnifies rounding
    "window": lambda: characters(window=4),
    "documents": lambda: BigramModel(NAMES).sampler(),
    "labels": lambda: BigramModel(NAMES, ["long", "short"] * 5 + ["long"]).sampler(),
    "subwords": lambda: SubwordModel().sampler(),
}
OPTIONS: list[dict[str, Any]] = [
    {"length": 700},
    {"length": 50, "temperature": 0},
    {"length": 300, "min_p": 0.1, "temperature": 1.3},
    {"length": 300, "top_p": 0.8},
    {"lines": 2},
    {"until": [".", "ab", "nn"], "lines": 40, "length": 1000},
    {"length": 1},
]


def write(sampler: Sampler, options: dict[str, Any]) -> list[Any]:
    """Texts from a stream, and from a batch of few rows, with their figures."""
    options = {"temperature": 1.0, "length": None, **options}
    length, lines = options.pop("length"), options.pop("lines", 0)
    until = options.pop("until", ())
    known = sampler.vocabulary.characters
    until, lines = [text for text in until if set(text) <= set(known)], lines * ("\n" in known)
    if sampler.generates_documents and length == 300:
        length = 3  # some are longer, and cut
    decoding = Decoding(**options)
    stop = sampler.stop_condition(length or 500, until, lines)
    seeds = [sampler.draw_seed(3, number) for number in range(40)]
    complete: list[int] = []
    stream = "".join(
        sampler.generate_stream(seeds[0], decoding, stop, 3, lambda: complete.append(1))
    )
    texts = list(sampler.generate_batch(seeds, decoding, stop, 3, scores=True))
    assert texts[0].text == stream and texts[0].complete == bool(complete)
    return texts


@pytest.fixture
def switch_after(monkeypatch):
    return lambda count: monkeypatch.setattr(switching, "SWITCH_AFTER", count)


# A temperature whose reciprocal is no float32. The models of documents have characters that are
# equally likely but for rounding, which decides between them then.
COLD: dict[str, Any] = {"length": 50, "temperature": 1e-40}
UNEQUAL = ("lstm", "gru", "rnn", "window", "subwords")


@pytest.mark.parametrize(
    ("name", "options"), [*product(SAMPLERS, OPTIONS), *product(UNEQUAL, [COLD])], ids=str
)
def test_texts_do_not_depend_on_when_compiled_code_takes_over(name, options, switch_after):
    sampler = SAMPLERS[name]()
    switch_after(1 << 60)
    expected = write(sampler, options)
    for count in (1, 30_000):
        switch_after(count)
        texts = write(sampler, options)
        assert [text.text for text in texts] == [text.text for text in expected]
        assert [text.complete for text in texts] == [text.complete for text in expected]
        logs, others = ([text.log_probability for text in each] for each in (texts, expected))
        np.testing.assert_allclose(logs, others, rtol=1e-4, atol=1e-5)


def test_a_stream_without_end_is_continued(switch_after):
    sampler = SAMPLERS["lstm"]()

    def write_some() -> str:
        stream = sampler.stream("ab", random_seed=5, temperature=1.0)
        return "".join(next(stream) for _ in range(3000))

    switch_after(1 << 60)
    expected = write_some()
    switch_after(100_000)
    assert write_some() == expected


def test_rows_switch_after_some_computing_and_only_then(switch_after):
    network = random_network()
    switch_after(10 * 3 * network.products)
    rows = SwitchingRows(network, 4)
    for _ in range(9):
        rows.step(np.zeros(3, np.int64))
        assert rows.compiled is None
    rows.step(np.zeros(3, np.int64))
    assert isinstance(rows.compiled, CompiledRows)


def test_texts_that_compiled_code_cannot_write_are_written_among_others(switch_after):
    switch_after(1)
    sampler = SAMPLERS["lstm"]()
    requests = sampler.requests
    stop = sampler.stop_condition(60)
    ways = [Decoding(1.0), Decoding(1.0, top_p=0.7), Decoding(0.0), Decoding(1.0, min_p=0.2)]
    configs = [requests.config(way, stop) for way in ways]
    seeds = [requests.text("ab", 1, number=number) for number in range(12)]
    alone, together = [], {}
    for number, request in enumerate(seeds):
        batch = Batch(sampler.make_rows(1), configs[number % 4])
        text = batch.start(request, configs[number % 4])
        while text not in batch.advance(5):
            pass
        alone.append(batch.result(text).ids.tolist())
    batch, waiting = Batch(sampler.make_rows(3), configs[0]), list(enumerate(seeds))
    running: dict[Any, int] = {}
    while waiting or running:
        while waiting and batch.room:
            number, request = waiting.pop(0)
            running[batch.start(request, configs[number % 4])] = number
        for text in batch.advance(7):
            together[running.pop(text)] = batch.result(text).ids.tolist()
            batch.remove(text)
    assert [together[number] for number in range(12)] == alone
