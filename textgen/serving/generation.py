"""A request in progress: its texts, and what of them was not yet sent."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial

from textgen.errors import BusyError
from textgen.serving.api_errors import ApiError, busy
from textgen.serving.best_of import BestOf
from textgen.serving.choices import Choice, Delta
from textgen.serving.engine import Job, OnUpdate, Ticket, Update
from textgen.serving.filtered import FilteredRun, Judges
from textgen.serving.formats import Usage
from textgen.serving.models import ServedModel
from textgen.serving.plan import Plan


class Generation:
    """Generates the texts of a plan, and collects them until they are sent.

    Everything here runs in the event loop's thread. The engine never waits for a client: what was
    not sent is kept, and the lengths of the texts bound it.

    Args:
        plan: What is wanted.
        model: The model, acquired; `close` releases it.
        on_first_character: Called when the first character arrives.

    Attributes:
        plan, model: As given.
        is_closed: Whether nothing more is wanted.
    """

    def __init__(self, plan: Plan, model: ServedModel, on_first_character: Callable[[], object]):
        self.plan, self.model = plan, model
        self._choices = [
            Choice(
                index,
                text.prompt if plan.echo else "",
                plan.stops,
                prompt_is_scored=plan.echo and plan.logprobs is not None,
            )
            for index, text in enumerate(plan.texts)
        ]
        for choice, text in zip(self._choices, plan.texts, strict=True):
            choice.about = text.about
        self._on_first_character = on_first_character
        self._tickets: list[Ticket] = []
        self._deltas: deque[Delta] = deque()
        self._wake = asyncio.Event()
        self._has_characters = False
        self._run: FilteredRun | None = None
        self._error: ApiError | None = None
        self.is_closed = False

    @property
    def characters(self) -> int:
        """How many characters were generated."""
        return sum(choice.characters for choice in self._choices)

    @property
    def usage(self) -> Usage:
        """Characters so far."""
        return Usage(self.plan.prompt_characters, self.characters)

    @property
    def has_ended(self) -> bool:
        """Whether all texts have ended."""
        return all(choice.finish for choice in self._choices)

    def start(self, judges: Judges) -> None:
        """Submit all texts to the engine.

        Args:
            judges: Threads for documents that must pass filters.

        Raises:
            ApiError: too many texts are waiting.
        """
        if self.plan.filtered is not None:
            self._run = FilteredRun(self.model, self.plan.filtered)
            judges.start(self._run, self._receive_document, self.fail)
            return
        try:
            for index, text in enumerate(self.plan.texts):
                if text.job is not None:
                    self._submit(text.job, partial(self.receive, index))
            for ranked in self.plan.ranked:
                deliver = partial(self._receive_ranked, ranked.first)
                best = BestOf(ranked.count, len(ranked.jobs), deliver)
                for number, job in enumerate(ranked.jobs):
                    self._submit(job, partial(best.receive, number))
        except BusyError:
            self._cancel()
            raise busy() from None

    def receive(self, index: int, update: Update) -> None:
        """Take an update of a text."""
        choice = self._choices[index]
        if self.is_closed or choice.finish is not None:
            return
        if update.error is not None:
            self.fail(ApiError(500, "the text could not be generated", code="failed"))
            return
        try:
            delta = choice.feed(update)
        except Exception:  # an error of the program, which its client must not wait for
            self.fail(ApiError(500, "the text could not be generated", code="failed"))
            raise
        if not self._has_characters and choice.characters:
            self._has_characters = True
            self._on_first_character()
        if delta.finish is not None and not update.is_last and self._tickets:
            self._tickets[index].cancel()  # what follows would be left out
        if delta.text or delta.tokens or delta.finish:
            self._deltas.append(delta)
            self._wake.set()

    def _submit(self, job: Job, on_update: OnUpdate) -> None:
        self._tickets.append(self.model.engine.submit(job, on_update))

    def _receive_ranked(self, first: int, place: int, update: Update) -> None:
        """Take one of the best texts of a prompt."""
        self.receive(first + place, update)

    def _receive_document(self, index: int, update: Update, labels: Mapping[str, str]) -> None:
        """Take a document that passed."""
        self._choices[index].about = {"labels": labels} if labels else {}
        self.receive(index, update)

    def expire(self) -> None:
        """End all texts where they are, since they have taken too long."""
        is_ranked = bool(self.plan.ranked) and not self.has_ended  # the best are not known
        if not self.characters or is_ranked:
            self.fail(ApiError(503, "the texts took too long; try again later", code="timeout"))
            return
        for choice in self._choices:
            if choice.finish is None:
                self._deltas.append(choice.end("length"))
        self._cancel()
        self._wake.set()

    def fail(self, error: ApiError) -> None:
        """End with an error, after what has arrived."""
        self._error = self._error or error
        self._cancel()
        self._wake.set()

    async def batches(self) -> AsyncIterator[list[Delta]]:
        """What arrives, as it arrives, until all texts have ended or the request is closed.

        Raises:
            ApiError: as given to `fail`.
        """
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self.is_closed:
                return
            deltas = list(self._deltas)
            self._deltas.clear()
            if deltas:
                yield deltas
            if self._error is not None:
                raise self._error
            if not self._deltas and self.has_ended:
                return

    def close(self) -> None:
        """End all texts; nothing more is wanted."""
        if self.is_closed:
            return
        self.is_closed = True
        self._cancel()
        self._deltas.clear()
        self._wake.set()
        self.model.release()

    def _cancel(self) -> None:
        if self._run is not None:
            self._run.is_cancelled = True
        for ticket in self._tickets:
            ticket.cancel()
