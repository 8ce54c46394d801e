"""The server's engine: texts are those of the sampler, whatever other texts it generates."""

import gc
import queue
import random
import threading
import time
import tracemalloc
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tests.analysis.models import LABELS, MERGES, random_model
from tests.sampling.test_sampler import random_network
from textgen.errors import BusyError
from textgen.sampling import Sampler
from textgen.serving.engine import Engine, Job, Ticket, Update
from textgen.settings import CorpusConfig, Decoding
from textgen.text.vocabulary import Vocabulary

TEXT, DOCUMENTS = CorpusConfig(documents="none"), CorpusConfig(documents="lines")
MODELS: dict[str, dict[str, Any]] = {
    "text": {"corpus": TEXT},
    "windows": {"corpus": TEXT, "window": 5},
    "subwords": {"corpus": TEXT, "merges": MERGES},
    "subwords in windows": {"corpus": TEXT, "merges": MERGES, "window": 3},
    "documents": {"corpus": DOCUMENTS, "has_unknown": True},
    "labels": {"corpus": DOCUMENTS, "labels": LABELS},
    "labels in windows": {"corpus": DOCUMENTS, "labels": LABELS, "window": 4, "merges": MERGES},
}
WAYS = (
    Decoding(1.0),
    Decoding(0.7),
    Decoding(0),
    Decoding(1.0, top_k=3),
    Decoding(1.2, top_p=0.9),
    Decoding(1.0, min_p=0.05),
    Decoding(1.0, ban="a", repetition_penalty=1.5),
    Decoding("1.5:0.2/line", no_repeat=4),
    Decoding("0:1.2", top_p=0.9),
)


@dataclass
class Client:
    """Receives a text, as a client of the server does."""

    updates: "queue.Queue[Update]" = field(default_factory=queue.Queue)
    received: list[Update] = field(default_factory=list)

    def read(self) -> "Client":
        """Wait for the whole text."""
        while not self.received or not self.received[-1].is_last:
            self.received.append(self.updates.get(timeout=30))
        return self

    @property
    def pieces(self) -> list[str]:
        return [piece for update in self.received for piece in update.pieces]

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def scores(self) -> list[float | None]:
        return [score for update in self.received for score in update.log_probabilities or []]

    @property
    def alternatives(self) -> list[Any]:
        return [each for update in self.received for each in update.alternatives or []]

    @property
    def facts(self) -> tuple[Any, ...]:
        """All that was received, whatever the updates it came in."""
        return self.pieces, self.scores, self.alternatives, self.received[-1].finish


def submit(engine: Engine, job: Job) -> Client:
    client = Client()
    engine.submit(job, client.updates.put)
    return client


def make_job(
    sampler: Sampler, seed: str = "a", number: int = 0, length: int = 50, **options: Any
) -> Job:
    decoding = options.pop("decoding", Decoding(1.0))
    until, max_length = options.pop("until", ()), options.pop("max_length", None)
    builder = sampler.requests.restrict(decoding)
    config = builder.config(decoding, sampler.stop_condition(length, until))
    request = builder.text(seed, 1, number=number, max_length=max_length)
    return Job(request, config, **options)


def endless(sampler: Sampler) -> Job:
    return make_job(sampler, length=10**9)


@pytest.fixture(scope="module")
def sampler() -> Sampler:
    return random_model(TEXT).sampler()


@pytest.mark.parametrize("name", MODELS)
def test_texts_are_those_of_the_sampler(name):
    sampler = random_model(**MODELS[name]).sampler()
    seeds = ["a", "bad", "ab", "h", "fab", "a c"] + [""] * sampler.generates_documents
    engine = Engine(sampler, rows=3)
    clients = [
        submit(engine, make_job(sampler, seed, number, 30, scores=True, until=("bb",)))
        for number, seed in enumerate(seeds)
    ]
    stop = sampler.stop_condition(30, ("bb",))
    expected = sampler.generate_batch(seeds, Decoding(1.0), stop, 1, scores=True)
    for client, text in zip(clients, expected, strict=True):
        assert client.read().text == text.text
        assert client.received[-1].finish == ("stop" if text.complete else "length")
        assert len(client.scores) == len(client.pieces)
        if not sampler.generates_documents and not text.text.endswith("bb"):
            # A subword that is cut where the text ends has the score of all of it.
            assert sum(filter(None, client.scores)) <= text.log_probability + 1e-4
            if not sampler.vocabulary.merges:
                expected_score = pytest.approx(text.log_probability, abs=1e-4)
                assert sum(filter(None, client.scores)) == expected_score
    engine.close()


def large_sampler(cell: str, window: int | None) -> Sampler:
    """A model whose products are computed by different kernels in small and in large batches."""
    network = random_network(cell, size=65, units=(70,), scale=0.3)
    characters = "".join(sorted({"\n", *map(chr, range(32, 96))}))
    return Sampler(network, Vocabulary(characters), window, ["A"])


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("window", [None, 3])
def test_a_text_is_the_same_whatever_else_is_in_the_batch(cell, window):
    """Also the last bits of its scores."""
    check_that_a_text_is_the_same(large_sampler(cell, window), "A B")


@pytest.mark.parametrize("name", MODELS)
def test_a_text_of_any_model_is_the_same_whatever_else_is_in_the_batch(name):
    check_that_a_text_is_the_same(random_model(**MODELS[name]).sampler(), "ab")


def check_that_a_text_is_the_same(sampler: Sampler, seed: str) -> None:
    """Generate it alone, and with 1, 7 and 63 others that come and go."""
    job = make_job(sampler, seed, 3, 40, scores=True, alternatives=3)
    engine, chance = Engine(sampler, rows=64, waiting=10_000), random.Random(1)
    alone = submit(engine, job).read().facts
    for others in (1, 7, 63):
        is_over = threading.Event()

        def keep_busy(others: int = others, is_over: threading.Event = is_over) -> None:
            tickets = list[Ticket]()
            while not is_over.is_set():
                if len(tickets) < others:
                    other = make_job(
                        sampler,
                        seed[: chance.randint(1, 3)],
                        chance.randrange(99),
                        chance.choice([1, 5, 1000]),
                        decoding=chance.choice(WAYS),
                        scores=chance.random() < 0.3,
                    )
                    tickets.append(engine.submit(other, lambda _: None))
                elif chance.random() < 0.2:
                    tickets.pop(chance.randrange(len(tickets))).cancel()
                else:
                    time.sleep(0.0005)
            for ticket in tickets:
                ticket.cancel()

        thread = threading.Thread(target=keep_busy)
        thread.start()
        clients = []
        for _ in range(4):
            time.sleep(0.003)
            clients.append(submit(engine, job))
        for client in clients:
            assert client.read().facts == alone
        is_over.set()
        thread.join()
    engine.close()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("length", [0, 20])
def test_a_prompt_is_scored_as_the_sampler_does(name, length):
    sampler = random_model(**MODELS[name]).sampler()
    engine = Engine(sampler)
    prompt = "badge had a cab\nfed a hag abba"
    options: dict[str, Any] = {"max_length": length, "scores": True, "alternatives": 2}
    scored = make_job(sampler, prompt, prompt=sampler.requests.prompt(prompt), **options)
    client = submit(engine, scored).read()
    plain = submit(engine, make_job(sampler, prompt, **options)).read()
    engine.close()
    tokens = [sampler.vocabulary.table[i] for i in sampler.vocabulary.encode(prompt)]
    count = len(tokens)
    assert client.pieces == [*tokens, *plain.pieces][: len(client.pieces)]
    if length:
        assert client.facts[3] == plain.facts[3] and len(client.pieces) > count
        assert client.pieces[count:] == plain.pieces
    else:
        assert client.pieces == tokens and client.received[-1].finish == "length"
    assert len(client.scores) == len(client.alternatives) == len(client.pieces)
    expected = sampler.logprobs(prompt)
    first = 0 if sampler.generates_documents else 1
    if not sampler.generates_documents:
        assert client.scores[0] is client.alternatives[0] is None
    scores: Any = client.scores[first:count]
    per_character = np.repeat(
        [score / len(token) for score, token in zip(scores, tokens[first:], strict=True)],
        [len(token) for token in tokens[first:]],
    )
    np.testing.assert_allclose(per_character, expected[: len(per_character)], atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_text_is_the_same_after_a_scored_prompt(name):
    """Also after a prompt of one token, whose seed is held back if it can be part of a subword."""
    sampler = random_model(**MODELS[name]).sampler()
    engine = Engine(sampler, rows=8)
    for number, prompt in enumerate(["ab", "a", "b", "bad", "ha"] * 6):
        options: dict[str, Any] = {"number": number, "max_length": 20, "scores": True}
        scored = make_job(sampler, prompt, prompt=sampler.requests.prompt(prompt), **options)
        client = submit(engine, scored)
        plain = submit(engine, make_job(sampler, prompt, **options)).read()
        assert client.read().text == prompt + plain.text
        assert len(client.scores) == len(client.pieces)
    engine.close()


def test_alternatives_are_the_most_likely_tokens(sampler):
    engine = Engine(sampler)
    client = submit(engine, make_job(sampler, "bad", length=20, alternatives=4)).read()
    engine.close()
    assert client.scores == []
    reader, text = sampler.predictor.reader(), ""
    for character in "bad":
        logits = reader.step(sampler.vocabulary.encode(character)[0])
    for piece, alternatives in zip(client.pieces, client.alternatives, strict=True):
        weights = np.exp(logits.astype(np.float64))
        logs = np.log(weights / weights.sum())
        order = np.argsort(-logs)[:4]
        assert [text for text, _ in alternatives] == [sampler.vocabulary.table[i] for i in order]
        np.testing.assert_allclose([log for _, log in alternatives], logs[order], atol=1e-5)
        text += piece
        logits = reader.step(sampler.vocabulary.encode(piece)[0])


def test_alternatives_of_a_held_back_seed_are_what_follows_it():
    sampler = random_model(TEXT, merges=MERGES).sampler()
    engine = Engine(sampler)
    client = submit(engine, make_job(sampler, "hfa", length=9, alternatives=9)).read()
    engine.close()
    texts = [text for text, _ in client.alternatives[0]]
    assert sorted(texts) == ["", "e"]  # fa, fae
    assert client.pieces[0] in texts
    probabilities = np.exp([log for _, log in client.alternatives[0]])
    assert probabilities.sum() == pytest.approx(1)


def test_the_end_of_a_document_is_an_alternative_without_text():
    sampler = random_model(DOCUMENTS).sampler()
    engine = Engine(sampler)
    size = sampler.vocabulary.size
    client = submit(engine, make_job(sampler, "", length=9, alternatives=size)).read()
    engine.close()
    for alternatives in client.alternatives:
        assert sorted(text for text, _ in alternatives) == sorted(["", *sampler.vocabulary.tokens])


def test_ids_are_a_seed_that_nothing_is_held_back_of():
    sampler = random_model(TEXT, merges=MERGES).sampler()
    engine = Engine(sampler)
    ids = sampler.vocabulary.encode("hfa").tolist()
    config = sampler.requests.config(Decoding(1.0), sampler.stop_condition(9))
    client = submit(engine, Job(sampler.requests.text(ids, 1), config, alternatives=99)).read()
    engine.close()
    assert len(client.alternatives[0]) == sampler.vocabulary.size


def test_a_cancelled_text_leaves_its_row_to_the_next_one(sampler):
    engine = Engine(sampler, rows=1, waiting=2)
    first, third = Client(), Client()
    running = engine.submit(endless(sampler), first.updates.put)
    waiting = engine.submit(endless(sampler), lambda _: None)
    engine.submit(make_job(sampler), third.updates.put)
    first.updates.get(timeout=30)
    waiting.cancel()
    running.cancel()
    assert third.read().received[-1].finish == "length"
    running.cancel()  # nothing happens
    while not first.updates.empty():
        assert not first.updates.get().is_last
    engine.close()
    assert not engine.running and not engine.waiting


def test_too_many_texts_are_refused(sampler):
    engine = Engine(sampler, rows=2, waiting=3)
    tickets = [engine.submit(endless(sampler), lambda _: None) for _ in range(5)]
    with pytest.raises(BusyError, match="are waiting; try again later"):
        engine.submit(endless(sampler), lambda _: None)
    tickets[3].cancel()
    last = Client()
    engine.submit(make_job(sampler), last.updates.put)
    for ticket in tickets:
        ticket.cancel()
    last.read()
    engine.close()


def test_an_engine_that_closes_finishes_what_it_can(sampler):
    engine = Engine(sampler, rows=2)
    short = [submit(engine, make_job(sampler)) for _ in range(5)]
    engine.close(30)
    for client in short:
        assert client.read().received[-1].finish == "length"
    with pytest.raises(BusyError, match="about to end"):
        engine.submit(make_job(sampler), lambda _: None)
    engine = Engine(sampler, rows=1)
    long = [submit(engine, endless(sampler)) for _ in range(3)]
    start = time.monotonic()
    engine.close(0.2)
    assert time.monotonic() - start < 10
    for client in long:
        assert isinstance(client.read().received[-1].error, BusyError)


def test_an_error_ends_texts_and_not_the_engine(monkeypatch):
    sampler = random_model(TEXT).sampler()
    is_broken = threading.Event()
    make_rows = sampler.make_rows

    def make_breaking(capacity: int, *, at_once: bool) -> Any:
        rows: Any = make_rows(capacity)  # NumPy, for a long time
        step = rows.step

        def step_or_break(ids: Any) -> Any:
            if is_broken.is_set():
                raise MemoryError("no memory left")
            return step(ids)

        rows.step = step_or_break
        return rows

    monkeypatch.setattr(sampler, "make_rows", make_breaking)
    engine = Engine(sampler, rows=3)
    clients = [submit(engine, endless(sampler)) for _ in range(2)]
    finished = submit(engine, make_job(sampler)).read()
    for client in clients:
        client.received.append(client.updates.get(timeout=30))
    is_broken.set()
    for client in clients:
        assert isinstance(client.read().received[-1].error, MemoryError)
    time.sleep(0.1)  # without texts it looks for the least number of rows, which fails, too
    is_broken.clear()
    assert finished.updates.empty()
    assert submit(engine, make_job(sampler)).read().received[-1].finish == "length"
    assert engine.running == engine.waiting == 0
    engine.close()


def test_clients_are_told_when_an_engine_cannot_start(monkeypatch):
    sampler = random_model(TEXT).sampler()
    failures = queue.Queue[Any]()
    monkeypatch.setattr(threading, "excepthook", failures.put)
    is_submitted = threading.Event()

    def fail(_: int, *, at_once: bool) -> Any:
        is_submitted.wait()
        raise MemoryError("no memory left")

    monkeypatch.setattr(sampler, "make_rows", fail)
    engine = Engine(sampler)
    client = submit(engine, make_job(sampler))
    is_submitted.set()
    assert isinstance(client.read().received[-1].error, MemoryError)
    with pytest.raises(BusyError):
        engine.submit(make_job(sampler), lambda _: None)
    engine.close()
    assert failures.get(timeout=30).exc_type is MemoryError


def test_updates_come_in_groups(sampler):
    """The first token alone, the last ones with the end, the others from time to time."""
    calls = list[int]()

    def deliver(deliveries: Any) -> None:
        calls.append(len(deliveries))
        for on_update, update in deliveries:
            on_update(update)

    engine = Engine(sampler, rows=8, deliver=deliver)
    start = time.monotonic()
    clients = [submit(engine, make_job(sampler, number=n, length=3000)) for n in range(8)]
    for client in clients:
        assert len(client.read().text) == 3000
        assert 1 <= len(client.received[0].pieces) < 3000
    seconds = time.monotonic() - start
    engine.close()
    groups = seconds / 0.03
    assert len(calls) <= 8 + 8 + groups + 1  # first tokens and ends, if no two are of a step
    assert sum(calls) <= 8 * (groups + 3)


def test_memory_does_not_grow_with_the_number_of_jobs():
    sampler = random_model(DOCUMENTS, labels=LABELS).sampler()
    engine = Engine(sampler, rows=16, waiting=64)
    prompt = sampler.requests.prompt("bad")

    def generate(count: int, together: int = 50) -> int:
        """Bytes in use after some jobs, of which some are cancelled."""
        for first in range(0, count, together):
            clients = []
            for number in range(first, first + together):
                client = Client()
                options = {"scores": True, "prompt": prompt} if number % 3 else {}
                until = ("abcdefgh"[number % 8],)
                way = Decoding(0.5 + number / 1000, top_p=(0.9, 1.0)[number % 2])
                job = make_job(sampler, "bad", number, 20, decoding=way, until=until, **options)
                ticket = engine.submit(job, client.updates.put)
                if number % 7 == 1:
                    ticket.cancel()
                else:
                    clients.append(client)
            for client in clients:
                client.read()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    for together in range(1, 17):  # each number of rows has views of the arrays
        generate(together, together)
    before = generate(100)
    growth = generate(300) - before
    tracemalloc.stop()
    engine.close()
    assert growth < 30_000  # 100 bytes for each job
