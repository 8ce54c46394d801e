"""Texts for all clients of one model: a thread that generates them."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from textgen.errors import BusyError
from textgen.sampling import Sampler
from textgen.sampling.context import make_reader
from textgen.sampling.decoding import log_probabilities
from textgen.sampling.generation import generate_stream
from textgen.sampling.requests import GenerationConfig, Prompt, TextRequest

Alternatives = list[tuple[str, float]]


@dataclass(frozen=True)
class Job:
    """A text that a client wants.

    Attributes:
        request: Its seed and random numbers, from `Sampler.requests.text`.
        config: How it is generated, from `Sampler.requests.config`.
        scores: Whether the updates have log-probabilities.
        alternatives: How many of the most likely tokens the updates have for each token.
        prompt: A text whose tokens come before those that are generated, with the scores and
            alternatives that are wanted, from `Sampler.requests.prompt`; None for none.

    Example:
        >>> requests = sampler.requests  # doctest: +SKIP
        >>> config = requests.config(Decoding(0.5), sampler.stop_condition(400))  # doctest: +SKIP
        >>> job = Job(requests.text("To be", random_seed=1), config)  # doctest: +SKIP
    """

    request: TextRequest
    config: GenerationConfig
    scores: bool = False
    alternatives: int = 0
    prompt: Prompt | None = None


@dataclass(frozen=True)
class Update:
    """What is new of a text; the last update of each has `finish` or `error`.

    Attributes:
        pieces: The texts of new tokens; those of all updates join to the text after the seed, or
            to the prompt and that text. A token that is cut where the text ends is the part that
            the text has. The document end is no piece.
        log_probabilities: The natural logarithm of each piece's probability at temperature 1 and
            without filters, None for a token that nothing is before; None if not wanted.
        alternatives: The texts and log-probabilities of the most likely tokens for each piece, the
            most likely first and "" for the document end; None for a token that nothing is before;
            None if not wanted.
        finish: `stop` if the text reached its stop condition, `length` if its maximum length, None
            if it continues.
        error: What ended the text before its end; None if nothing did.
    """

    pieces: list[str]
    log_probabilities: list[float | None] | None = None
    alternatives: list[Alternatives | None] | None = None
    finish: Literal["stop", "length"] | None = None
    error: Exception | None = None

    @property
    def is_last(self) -> bool:
        """Whether nothing follows."""
        return self.finish is not None or self.error is not None


OnUpdate = Callable[[Update], object]
Delivery = tuple[OnUpdate, Update]


def deliver_each(deliveries: Sequence[Delivery]) -> None:
    """Call every function with its update."""
    for on_update, update in deliveries:
        on_update(update)


@dataclass
class Ticket:
    """A job that was submitted.

    Attributes:
        job: The job.
        on_update: Called with its updates.
        is_cancelled: Whether nobody wants the text anymore.
    """

    job: Job
    on_update: OnUpdate
    is_cancelled: bool = field(default=False)

    def cancel(self) -> None:
        """End the text with the next step; no update follows. Ended texts are left alone."""
        self.is_cancelled = True


class Engine:
    """Generates texts for many clients, in a thread of its own.

    Args:
        sampler: The model.
        rows: How many texts are generated side by side, at most.
        waiting: How many more may wait, at most.
        deliver: Called in the engine's thread with updates and the functions to call with them;
            all updates of a moment come together. The default calls them at once. A server that
            runs in an event loop gives something like
            `lambda deliveries: loop.call_soon_threadsafe(deliver_each, deliveries)`.

    Example:
        >>> engine = Engine(textgen.load("textgen-model"))  # doctest: +SKIP
        >>> ticket = engine.submit(job, print)  # doctest: +SKIP
        >>> engine.close(seconds=10)  # doctest: +SKIP
    """

    def __init__(
        self,
        sampler: Sampler,
        *,
        rows: int = 64,
        waiting: int = 256,
        deliver: Callable[[list[Delivery]], object] = deliver_each,
    ):
        self._sampler, self._deliver = sampler, deliver
        self._most = rows + waiting
        self._queue: deque[Ticket] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="textgen-engine", daemon=True)
        self._thread.start()

    @property
    def running(self) -> int:
        """Texts that are being generated."""
        return min(1, len(self._queue))

    @property
    def waiting(self) -> int:
        """Texts that wait for a row."""
        return len(self._queue) - self.running

    def submit(self, job: Job, on_update: OnUpdate) -> Ticket:
        """Generate a text.

        Args:
            job: The text.
            on_update: Called with each update through `deliver`, the last one with `finish` or
                `error`; it must not raise.

        Returns:
            What can cancel it.

        Raises:
            BusyError: too many texts wait, or the engine was closed.
        """
        with self._changed:
            if self._is_closed:
                raise BusyError("the server is about to end; try another one, or later")
            if len(self._queue) >= self._most:
                raise BusyError(f"{len(self._queue)} texts are waiting; try again later")
            ticket = Ticket(job, on_update)
            self._queue.append(ticket)
            self._changed.notify()
        return ticket

    def close(self, seconds: float = 0) -> None:
        """Accept no more texts, finish those there are, and end the thread.

        Args:
            seconds: How long that may take; texts that are not finished then end with an error.
        """
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join(seconds)
        for ticket in list(self._queue):
            ticket.cancel()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue:
                    if self._is_closed:
                        return
                    self._changed.wait()
                ticket = self._queue[0]
            try:
                self._generate(ticket)
            except Exception as error:  # noqa: BLE001  its client gets it
                self._deliver([(ticket.on_update, Update([], error=error))])
            with self._changed:
                self._queue.popleft()

    def _generate(self, ticket: Ticket) -> None:
        """A first version: one text after another, without prompts and alternatives."""
        sampler, job = self._sampler, ticket.job
        finish: list[Literal["stop", "length"]] = ["length"]
        reader = make_reader(sampler._network, sampler.window)
        logits = np.zeros(0, np.float32)
        step = reader.step

        def keep_logits(ids: object) -> object:
            nonlocal logits
            logits = step(ids)  # type: ignore[arg-type]
            return logits

        object.__setattr__(reader, "step", keep_logits)
        ids = generate_stream(reader, job.request, job.config, lambda: finish.append("stop"))
        for number in ids:
            scores: list[float | None] | None = None
            if job.scores:
                scores = [float(log_probabilities(logits)[number])]
            update = Update([sampler.vocabulary.table[number]], scores)
            self._deliver([(ticket.on_update, update)])
            if ticket.is_cancelled:
                return
        ends = job.config.stop.final_ids
        update = Update([], finish=finish[-1] if ends else "length")
        self._deliver([(ticket.on_update, update)])
