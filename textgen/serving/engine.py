"""Texts for all clients of one model: a thread that generates them.

Long because it is one class, and its interface with the documentation of that.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from textgen.errors import BusyError
from textgen.sampling import Sampler
from textgen.sampling.batch import Batch
from textgen.sampling.batch_sizes import find_batch_sizes
from textgen.sampling.details import Alternative, Details
from textgen.sampling.generation import make_batch
from textgen.sampling.requests import GenerationConfig, Prompt, TextRequest
from textgen.sampling.row_text import Text
from textgen.settings import Decoding

_SECONDS_BETWEEN_UPDATES = 0.03
_UPDATES_PER_SECOND = 640  # of all texts: to send one takes as long as to generate ten characters
# Seconds of a call that generates tokens: with more, a new text waits longer, and with fewer the
# time between calls counts.
_LEAST_SECONDS, _MOST_SECONDS = 0.002, 0.005
_MAX_TOKENS = 16  # of a call
_ENDS = "the server is about to end; try another one, or later"

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
        is_rated: Whether the last update has the mean log-probability.

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
    is_rated: bool = False


@dataclass(frozen=True)
class Update:
    """What is new of a text; the last update of each has `finish` or `error`.

    Attributes:
        pieces: The texts of new tokens; those of all updates join to the text after the seed, or
            to the prompt and that text. A token that is cut where the text ends is the part that
            the text has. The document end is the piece "" if scores or alternatives are wanted and
            the text is shorter than its maximum length, and no piece otherwise.
        log_probabilities: The natural logarithm of each piece's probability at temperature 1 and
            without filters, None for a token that nothing is before; None if not wanted.
        alternatives: The texts and log-probabilities of the most likely tokens for each piece, the
            most likely first and "" for the document end; None for a token that nothing is before;
            None if not wanted.
        finish: `stop` if the text reached its stop condition, `length` if its maximum length, None
            if it continues.
        error: What ended the text before its end; None if nothing did.
        mean_log_probability: As of `GeneratedIds`, in the last update of a text that is rated.
    """

    pieces: list[str]
    log_probabilities: list[float | None] | None = None
    alternatives: list[Alternatives | None] | None = None
    finish: Literal["stop", "length"] | None = None
    error: Exception | None = None
    mean_log_probability: float = math.nan

    @property
    def is_last(self) -> bool:
        """Whether nothing follows."""
        return self.finish is not None or self.error is not None


OnUpdate = Callable[[Update], object]
Delivery = tuple[OnUpdate, Update]


def _next_tokens(tokens: int, seconds: float) -> int:
    """How many tokens of each text the next call generates, after one that took so long."""
    if seconds > _MOST_SECONDS:
        return max(1, tokens // 2)
    return min(_MAX_TOKENS, 2 * tokens) if seconds < _LEAST_SECONDS else tokens


def deliver_each(deliveries: Sequence[Delivery]) -> None:
    """Call every function with its update."""
    for on_update, update in deliveries:
        on_update(update)


@dataclass(eq=False)
class Ticket:
    """A job that was submitted.

    Attributes:
        job: The job.
        on_update: Called with its updates.
        text: The text in the engine's batch; None before it starts and once it has ended.
        is_cancelled: Whether nobody wants the text anymore.
    """

    job: Job
    on_update: OnUpdate
    engine: "Engine" = field(repr=False)
    text: Text | None = None
    is_cancelled: bool = False

    def cancel(self) -> None:
        """End the text before the next step; only updates that are on their way still come."""
        self.engine.cancel(self)


class Engine:
    """Generates texts for many clients of a model, in a separate thread.

    All texts share the steps of one batch; they start and end between steps. A text is the same
    whatever else is in the batch: it depends only on its job.

    The first token of a text is delivered at once, and so is its end; what is between comes in
    groups, every 30 ms, or more slowly if there are more than 20 texts.

    Args:
        sampler: The model.
        rows: How many texts are generated side by side, at most.
        waiting: How many more may wait, at most.
        deliver: Called in the engine's thread with updates and the functions to call with them; it
            must not raise. All updates of a moment come together. The default calls the functions
            at once. A server that runs in an event loop gives something like
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
        self._sampler, self._rows, self._deliver = sampler, rows, deliver
        end = sampler.vocabulary.document_end_id
        table = enumerate(sampler.vocabulary.table)
        self._table = tuple("" if number == end else text for number, text in table)
        self._changed = threading.Condition()
        # These change while it is held: jobs that wait; how many others there may be; whether no
        # more are accepted; whether those that are not finished end.
        self._waiting: deque[Ticket] = deque()
        self._room = rows + waiting
        self._is_closed = self._is_over = False
        self._cancelled: deque[Ticket] = deque()  # tickets whose texts have started
        # Only the thread uses these: texts in the batch, and those of which nothing was delivered.
        self._running: dict[Text, Ticket] = {}
        self._fresh: set[Text] = set()
        self._last_time = 0.0  # when all texts' updates were delivered
        self._sizes: tuple[int, ...] = ()  # of batches
        self._thread = threading.Thread(target=self._run, name="textgen-engine", daemon=True)
        self._thread.start()

    @property
    def running(self) -> int:
        """How many texts are being generated."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """How many texts wait for a row."""
        return len(self._waiting)

    def submit(self, job: Job, on_update: OnUpdate) -> Ticket:
        """Generate a text.

        Args:
            job: The text.
            on_update: Called with each update through `deliver`, the last one with `finish` or
                `error`.

        Returns:
            What can cancel it.

        Raises:
            BusyError: too many texts wait, or the engine was closed.
        """
        ticket = Ticket(job, on_update, self)
        with self._changed:
            if self._is_closed:
                raise BusyError(_ENDS)
            if not self._room:
                raise BusyError(f"{len(self._waiting)} texts are waiting; try again later")
            self._room -= 1
            self._waiting.append(ticket)
            self._changed.notify()
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        """End a text, as `Ticket.cancel`."""
        with self._changed:
            ticket.is_cancelled = True  # which the thread looks at if the text is about to start
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                self._room += 1
            elif ticket.text is not None:
                self._cancelled.append(ticket)

    def close(self, seconds: float = 0) -> None:
        """Accept no more texts, finish those that there are, and end the thread.

        Args:
            seconds: How long that may take; texts that are not finished then end with an error.
        """
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join(seconds)
        self._is_over = True
        self._thread.join()

    def _run(self) -> None:
        try:
            rows = self._sampler.make_rows(self._rows, at_once=True)
            self._sizes = find_batch_sizes(rows, self._sampler.vocabulary.size)
            while not self._is_over:
                self._generate()
                if self._is_closed and not self._waiting:
                    break
            self._end_all(BusyError(_ENDS))
        except Exception as error:
            self._end_all(error)
            raise
        finally:
            self._is_closed = True

    def _generate(self) -> None:
        """Generate texts until there are none; an error ends all that have started."""
        config = self._sampler.requests.config(Decoding(), self._sampler.stop_condition(None))
        rows = self._sampler.make_rows(self._rows, at_once=True)
        batch, tokens = make_batch(rows, config, sizes=self._sizes), 1
        while not self._is_over:
            started: list[Ticket] = []
            try:
                if not self._wait():
                    return
                if self._cancelled:
                    self._cancel(batch)
                if self._waiting:
                    started = self._next(batch.room)
                    for ticket in started:
                        self._start(batch, ticket)
                start = time.monotonic()
                ended = batch.advance(tokens)
                tokens = _next_tokens(tokens, time.monotonic() - start)
            except Exception as error:  # noqa: BLE001  the clients get it
                self._end([*self._running.values(), *started], error)
                return
            self._report(batch, ended)

    def _wait(self) -> bool:
        """Wait until there is something to do; False if there will be nothing anymore."""
        with self._changed:
            while not (self._running or self._waiting or self._is_closed):
                self._changed.wait()
            return bool(self._running or self._waiting)

    def _next(self, count: int) -> list[Ticket]:
        """The tickets that can start."""
        with self._changed:
            return [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]

    def _start(self, batch: Batch, ticket: Ticket) -> None:
        job, details = ticket.job, None
        if job.scores or job.alternatives or job.prompt is not None:
            details = Details(job.alternatives, job.prompt)
        ticket.text = batch.start(job.request, job.config, details, scores=job.is_rated)
        self._running[ticket.text] = ticket
        self._fresh.add(ticket.text)
        if ticket.is_cancelled:
            self._cancelled.append(ticket)

    def _cancel(self, batch: Batch) -> None:
        """Take the texts of cancelled tickets out of the batch."""
        while self._cancelled:
            ticket = self._cancelled.popleft()
            if ticket.text is not None:
                self._release(batch, ticket.text)

    def _release(self, batch: Batch, text: Text) -> None:
        """Take a text out of the batch."""
        batch.remove(text)
        self._fresh.discard(text)
        self._running.pop(text).text = None
        with self._changed:
            self._room += 1

    def _report(self, batch: Batch, ended: Sequence[Text]) -> None:
        """Deliver what is due: all news from time to time, ends and first tokens at once."""
        now = time.monotonic()
        interval = max(_SECONDS_BETWEEN_UPDATES, len(self._running) / _UPDATES_PER_SECOND)
        if now - self._last_time >= interval:
            self._last_time, due = now, list(self._running)
        elif ended or self._fresh:
            due = [*ended, *(text for text in self._fresh if text.finish is None)]
        else:
            return
        deliveries: list[Delivery] = []
        for text in due:
            if text.finish is not None or batch.has_more(text):
                self._fresh.discard(text)
                deliveries.append((self._running[text].on_update, self._update(batch, text)))
        for text in ended:
            self._release(batch, text)
        if deliveries:
            self._deliver(deliveries)

    def _update(self, batch: Batch, text: Text) -> Update:
        """What is new of a text."""
        pieces, job = batch.take(text, self._table), self._running[text].job
        mean = math.nan
        if job.is_rated and text.finish is not None:
            mean = batch.result(text).mean_log_probability
        if text.details is None:
            return Update(pieces, finish=text.finish, mean_log_probability=mean)
        scores, most_likely = text.details.take()
        alternatives = [self._spell(each) for each in most_likely] if job.alternatives else None
        return Update(
            pieces,
            scores if job.scores else None,
            alternatives,
            text.finish,
            mean_log_probability=mean,
        )

    def _spell(self, alternatives: list[Alternative] | None) -> Alternatives | None:
        if alternatives is None:
            return None
        table = self._table
        return [(table[each.token_id][each.known :], each.log_probability) for each in alternatives]

    def _end(self, tickets: Iterable[Ticket], error: Exception) -> None:
        """End texts that have started, or were about to, with an error."""
        ended = list(dict.fromkeys(tickets))
        self._running.clear()
        self._fresh.clear()
        for ticket in ended:
            ticket.text = None
        with self._changed:
            self._room += len(ended)
        if ended:
            self._deliver([(ticket.on_update, Update([], error=error)) for ticket in ended])

    def _end_all(self, error: Exception) -> None:
        """Accept no more texts, and end all with an error."""
        with self._changed:
            self._is_closed = True
            waiting = list(self._waiting)
            self._waiting.clear()
        self._end([*self._running.values(), *waiting], error)
