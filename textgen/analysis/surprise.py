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
from textgen.sampling.decoding import find_most_likely, log_probabilities
from textgen.sampling.readers import Reader
from textgen.settings import DEFAULT_MODEL
from textgen.text.documents.document_list import take_documents
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Corpora, list_corpora
from textgen.text.vocabulary import Vocabulary

# Bits from which a character gets the next darker background. One bit is an even chance; the
# characters of a corpus take two to five on average.
LEVELS = (1, 2, 4, 8)

Measure = partial[list["Surprise"]]  # of `measure_surprise`


@dataclass(frozen=True)
class Surprise:
    """One character of a text, and how surprising a model found it there.

    Attributes:
        character: The character; empty for the end of a document.
        bits: -log2 of its probability; None for the first character of a continuous text, and for
            one that the model has no id for. Of a character of a subword, an equal share of the
            subword's bits.
        rank: How many tokens were at least as likely, 1 for the most likely; None likewise.
        likeliest: The most likely tokens in its place, or in that of its subword, each with its
            probability; the unknown character is U+FFFD.
        token: The text of the token that it is a part of; None for a model without subwords.
    """

    character: str
    bits: float | None
    rank: int | None
    likeliest: tuple[tuple[str, float], ...]
    token: str | None = None

    @property
    def text(self) -> str:
        """The text of its token: of its subword, or itself."""
        return self.character if self.token is None else self.token

    @property
    def level(self) -> int:
        """How many of the bounds in `LEVELS` its bits reach."""
        return 0 if self.bits is None else sum(self.bits >= bits for bits in LEVELS)

    def to_json(self) -> dict[str, Any]:
        """The same as a JSON object; without `token` for a model without subwords."""
        likeliest = [[name, round(share, 6)] for name, share in self.likeliest]
        values = {**vars(self), "likeliest": likeliest}
        if self.token is None:
            del values["token"]
        return values


def measure_surprise(
    vocabulary: Vocabulary, text: str, token_id: int, logs: Any, likeliest: int = 5
) -> list[Surprise]:
    """How surprising each character of a token is; its bits are spread evenly over them.

    Args:
        vocabulary: The model's vocabulary.
        text: The token's text; empty for the end of a document.
        token_id: Its id.
        logs: Natural logarithms of all tokens' probabilities in its place, of shape (vocabulary,);
            None if it is the first.
        likeliest: How many of the most likely tokens to give.

    Example:
        >>> vocabulary = Vocabulary("abc", merges=(("a", "b"),))
        >>> logs = np.log([0.25, 0.25, 0.25, 0.25])
        >>> [(s.character, s.bits, s.token) for s in measure_surprise(vocabulary, "ab", 3, logs)]
        [('a', 1.0, 'ab'), ('b', 1.0, 'ab')]
    """
    characters = list(text) or [""]
    token = text if vocabulary.merges else None
    if logs is None:
        return [Surprise(character, None, None, (), token) for character in characters]
    bits = -float(logs[token_id]) / math.log(2) / len(characters)
    rank = int(np.count_nonzero(logs >= logs[token_id]))
    best = find_most_likely(logs, likeliest)
    names = tuple((vocabulary.decode([best_id]), math.exp(logs[best_id])) for best_id in best)
    return [Surprise(character, bits, rank, names, token) for character in characters]


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
        likeliest: How many of the most likely characters, or subwords, to give for each place.
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
    for block in text.reader.text.whole_words(text.read_texts()):
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
            yield from measure(vocabulary.decode([end_id]), end_id, logs)
            logs = log_probabilities(reader.step(end_id))
    if not text.reader.documents:
        raise CorpusError("the corpus is empty; name a file with text in it")


def _inspect_characters(
    reader: Reader, text: str, logs: Any, measure: Measure
) -> Generator[Surprise, None, Any]:
    """The characters of a text; returns the log-probabilities of what follows.

    Args:
        reader: Has read what is before the text.
        text: The text, of whole words.
        logs: The log-probabilities of its first token, None without.
        measure: `measure_surprise` of a token, its id and these.
    """
    vocabulary: Vocabulary = measure.args[0]
    ids = vocabulary.encode(text)
    # A character outside the vocabulary is a token by itself, with an id below 0.
    ends = np.cumsum(np.where(ids < 0, 1, vocabulary.lengths[ids])).tolist()
    for known_id, start, end in zip(ids.tolist(), [0, *ends], ends, strict=False):
        token_id, token = vocabulary.unknown_id if known_id < 0 else known_id, text[start:end]
        if token_id is None:
            yield from measure(token, known_id, None)
            continue
        yield from measure(token, token_id, logs)
        logs = log_probabilities(reader.step(token_id))
    return logs
