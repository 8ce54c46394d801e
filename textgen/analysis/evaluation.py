"""How well a trained model predicts a text.

Knows model directories, corpora and what the figures mean; knows nothing of training and loads no
deep-learning framework.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from textgen.errors import CorpusError, SettingsError
from textgen.model import model_dir
from textgen.model.model_dir import TrainedModel
from textgen.sampling.context import make_reader
from textgen.sampling.decoding import log_probabilities
from textgen.sampling.scoring import score_by_windows, score_in_order
from textgen.settings import DEFAULT_MODEL, CorpusConfig, check_integer
from textgen.text.reading import read_texts
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Source, find_sources
from textgen.text.vocabulary import CODE_POINTS, Ids, Vocabulary

# Bits of surprise from which on a character stands out, more and more. One bit is an even chance; a
# corpus's characters take two to five on average.
LEVELS = (1, 2, 4, 8)
# What a character costs that a model does not know: to name any of Unicode's code points.
UNKNOWN_BITS = math.log2(CODE_POINTS)


@dataclass(frozen=True)
class Evaluation:
    """How well a model predicts a text.

    Attributes:
        characters: Characters of the text.
        predicted: How many of them the loss is the mean of.
        unknown: Characters outside the model's vocabulary: read as the unknown id where it has
            one, left out where it has none.
        loss: Cross-entropy in nats per character that is predicted.
        known_loss: The same over characters of the vocabulary alone.
        reading: What was found and changed when the text was read.
    """

    characters: int
    predicted: int
    unknown: int
    loss: float
    known_loss: float
    reading: ReadingReport = field(default_factory=ReadingReport)

    @property
    def coverage(self) -> float:
        """The share of the text's characters that are in the model's vocabulary."""
        return 1 - self.unknown / self.characters

    @property
    def charged_bits_per_character(self) -> float:
        """Bits per character of the whole text, with `UNKNOWN_BITS` for each unknown character.

        Models with different vocabularies compare by it: the loss leaves out, or simplifies, what
        a model does not know, and so gets better the less it knows.
        """
        known = 0.0 if math.isnan(self.known_loss) else self.coverage * self.known_loss
        return known / math.log(2) + (1 - self.coverage) * UNKNOWN_BITS

    @property
    def bits_per_character(self) -> float:
        """The loss in bits."""
        return self.loss / math.log(2)

    @property
    def perplexity(self) -> float:
        """exp(loss): among how many equally likely characters the model is as unsure."""
        return math.exp(min(self.loss, 700.0))

    def to_json(self) -> dict[str, Any]:
        """The figures as a JSON object."""
        derived = ("bits_per_character", "perplexity", "coverage", "charged_bits_per_character")
        names = ("characters", "predicted", "unknown", "loss", *derived)
        figures = {name: getattr(self, name) for name in names}
        return {**figures, "reading": self.reading.to_json()}


def evaluate(
    corpora: Sequence[str | Path | Source],
    model: str | Path = DEFAULT_MODEL,
    *,
    context: str | None = None,
    windows: int | None = None,
    encoding: str | None = None,
    decoding_errors: str | None = None,
    glob: Sequence[str] = CorpusConfig.glob,
) -> Evaluation:
    """Measure how well a trained model predicts a text.

    Args:
        corpora: Paths of files and directories, `-`, or sources.
        model: A model directory.
        context: `carry` reads the text in order and carries the state; `window` predicts each
            character from just the last maxlen; None does as the model was trained.
        windows: Read windows of this many characters instead, one after the other, each from a
            zero state, and count every position of each.
        encoding: Of the text, or `auto`; None for that of the text which the model was trained
            on, whose case and normalization are taken as well.
        decoding_errors: `strict`, `replace` or `skip`; None as when the model was trained.
        glob: Patterns for the names of files taken from directories.

    Raises:
        CorpusError: no text, unreadable text, or fewer than two characters of the vocabulary.
        ModelError: no model, or a damaged one.
        SettingsError: windows of no character, windows and context together, an unknown encoding
            or way to treat decoding errors.

    Example:
        >>> evaluate(["corpus.txt"], "textgen-model").loss  # doctest: +SKIP
        1.47
    """
    if windows is not None:
        windows = check_integer("windows", windows, at_least=1)
        if context is not None:
            raise SettingsError("windows", "and context exclude each other; give one of them")
    trained = model_dir.read_model(model)
    corpus = as_trained(trained, model, encoding, decoding_errors)
    found, _ = measured(trained, corpora, corpus, context=context, windows=windows, glob=glob)
    if not found.predicted:
        raise too_little(found.characters, found.unknown)
    return found


def measured(
    trained: TrainedModel,
    corpora: Sequence[str | Path | Source],
    corpus: CorpusConfig,
    *,
    context: str | None = None,
    windows: int | None = None,
    glob: Sequence[str] = CorpusConfig.glob,
) -> tuple[Evaluation, bytes]:
    """What `evaluate` finds, for a model that has been read and a text read as `corpus` says.

    Returns:
        The evaluation, with losses that are nan where nothing could be predicted; a digest of the
        text, by which two models have read the same characters or have not.
    """
    network, record = trained.network(), trained.record
    span, unknown = record.window(context), record.vocabulary.unknown_id
    read = Reading(record.vocabulary)
    pieces = read.ids(find_sources(corpora, glob), corpus)
    if windows is not None:
        parts = score_by_windows(network, windows, pieces)
    else:
        parts = score_in_order(make_reader(network, span), record.vocabulary.size, pieces)
    total, predicted, of_known, known = 0.0, 0, 0.0, 0
    for targets, logs in parts:
        total -= float(logs.sum())
        predicted += logs.size
        in_vocabulary = logs if unknown is None else logs[targets != unknown]
        of_known -= float(in_vocabulary.sum())
        known += in_vocabulary.size
    loss, known_loss = (
        nats / count if count else math.nan
        for nats, count in ((total, predicted), (of_known, known))
    )
    found = Evaluation(read.characters, predicted, read.unknown, loss, known_loss, read.report)
    return found, read.digest


@dataclass(frozen=True)
class Surprise:
    """One character of a text, and how surprising a model found it there.

    Attributes:
        character: The character.
        bits: -log2 of its probability; None for the first one, which nothing is known of, and for
            one that the model has no id for.
        rank: How many characters were at least as likely, 1 for the likeliest; None likewise.
        likeliest: The likeliest characters in its place, each with its probability; the unknown
            character is U+FFFD.
    """

    character: str
    bits: float | None
    rank: int | None
    likeliest: tuple[tuple[str, float], ...]

    @property
    def level(self) -> int:
        """How many of the bounds in `LEVELS` its bits reach."""
        return 0 if self.bits is None else sum(self.bits >= bits for bits in LEVELS)


def surprise(
    vocabulary: Vocabulary, character: str, place: int, logs: Any, likeliest: int = 5
) -> Surprise:
    """How surprising a character is.

    Args:
        vocabulary: Whose ids they are.
        character: The character.
        place: Its id.
        logs: Natural logarithms of all characters' probabilities in its place, of shape
            (vocabulary,); None where nothing stands before it.
        likeliest: Alternatives to give.
    """
    if logs is None:
        return Surprise(character, None, None, ())
    best = np.argsort(-logs, kind="stable")[:likeliest].tolist() if likeliest else []
    return Surprise(
        character,
        -float(logs[place]) / math.log(2),
        int(np.count_nonzero(logs >= logs[place])),
        tuple((vocabulary.table[one], math.exp(logs[one])) for one in best),
    )


def inspect(
    corpora: Sequence[str | Path | Source],
    model: str | Path = DEFAULT_MODEL,
    *,
    context: str | None = None,
    encoding: str | None = None,
    decoding_errors: str | None = None,
    glob: Sequence[str] = CorpusConfig.glob,
    likeliest: int = 5,
    report: ReadingReport | None = None,
) -> Iterator[Surprise]:
    """How surprising a trained model finds each character of a text, given those before it.

    Args:
        corpora, model, context, encoding, decoding_errors, glob: As `evaluate` takes them.
        likeliest: Alternatives to give for each character.
        report: Counts what is found and changed as the text is read.

    Raises:
        CorpusError: no text, or unreadable text.
        ModelError: no model, or a damaged one.
        SettingsError: an unknown context, encoding or way to treat decoding errors.

    Example:
        >>> [one.bits for one in inspect(["corpus.txt"])]  # doctest: +SKIP
        [None, 3.1, 0.2]
    """
    trained = model_dir.read_model(model)
    vocabulary = trained.record.vocabulary
    read = make_reader(trained.network(), trained.record.window(context))
    corpus = as_trained(trained, model, encoding, decoding_errors)
    sources = find_sources(corpora, glob)

    def surprises() -> Iterator[Surprise]:
        logs, empty = None, True
        for text, _ in read_texts(sources, corpus, report):
            empty = empty and not text
            for character, one in zip(text, vocabulary.encode(text).tolist(), strict=True):
                place = vocabulary.unknown_id if one < 0 else one
                if place is None:
                    yield Surprise(character, None, None, ())
                    continue
                yield surprise(vocabulary, character, place, logs, likeliest)
                logs = log_probabilities(read.step(place))
        if empty:
            raise CorpusError("the corpus is empty; name a file with text in it")

    return surprises()


def as_trained(
    trained: TrainedModel,
    model: str | Path,
    encoding: str | None = None,
    decoding_errors: str | None = None,
) -> CorpusConfig:
    """How the text was read that a model was trained on, but for what is given.

    Raises:
        ModelError: as in `ModelRecord.corpus_config`.
        SettingsError: an unknown encoding or way to treat decoding errors.
    """
    trained_on = trained.record.corpus_config(model)
    return replace(
        trained_on,
        encoding=trained_on.encoding if encoding is None else encoding,
        decoding_errors=(
            trained_on.decoding_errors if decoding_errors is None else decoding_errors
        ),
    )


class Reading:
    """Turns texts into ids that a model knows, and counts.

    Attributes:
        characters: Characters read.
        unknown: How many of them are outside the vocabulary: read as the unknown id where it has
            one, left out where it has none.
        report: What was found and changed when they were read.
    """

    def __init__(self, vocabulary: Vocabulary):
        self._vocabulary = vocabulary
        self._hash = hashlib.blake2b(digest_size=16)
        self.characters = self.unknown = 0
        self.report = ReadingReport()

    @property
    def digest(self) -> bytes:
        """The same for readings of the same characters."""
        return self._hash.digest()

    def ids(self, sources: Sequence[Source], corpus: CorpusConfig) -> Iterator[Ids]:
        """The ids of sources, in pieces."""
        for text, _ in read_texts(sources, corpus, self.report):
            yield self.known(text)

    def known(self, text: str) -> Ids:
        """The ids of a text."""
        self._hash.update(text.encode("utf-8", "surrogatepass"))
        ids = self._vocabulary.encode(text)
        missing = ids < 0
        self.characters += len(ids)
        self.unknown += int(missing.sum())
        if self._vocabulary.unknown_id is None:
            return ids[~missing]
        return np.where(missing, self._vocabulary.unknown_id, ids)


def too_little(characters: int, unknown: int) -> CorpusError:
    """What to raise where a model knows fewer than two characters of a text."""
    return CorpusError(
        f"the text has {characters:,} characters, {unknown:,} of them unknown to the model: two "
        "known ones are needed to predict one"
    )
