"""Generate documents until enough of them pass the filters.

Documents are generated in waves: as many side by side as are probably needed. The documents that
are kept are the first that pass, in the order of their numbers and attempts.
"""

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from math import ceil
from typing import Any, Protocol

from textgen.errors import SeedError, SettingsError, TriesError
from textgen.sampling.texts import Candidate, GeneratedText
from textgen.settings import DocumentFilters

_FIRST_WAVE, _MAX_WAVE = 256, 4096  # documents: the first are there soon, and later waves are full
_LOWEST_RATE = 1 / 64  # the share of documents that pass, at least, when a wave is planned

Generate = Callable[[Sequence[Candidate]], Iterable[GeneratedText]]


class Corpus(Protocol):
    """Finds documents, and parts of them, in the corpus of a model."""

    def find_documents(self, documents: Sequence[str]) -> Iterable[Any]:
        """Whether each document is one of the corpus."""
        ...

    def find_copies(self, documents: Sequence[str], length: int) -> Iterable[Any]:
        """Whether each document has a run of `length` characters that occurs in the corpus."""
        ...

    @property
    def false_positives(self) -> float:
        """The share of new documents that `find_documents` takes for ones of the corpus."""
        ...


@dataclass
class _Group:
    """The documents that start from one seed.

    Attributes:
        seed: The seed.
        first: The number of the first one.
        wanted: How many are wanted.
        planned: How many were generated, or are about to be.
        accepted: How many passed.
        passed: Those that were not yielded yet.
    """

    seed: str
    first: int
    wanted: int
    planned: int = 0
    accepted: int = 0
    passed: list[GeneratedText] = field(default_factory=list)


class Selection:
    """Documents that pass filters, and a count of the others.

    Args:
        filters: What they must pass.
        corpus: The corpus; None for a model that does not know it.

    Attributes:
        wanted, accepted: Documents that were wanted, and that passed.
        rejected: How many did not pass, by the name of the filter.
        on_progress: Called whenever some more were generated.

    Raises:
        SettingsError: a filter needs the corpus, and there is none.
        ModelError, PreparedError: the corpus is missing in the model directory, or damaged.
    """

    def __init__(self, filters: DocumentFilters, corpus: Corpus | None):
        for name in ("novel", "max_copy"):
            if corpus is None and name in filters.active:
                raise SettingsError(
                    name, "needs a model that was loaded from its directory; load it with `load`"
                )
        if corpus is not None and filters.novel:  # errors come before any work
            corpus.find_documents([])
        if corpus is not None and filters.max_copy is not None:
            corpus.find_copies([], filters.max_copy)
        self._filters, self._corpus = filters, corpus
        self._seen: set[bytes] = set()
        self._wave, self._is_only = _FIRST_WAVE, False
        self.wanted = self.accepted = 0
        self.rejected: Counter[str] = Counter()
        self.on_progress: Callable[[], object] = lambda: None

    def select(
        self, generate: Generate, seeds: Sequence[str], samples: int
    ) -> Iterator[GeneratedText]:
        """Generate documents that pass.

        Args:
            generate: Generates documents, in the order of the candidates.
            seeds: What they start from.
            samples: Documents for each seed.

        Yields:
            The documents, in the order of the seeds; fewer when the tries run out.

        Raises:
            SeedError: a seed is longer than documents may be.
        """
        max_length = self._filters.max_length
        for seed in seeds:
            if max_length is not None and len(seed) > max_length:
                raise SeedError(
                    f"the seed has {len(seed):,} characters, more than --max-length "
                    f"{max_length:,}; give a shorter one"
                )
        groups = deque(_Group(seed, i * samples, samples) for i, seed in enumerate(seeds))
        self.wanted += samples * len(groups)
        self._is_only = len(groups) == 1
        while groups:
            wave = self._plan(groups)
            texts = list(generate([candidate for _, candidate in wave]))
            self._judge([group for group, _ in wave], texts)
            self.on_progress()
            while groups:
                yield from groups[0].passed
                groups[0].passed.clear()
                if not self._is_finished(groups[0]):
                    break
                groups.popleft()

    def summary(self) -> str:
        """How many documents were rejected for each reason; empty if none was."""
        return ", ".join(
            f"{self.rejected[field.name]:,} {self._describe(field.name)}"
            for field in fields(self._filters)
            if self.rejected[field.name]
        )

    @property
    def generated(self) -> int:
        """Documents that were judged."""
        return self.accepted + self.rejected.total()

    def error(self, documents: Sequence[str] = ()) -> TriesError:
        """The error for fewer documents than wanted.

        Args:
            documents: Those that passed.
        """
        return TriesError(
            f"only {self.accepted:,} of {self.wanted:,} documents passed the filters; left out of "
            f"{self.generated:,} generated: {self.summary()}; raise --tries, or ask for less",
            documents,
        )

    def _plan(self, groups: Iterable[_Group]) -> list[tuple[_Group, Candidate]]:
        """The next documents to generate, of the first groups that need some."""
        rate = max(self.accepted / self.generated, _LOWEST_RATE) if self.generated else 1.0
        wave: list[tuple[_Group, Candidate]] = []
        for group in groups:
            if self._is_finished(group):
                continue
            count = min(
                ceil((group.wanted - group.accepted) / rate),
                group.wanted * self._filters.tries - group.planned,
                self._wave - len(wave),
            )
            for place in range(group.planned, group.planned + count):
                # The first documents of one seed do not depend on how many are wanted.
                attempt, number = (0, place) if self._is_only else divmod(place, group.wanted)
                wave.append((group, self._candidate(group, group.first + number, attempt)))
            group.planned += count
            if len(wave) == self._wave:
                break
        self._wave = min(2 * self._wave, _MAX_WAVE)
        return wave

    def _candidate(self, group: _Group, number: int, attempt: int) -> Candidate:
        longest = self._filters.max_length
        max_length = None if longest is None else longest - len(group.seed)
        return Candidate(group.seed, number, attempt, max_length)

    def _is_finished(self, group: _Group) -> bool:
        tries = group.wanted * self._filters.tries
        return group.accepted == group.wanted or group.planned == tries

    def _judge(self, groups: Sequence[_Group], texts: Sequence[GeneratedText]) -> None:
        """Accept or reject documents in their order."""
        reasons = self._find_reasons(texts)
        for group, text in zip(groups, texts, strict=True):
            if group.accepted == group.wanted:
                continue  # more were generated than were needed
            reason, digest = reasons.get(text.document), _digest(text.document)
            if self._is_too_long(text):
                reason = "max_length"
            elif reason is None and self._filters.unique and digest in self._seen:
                reason = "unique"
            if reason is not None:
                self.rejected[reason] += 1
                continue
            if self._filters.unique:
                self._seen.add(digest)
            self.accepted += 1
            group.accepted += 1
            group.passed.append(text)

    def _find_reasons(self, texts: Iterable[GeneratedText]) -> dict[str, str]:
        """The first filter that each rejected document does not pass, but for length and unique."""
        filters, reasons = self._filters, dict[str, str]()
        left = dict.fromkeys(text.document for text in texts if not self._is_too_long(text))
        if filters.unique:  # these were accepted before, and pass all other filters
            left = dict.fromkeys(text for text in left if _digest(text) not in self._seen)

        def reject(name: str, passes: Callable[[list[str]], Iterable[bool]]) -> None:
            documents = list(left)
            if name in filters.active and documents:
                for document, ok in zip(documents, passes(documents), strict=True):
                    if not ok:
                        reasons[document] = name
                        del left[document]

        reject("min_length", lambda some: [len(text) >= filters.min_length for text in some])
        if self._corpus is not None:
            corpus, length = self._corpus, filters.max_copy or 0
            reject("novel", lambda some: [not known for known in corpus.find_documents(some)])
            reject("max_copy", lambda some: [not has for has in corpus.find_copies(some, length)])
        return reasons

    def _is_too_long(self, text: GeneratedText) -> bool:
        return self._filters.max_length is not None and not text.complete

    def _describe(self, name: str) -> str:
        filters = self._filters
        if name == "novel":
            share = self._corpus.false_positives if self._corpus is not None else 0
            doubt = f" (one new document in {1 / share:,.0f} seems to be)" if share else ""
            return f"in the corpus{doubt}"
        return {
            "unique": "repeated",
            "max_copy": f"with a copy of {filters.max_copy} characters or more",
            "min_length": f"of fewer than {filters.min_length} characters",
            "max_length": f"of more than {filters.max_length} characters",
        }[name]


def check_filters(filters: DocumentFilters, *, documents: bool, length: int | None) -> None:
    """Check that a model can generate documents that pass filters.

    Args:
        filters: The filters.
        documents: Whether the model generates documents.
        length: The length that documents are cut at; None if the user gave none.

    Raises:
        SettingsError: it cannot.
    """
    if filters.active and not documents:
        raise SettingsError(
            filters.active[0],
            "needs a model of documents; train one with --documents, or from a table",
        )
    if filters.max_length is not None and length is not None:
        raise SettingsError(
            "max_length", "rejects long documents and length cuts them; give one of them"
        )


def _digest(document: str) -> bytes:
    return hashlib.blake2b(document.encode("utf-8", "surrogatepass"), digest_size=16).digest()
