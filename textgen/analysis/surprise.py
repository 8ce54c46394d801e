"""How surprising a trained model finds each character of a text."""

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from textgen.analysis.model_text import ModelText, named_text
from textgen.analysis.text_reader import ReadingOptions
from textgen.errors import CorpusError
from textgen.model.model_dir import read_model
from textgen.sampling.context import make_reader
from textgen.sampling.decoding import log_probabilities
from textgen.sampling.network import Reader
from textgen.settings import DEFAULT_MODEL
from textgen.text.documents.document_list import take_documents
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Corpora, list_corpora
from textgen.text.vocabulary import Vocabulary

# Bits from which a character gets the next darker background. One bit is an even chance; the
# characters of a corpus take two to five on average.
LEVELS = (1, 2, 4, 8)

Measure = partial["Surprise"]  # of `measure_surprise`


@dataclass(frozen=True)
class Surprise:
    """One character of a text, and how surprising a model found it there.

    Attributes:
        character: The character; empty for the end of a document.
        bits: -log2 of its probability; None for the first character of a continuous text, and for
            one that the model has no id for.
        rank: How many characters were at least as likely, 1 for the most likely; None likewise.
        likeliest: The most likely characters in its place, each with its probability; the unknown
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


def measure_surprise(
    vocabulary: Vocabulary, character: str, character_id: int, logs: Any, likeliest: int = 5
) -> Surprise:
    """How surprising a character is.

    Args:
        vocabulary: The model's vocabulary.
        character: The character.
        character_id: Its id.
        logs: Natural logarithms of all characters' probabilities in its place, of shape
            (vocabulary,); None if it is the first.
        likeliest: How many of the most likely characters to give.
    """
    if logs is None:
        return Surprise(character, None, None, ())
    best = np.argsort(-logs, kind="stable")[:likeliest].tolist() if likeliest else []
    return Surprise(
        character,
        -float(logs[character_id]) / math.log(2),
        int(np.count_nonzero(logs >= logs[character_id])),
        tuple((vocabulary.decode([best_id]), math.exp(logs[best_id])) for best_id in best),
    )


def inspect(
    corpora: Corpora = (),
    model: str | Path = DEFAULT_MODEL,
    *,
    context: str | None = None,
    likeliest: int = 5,
    labels: Any = None,
    report: ReadingReport | None = None,
    **reading: Unpack[ReadingOptions],
) -> Iterator[Surprise]:
    """How surprising a trained model finds each character of a text, given those before it.

    Each document is read from a zero state, with its labels; its end has an empty character.

    Args:
        corpora, model, context, labels, reading: As for `evaluate`.
        likeliest: How many of the most likely characters to give for each place.
        report: Counts what is found and changed as the text is read.

    Raises:
        CorpusError: no text, or unreadable text.
        ModelError: no model, or a damaged one.
        SettingsError: an unknown context, encoding or way to treat decoding errors.

    Example:
        >>> [surprise.bits for surprise in inspect("corpus.txt")]  # doctest: +SKIP
        [None, 3.1, 0.2]
    """
    corpora, options = take_documents(corpora, reading, labels)
    trained = read_model(model)
    text = named_text(trained.record, model, list_corpora(corpora), options, report)
    reader = make_reader(trained.network(), trained.record.window(context))
    measure = partial(measure_surprise, trained.record.vocabulary, likeliest=likeliest)
    if text.has_documents:
        return _inspect_documents(reader, text, measure)
    return _inspect_text(reader, text, measure)


def _inspect_text(reader: Reader, text: ModelText, measure: Measure) -> Iterator[Surprise]:
    """The characters of a continuous text; for a model of documents, of the inside of one."""
    end_id = text.reader.text.vocabulary.document_end_id
    logs = None if end_id is None else log_probabilities(reader.step(end_id))
    is_empty = True
    for block in text.read_texts():
        is_empty = is_empty and not block
        logs = yield from _inspect_characters(reader, block, logs, measure)
    if is_empty:
        raise CorpusError("the corpus is empty; name a file with text in it")


def _inspect_documents(reader: Reader, text: ModelText, measure: Measure) -> Iterator[Surprise]:
    """The characters of each document, read from a zero state, and its end."""
    vocabulary, end = text.reader.text.vocabulary, text.reader.end.tolist()
    for document in text.read_documents():
        reader.reset(())
        reader.set_labels((), document.label_ids)
        logs = None
        for end_id in end:
            logs = log_probabilities(reader.step(end_id))
        logs = yield from _inspect_characters(reader, document.text, logs, measure)
        for end_id in end:
            yield measure(vocabulary.decode([end_id]), end_id, logs)
            logs = log_probabilities(reader.step(end_id))
    if not text.reader.documents:
        raise CorpusError("the corpus is empty; name a file with text in it")


def _inspect_characters(
    reader: Reader, text: str, logs: Any, measure: Measure
) -> Generator[Surprise, None, Any]:
    """The characters of a text; returns the log-probabilities of what follows.

    Args:
        reader: Has read what is before the text.
        text: The text.
        logs: The log-probabilities of its first character, None without.
        measure: `measure_surprise` of a character, its id and these.
    """
    vocabulary: Vocabulary = measure.args[0]
    for character, known_id in zip(text, vocabulary.encode(text).tolist(), strict=True):
        character_id = vocabulary.unknown_id if known_id < 0 else known_id
        if character_id is None:
            yield Surprise(character, None, None, ())
            continue
        yield measure(character, character_id, logs)
        logs = log_probabilities(reader.step(character_id))
    return logs
