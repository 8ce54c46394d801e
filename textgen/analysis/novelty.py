"""How much of what a trained model writes is copied word for word from its training text."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from textgen.analysis.overlap import Overlap, find_overlap
from textgen.analysis.passages import Passage, find_passages
from textgen.analysis.training_text import TrainingText, open_training_corpus
from textgen.errors import CorpusError
from textgen.model.known_documents import KnownDocuments
from textgen.model.model_dir import TrainedModel, read_model
from textgen.settings import DEFAULT_MODEL, NoveltyConfig
from textgen.text.encode import OnProgress
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Corpora, list_corpora
from textgen.text.vocabulary import Ids

NGRAM_SIZES = (4, 8, 16, 32, 64, 128)  # from parts of words to two lines
MIN_PASSAGE = 16  # characters: fewer are three words, which nobody calls a copy
_RARE, _FREQUENT = 0.01, 0.1  # shares of copied n-grams


@dataclass(frozen=True)
class NgramShares:
    """Which share of texts occurs in the training text.

    Attributes:
        temperature: The temperature of samples; None for unseen text.
        characters: Characters of the texts.
        shares: For each n the share of their n-grams of characters that occur in the training
            text, from 0 to 1; None if they have no n-gram of that size.
        longest_copy: Characters of their longest passage that occurs in the training text.
        exact_copies: How many are whole documents of the training text; None for unseen text, and
            if the samples are no documents.
        starter_copies: How many seem to be whole documents that the model's starter was trained on,
            by a fingerprint that takes one other text in two thousand for one; of a continuous
            text, how many of their lines of MIN_PASSAGE or more characters. None for unseen text,
            and if the model descends from no starter.
    """

    temperature: float | None
    characters: int
    shares: dict[int, float | None]
    longest_copy: int
    exact_copies: int | None = None
    starter_copies: int | None = None


@dataclass(frozen=True)
class Novelty:
    """How much of a model's samples is copied.

    Attributes:
        training_characters: Characters of the training text.
        samples: Samples at each temperature.
        length: Characters of each, without the seed; of documents, at most.
        random_seed: The random seed of the samples.
        by_temperature: The n-grams of the samples.
        unseen: The n-grams of as many texts of the validation part, which training never saw; None
            without a validation part.
        passages: The longest copies, at least MIN_PASSAGE characters, none inside another.
        reading: What was found and changed when the named texts were read.
    """

    training_characters: int
    samples: int
    length: int
    random_seed: int
    by_temperature: tuple[NgramShares, ...]
    unseen: NgramShares | None
    passages: tuple[Passage, ...]
    reading: ReadingReport = field(default_factory=ReadingReport, compare=False)

    @property
    def verdict(self) -> str:
        """The result in a sentence."""
        copies = [
            f"{group.exact_copies:,} of {self.samples:,} documents (temperature "
            f"{group.temperature:g})"
            for group in self.by_temperature
            if group.exact_copies is not None
        ]
        sentence = self._copying
        if copies:
            are = "are exact copies of training documents"
            sentence = f"{' and '.join(copies)} {are}; {sentence}"
        starter = sum(group.starter_copies or 0 for group in self.by_temperature)
        if starter:
            unit = "of them" if copies else "whole lines"
            sentence += f"; {starter:,} {unit} seem to be texts that its starter was trained on"
        return sentence

    @property
    def _copying(self) -> str:
        """How much the samples copy, in a sentence."""
        n = self._telling_size()
        most = max(
            self.by_temperature, key=lambda group: (group.shares[n] or 0, group.longest_copy)
        )
        share = most.shares[n] or 0.0
        longest = max(group.longest_copy for group in self.by_temperature)
        usual = 0.0 if self.unseen is None else self.unseen.shares[n] or 0.0
        if share <= _RARE:
            summary = "hardly any copying"
        elif share <= 2 * usual:
            summary = "about as much copying as in unseen text"
        else:
            summary = "some copying" if share <= _FREQUENT else "much copying"
        samples = (
            f"{summary}: {share:.1%} of its {n}-grams (temperature {most.temperature:g}) occur in "
            "the training text"
        )
        if self.unseen is None:
            return (
                f"{samples}; its longest copy has {longest:,} characters; there is no unseen text "
                "to compare with"
            )
        return (
            f"{samples}, and {usual:.1%} of those of unseen text; its longest copy has "
            f"{longest:,} characters, that of unseen text {self.unseen.longest_copy:,}"
        )

    def _telling_size(self) -> int:
        """The least n for which hardly any n-gram of unseen text occurs in the training text."""
        shares = self.by_temperature[0].shares
        sizes = [n for n, share in shares.items() if share is not None] or [NGRAM_SIZES[0]]
        if self.unseen is None:
            return min(sizes, key=lambda n: abs(n - 32))
        for n in sizes:
            share = self.unseen.shares[n]
            if share is not None and share <= _RARE:
                return n
        return sizes[-1]

    def to_json(self) -> dict[str, Any]:
        """All of these as a JSON object."""
        return {**asdict(self), "reading": self.reading.to_json(), "verdict": self.verdict}


def novelty(
    model: str | Path = DEFAULT_MODEL,
    corpora: Corpora = (),
    config: NoveltyConfig | None = None,
    *,
    on_progress: OnProgress = lambda *_: None,
) -> Novelty:
    """Measure how much of what a trained model writes is copied from its training text.

    The samples are those of `textgen sample` with the same number, length, temperature and random
    seed, without their seeds. The figures are exact. The samples of a model of documents are whole
    documents; they are compared with the documents that it was trained on.

    Args:
        model: A model directory.
        corpora: The text that it was trained on, or a prepared corpus of it; none for the one in
            the model directory's cache.
        config: How many samples, how long, at which temperatures.
        on_progress: Called with a stage (those of `prepare`, `write`, `compare`), what is done in
            it and the total: bytes in the stages of `prepare`, else characters.

    Raises:
        CorpusError: the text is not what the model was trained on, or is unreadable.
        ModelError: no model, a damaged one, or one without a cache.
        PreparedError: the prepared corpus is damaged.
        UsageError: a prepared corpus and other texts together.

    Example:
        >>> novelty("textgen-model").passages[0].text  # doctest: +SKIP
        'I will not be '
    """
    config = config or NoveltyConfig()
    trained = read_model(model)
    with open_training_corpus(trained, Path(model), corpora, on_progress) as prepared:
        training = TrainingText(prepared, trained.record.settings.windows.validation)
        if len(training) < NGRAM_SIZES[0]:
            raise CorpusError(
                f"the training part has {len(training):,} characters, fewer than the "
                f"{NGRAM_SIZES[0]} of the shortest n-gram"
            )
        count = config.count(documents=prepared.documents is not None)
        samples = _generate_samples(trained, config, count, partial(on_progress, "write"))
        groups = [[prepared.vocabulary.encode(text) for text in texts] for texts in samples]
        unseen = training.unseen_texts(count, config.length, NGRAM_SIZES[0])
        if unseen:
            groups.append(unseen)
        overlaps, longest = _compare(training, groups, partial(on_progress, "compare"))
        temperatures: list[float | None] = [*config.temperatures, *([None] if unseen else [])]
        shares = [
            _ngram_shares(*values) for values in zip(temperatures, overlaps, longest, strict=True)
        ]
        if prepared.documents is not None:
            for place, texts in enumerate(samples):
                copied = int(training.find_documents(texts).sum())
                shares[place] = replace(shares[place], exact_copies=copied)
        for place, texts in enumerate(samples):
            starter_copies = _count_starter_copies(trained, Path(model), texts)
            shares[place] = replace(shares[place], starter_copies=starter_copies)
        by_temperature = list(zip(config.temperatures, samples, strict=True))
        copies = [overlap.copies for overlap in overlaps[: len(samples)]]
        return Novelty(
            training_characters=training.characters,
            samples=count,
            length=config.length,
            random_seed=config.random_seed,
            by_temperature=tuple(shares[: len(samples)]),
            unseen=shares[-1] if unseen else None,
            passages=find_passages(training, by_temperature, copies),
            reading=prepared.reading if list_corpora(corpora) else ReadingReport(),
        )


def _generate_samples(
    trained: TrainedModel,
    config: NoveltyConfig,
    count: int,
    on_progress: Callable[[int, int], object],
) -> list[list[str]]:
    """The samples of each temperature."""
    sampler = trained.sampler()
    seeds = [sampler.draw_seed(config.random_seed, number) for number in range(count)]
    stop = sampler.stop_condition(config.length)
    total = len(config.temperatures) * count * config.length
    samples: list[list[str]] = []
    for temperature in config.temperatures:
        samples.append([])
        decoding = config.decoding(temperature)
        for generated in sampler.generate_batch(seeds, decoding, stop, config.random_seed):
            samples[-1].append(generated.text)
            on_progress(sum(map(len, samples)) * config.length, total)
    return samples


def _count_starter_copies(
    trained: TrainedModel, directory: Path, texts: Sequence[str]
) -> int | None:
    """How many documents, or whole lines, seem to be documents of the model's starter."""
    if not trained.record.vocabulary.has_document_end:
        # A sample begins and ends within a line.
        lines = [line for text in texts for line in text.split("\n")[1:-1]]
        texts = [line for line in lines if len(line) >= MIN_PASSAGE]
    known = KnownDocuments(directory, trained.record).find_starter_documents(texts)
    return None if known is None else int(known.sum())


def _compare(
    training: TrainingText,
    groups: Sequence[Sequence[Ids]],
    on_progress: Callable[[int, int], object],
) -> tuple[list[Overlap], list[int]]:
    """The overlap of each group with the training text, and the length of its longest copy."""
    overlaps = find_overlap(
        training,
        groups,
        shortest=MIN_PASSAGE,
        on_progress=lambda done: on_progress(done, len(training)),
    )
    longest = [overlap.copies[0].length if overlap.copies else 0 for overlap in overlaps]
    # Of copies shorter than MIN_PASSAGE only the power of two below their length is known so far.
    sizes = {
        group: max((size for size, count in overlap.matches.items() if count), default=0)
        for group, overlap in enumerate(overlaps)
        if not overlap.copies
    }
    others = [group for group, size in sizes.items() if size]
    if others:
        shortest = min(sizes[group] for group in others)
        again = find_overlap(training, [groups[group] for group in others], shortest=shortest)
        for group, overlap in zip(others, again, strict=True):
            longest[group] = overlap.copies[0].length
    return overlaps, longest


def _ngram_shares(temperature: float | None, overlap: Overlap, longest_copy: int) -> NgramShares:
    counts = {n: overlap.substrings.get(n, 0) for n in NGRAM_SIZES}
    shares = {n: overlap.matches[n] / count if count else None for n, count in counts.items()}
    return NgramShares(temperature, overlap.substrings[1], shares, longest_copy)
