"""How much of what a trained model writes stands word for word in the text it was trained on.

Knows model directories, where their text is and what the figures mean; knows nothing of how copies
are found, and loads no deep-learning framework.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from textgen.analysis import overlap
from textgen.analysis.evaluation import as_trained
from textgen.errors import CorpusError, ModelError, PreparedError
from textgen.model import model_dir
from textgen.model.model_dir import TrainedModel
from textgen.model.paths import cache_path
from textgen.model.record import ModelRecord
from textgen.settings import DEFAULT_MODEL, NoveltyConfig, WindowConfig
from textgen.text.prepare import Preparation, write_prepared
from textgen.text.prepared import Prepared, find_prepared, open_prepared
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Source
from textgen.text.vocabulary import Ids

GRAMS = (4, 8, 16, 32, 64, 128)  # from parts of words to two lines; each twice the one before
PASSAGES = 10
SHORTEST = 16  # characters of a passage: fewer are three words, which nobody calls a copy
_SELDOM = 0.01  # an n-gram is long enough to tell copies if so much of unseen text is found at most
_MUCH = 0.1

Progress = Callable[[str, int, int | None], object]


@dataclass(frozen=True)
class Shares:
    """What part of a text is found in the training text.

    Attributes:
        temperature: That it was written at; None for unseen text.
        characters: How many it has.
        shares: For each n the share of its n-grams of characters that are found, 0 to 1; None
            where it has none so long.
        longest: Characters of its longest passage that is found.
    """

    temperature: float | None
    characters: int
    shares: dict[int, float | None]
    longest: int


@dataclass(frozen=True)
class Passage:
    """A passage of a sample that stands word for word in the training text.

    Attributes:
        text: The passage.
        temperature: Of the first sample that has it.
        sample: That sample's number, from 0.
        start: Characters of that sample before it, the seed not counted.
        samples: How many samples have it.
        times: How often it stands in the training text.
        offset: Characters before it in the corpus, where it stands first.
        line: The line of the corpus that it begins in there, from 1.
        source: The name of the file, where the corpus is a single one.
    """

    text: str
    temperature: float
    sample: int
    start: int
    samples: int
    times: int
    offset: int
    line: int
    source: str | None


@dataclass(frozen=True)
class Novelty:
    """How much of a model's samples is copied.

    Attributes:
        training_characters: Characters of the training text.
        samples: Samples for each temperature.
        length: Characters of each, the seed not counted.
        random_seed: That they were written with.
        written: The samples, by temperature.
        unseen: As much text of the same author that training never saw, the corpus's validation
            part; None where there is none.
        passages: The longest that are copied, none of them in another: those of SHORTEST
            characters or more, PASSAGES of them at most.
        reading: What was found and changed when the named texts were read.
    """

    training_characters: int
    samples: int
    length: int
    random_seed: int
    written: tuple[Shares, ...]
    unseen: Shares | None
    passages: tuple[Passage, ...]
    reading: ReadingReport = field(default_factory=ReadingReport, compare=False)

    @property
    def verdict(self) -> str:
        """What this comes to, in a sentence."""
        n = self._telling()
        most = max(self.written, key=lambda one: (one.shares[n] or 0.0, one.longest))
        share, longest = most.shares[n] or 0.0, max(one.longest for one in self.written)
        usual = 0.0 if self.unseen is None else self.unseen.shares[n] or 0.0
        if share <= _SELDOM:
            word = "hardly any copying"
        elif share <= 2 * usual:
            word = "about as much copying as in unseen text"
        else:
            word = "some copying" if share <= _MUCH else "much copying"
        own = (
            f"{word}: {share:.1%} of its {n}-grams (temperature {most.temperature:g}) stand in the"
        )
        if self.unseen is None:
            return (
                f"{own} training text; its longest copy has {longest:,} characters; there is no "
                "unseen text to compare with"
            )
        return (
            f"{own} training text, and {usual:.1%} of unseen text's; its longest copy has "
            f"{longest:,} characters, unseen text's {self.unseen.longest:,}"
        )

    def _telling(self) -> int:
        """The least n at which unseen text is hardly ever found in the training text."""
        sizes = [n for n, share in self.written[0].shares.items() if share is not None]
        if self.unseen is None:
            return min(sizes, key=lambda n: abs(n - 32))
        for n in sizes:
            share = self.unseen.shares[n]
            if share is not None and share <= _SELDOM:
                return n
        return sizes[-1]

    def to_json(self) -> dict[str, Any]:
        """All of these as a JSON object."""
        return {**asdict(self), "reading": self.reading.to_json(), "verdict": self.verdict}


def novelty(
    model: str | Path = DEFAULT_MODEL,
    corpora: Sequence[str | Path | Source] = (),
    config: NoveltyConfig | None = None,
    *,
    on_progress: Progress = lambda *_: None,
) -> Novelty:
    """Measure how much of what a trained model writes is copied from its training text.

    The samples are those of `textgen sample` with the same number, length, temperature and random
    seed. N-grams and passages are those of what was written after the seed. The figures are exact.

    Args:
        model: A model directory.
        corpora: The text that it was trained on, or a prepared corpus of it; none for the one in
            the model directory's cache.
        config: How many samples, how long, at which temperatures.
        on_progress: Called with a stage (those of `prepare`, `write`, `compare`), and what is done
            in it and what there is to do: bytes in those of `prepare`, else characters.

    Raises:
        CorpusError: the text is not what the model was trained on, or unreadable.
        ModelError: no model, a damaged one, or one whose cache is not there any more.
        PreparedError: the prepared corpus is damaged.
        UsageError: a prepared corpus and other texts together.

    Example:
        >>> novelty("textgen-model").passages[0].text  # doctest: +SKIP
        'I will not be '
    """
    config = config or NoveltyConfig()
    trained = model_dir.read_model(model)
    with _corpus(trained, Path(model), corpora, on_progress) as prepared:
        training = _Training(prepared, trained.record.settings.windows.validation)
        if len(training) < GRAMS[0]:
            raise CorpusError(
                f"the training part has {len(training):,} characters, fewer than the {GRAMS[0]} "
                "of the shortest n-gram"
            )
        texts = _write(trained, config, partial(on_progress, "write"))
        groups = [[prepared.vocabulary.encode(text) for text in group] for group in texts]
        unseen = training.unseen(config)
        compared = _compare(
            training, [*groups, unseen] if unseen else groups, partial(on_progress, "compare")
        )
        temperatures: list[float | None] = [*config.temperatures, *([None] if unseen else [])]
        shares = [
            _shares(temperature, found, longest)
            for temperature, (found, longest) in zip(temperatures, compared, strict=True)
        ]
        copies = [found.copies for found, _ in compared[: len(texts)]]
        return Novelty(
            training_characters=len(training),
            samples=config.samples,
            length=config.length,
            random_seed=config.random_seed,
            written=tuple(shares[: len(texts)]),
            unseen=shares[-1] if unseen else None,
            passages=_passages(training, config, texts, copies),
            reading=prepared.reading if corpora else ReadingReport(),
        )


class _Training:
    """The training part of a prepared corpus, read a piece at a time."""

    def __init__(self, prepared: Prepared, validation: float):
        self.prepared = prepared
        self._characters = len(prepared.split(validation)[0])

    def __len__(self) -> int:
        return self._characters

    def __getitem__(self, key: slice) -> Ids:
        first, last, _ = key.indices(self._characters)
        return self.prepared.read(first, last)

    def unseen(self, config: NoveltyConfig) -> list[Ids]:
        """As much of the rest as there is of samples, from places spread over it."""
        rest = len(self.prepared.ids) - self._characters
        length = min(config.length, rest)
        count = min(config.samples, rest // length) if length >= GRAMS[0] else 0
        texts = []
        for first in range(count):
            start = self._characters + first * rest // count
            ids = self.prepared.read(start, start + length).astype(np.int64)
            # What a rare character was is not known, so it is the same as no other one.
            ids[ids == self.prepared.vocabulary.unknown_id] = -1
            texts.append(ids)
        return texts


@contextmanager
def _corpus(
    trained: TrainedModel,
    directory: Path,
    corpora: Sequence[str | Path | Source],
    on_progress: Progress,
) -> Iterator[Prepared]:
    """The text that a model was trained on, prepared."""
    if named := find_prepared(corpora):
        prepared = open_prepared(named)
        _check(prepared, trained, str(named))
        yield prepared
    elif corpora:
        with tempfile.TemporaryDirectory(prefix="textgen-") as folder:
            windows = WindowConfig(maxlen=1, validation=0.0)  # none are cut here
            path = Path(folder, "corpus")
            read_as = as_trained(trained, directory)
            prepared = write_prepared(corpora, path, Preparation(read_as, windows), on_progress)
            _check(prepared, trained, str(getattr(corpora[0], "name", corpora[0])))
            yield prepared
    else:
        cached = _cached(trained.record, directory)
        _check(cached, trained, str(cached.path))
        yield cached


def _cached(record: ModelRecord, directory: Path) -> Prepared:
    """The text in a model directory's own cache."""
    try:
        found = model_dir.read_training_corpus(directory, record)
    except PreparedError as error:
        raise _no_text(directory, "its cache is damaged") from error
    if found is not None:
        return found
    if cache_path(directory).exists():
        raise _no_text(directory, "its cache holds another training's text")
    raise _no_text(directory, "its cache is not there, or was never made")


def _no_text(directory: Path, why: str) -> ModelError:
    return ModelError(
        f"{directory}: does not hold the text that the model was trained on: {why}; name that "
        "text, as in `textgen novelty corpus.txt`"
    )


def _check(prepared: Prepared, trained: TrainedModel, name: str) -> None:
    """Raise `CorpusError` where a text cannot be the one that a model was trained on."""
    own, other = trained.record.vocabulary, prepared.vocabulary
    # A model that went on from another one knows that one's characters as well.
    more = sorted(set(other.characters) - set(own.characters))
    if more or other.has_unknown > own.has_unknown:
        shown = f"{more[0]!r} (U+{ord(more[0]):04X})" if more else "rare ones"
        raise CorpusError(
            f"{name}: has characters that the model does not know, {shown} for one; name the text "
            "that it was trained on"
        )
    characters = trained.record.characters
    if len(prepared.ids) != characters:
        raise CorpusError(
            f"{name}: has {len(prepared.ids):,} characters, and the text that the model was "
            f"trained on {characters:,}; name that text"
        )


def _write(
    trained: TrainedModel, config: NoveltyConfig, on_progress: Callable[[int, int], object]
) -> list[list[str]]:
    """The samples, by temperature."""
    sampler = trained.sampler()
    numbers = range(config.samples)
    seeds = [sampler.draw_seed(config.random_seed, number) for number in numbers]
    ending = sampler.stop_condition(config.length)
    total = len(config.temperatures) * config.samples * config.length
    texts: list[list[str]] = []
    for temperature in config.temperatures:
        texts.append([])
        decoding = config.decoding(temperature)
        for written in sampler.generate_batch(seeds, decoding, ending, config.random_seed):
            texts[-1].append(written.text)
            on_progress(sum(map(len, texts)) * config.length, total)
    return texts


def _compare(
    training: _Training, groups: Sequence[Sequence[Ids]], on_progress: Callable[[int, int], object]
) -> list[tuple[overlap.Found, int]]:
    """What each group has in common with the training text, and the length of its longest copy."""
    every = overlap.find(
        training,
        groups,
        shortest=SHORTEST,
        on_progress=lambda done: on_progress(done, len(training)),
    )
    longest = [found.copies[0].length if found.copies else 0 for found in every]
    # Which power of two the longest copy of the others reaches is known; its length is not yet.
    reached = {
        n: max((size for size, count in found.found.items() if count), default=0)
        for n, found in enumerate(every)
        if not found.copies
    }
    others = [n for n, size in reached.items() if size]
    if others:
        least = min(reached[n] for n in others)
        again = overlap.find(training, [groups[n] for n in others], shortest=least)
        for n, found in zip(others, again, strict=True):
            longest[n] = found.copies[0].length
    return list(zip(every, longest, strict=True))


def _shares(temperature: float | None, found: overlap.Found, longest: int) -> Shares:
    counts = {n: found.stretches.get(n, 0) for n in GRAMS}
    shares = {n: found.found[n] / count if count else None for n, count in counts.items()}
    return Shares(temperature, found.stretches[1], shares, longest)


def _passages(
    training: _Training,
    config: NoveltyConfig,
    texts: Sequence[Sequence[str]],
    copies: Sequence[Sequence[overlap.Copy]],
) -> tuple[Passage, ...]:
    """The longest copies of all samples, none of them in another."""
    vocabulary = training.prepared.vocabulary
    every = sorted(
        ((group, copy) for group, found in enumerate(copies) for copy in found),
        key=lambda one: (-one[1].length, one[0], one[1].text, one[1].start),
    )
    cut = (texts[group][copy.text][copy.start :][: copy.length] for group, copy in every)
    chosen = list(islice(_outermost(cut), PASSAGES))
    line_end = int(vocabulary.encode("\n")[0])
    places = overlap.locate(training, [vocabulary.encode(text) for text in chosen], line_end)
    passages = []
    for text, place in zip(chosen, places, strict=True):
        having = [
            (temperature, number, sample.find(text))
            for temperature, group in zip(config.temperatures, texts, strict=True)
            for number, sample in enumerate(group)
            if text in sample
        ]
        passages.append(
            Passage(
                text,
                *having[0],
                samples=len(having),
                times=place.times,
                offset=place.first,
                line=place.marks + 1,
                source=_only(training.prepared.sources),
            )
        )
    return tuple(passages)


def _outermost(texts: Iterator[str]) -> Iterator[str]:
    """Texts, the longest first, without those that are in another one."""
    outer: list[str] = []
    for text in texts:
        if not any(text in longer for longer in outer):
            outer.append(text)
            yield text


def _only(sources: Sequence[dict[str, Any]]) -> str | None:
    """The name of the only source, where there is just one and it has a name."""
    names = [source.get("name") for source in sources if isinstance(source, dict)]
    only = names[0] if len(sources) == len(names) == 1 else None
    return only if isinstance(only, str) and only != "-" else None
