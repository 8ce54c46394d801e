"""Whether a starter knows the language of a text: a quick check, before anything is trained.

The starter and an n-gram model of some training text predict the same excerpts of the validation
text. A starter that has never seen the text, and still predicts it well and better than these
n-grams do, knows its language. The check takes some 0.2 s and no framework.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from textgen.model.model_dir import TrainedModel
from textgen.sampling.document_scoring import score_documents
from textgen.text.vocabulary import Vocabulary
from textgen.training.data import TextPart, TrainingData
from textgen.training.new_tokens import map_tokens

Ints = npt.NDArray[np.int64]

SHORT_TEXT = 300_000  # characters of a training text; a longer one teaches spelling by itself
# With a starter of two million parameters, in nats per character: English titles, verse and manuals
# 1.4 to 2.2, source code 2.2 to 3.8, tables and logs 2.9 to 3.8, German, French, Spanish and Dutch
# 2.6 to 4.3. The n-gram model is worse than the starter on nearly all of the English texts only.
_LIMIT = 2.35  # nats per character of a starter that knows the language, at most
_MARGIN = 0.05  # by which it must be better than the n-gram model
_EXCERPTS, _LENGTH = 32, 64  # excerpts, and characters of each, at most
_LEAD = 8  # characters of a continuous text that are read first and not counted
_UNKNOWN = 6.0  # nats for a character that the starter does not have
_ORDER = 4  # characters of context in the n-gram model
# Pieces of the training text that it is counted on, and characters of each, at most. More of them
# would give it words that a starter learns in training only.
_PIECES, _PIECE = 10, 1000
# Characters of the training text, and the nats per character by which training from a starter
# lowers the loss (docs/starters.md); that of 300,000 is an extrapolation.
_GAINS = ((2_000, 1.0), (10_000, 0.8), (30_000, 0.5), (100_000, 0.25), (300_000, 0.1))


@dataclass(frozen=True)
class StarterCheck:
    """How well a starter and an n-gram model of the training text predict the validation text.

    Attributes:
        loss: Of the starter, in nats per character.
        ngram_loss: Of the n-gram model.
    """

    loss: float
    ngram_loss: float

    @property
    def knows_language(self) -> bool:
        return knows_language(self.loss, self.ngram_loss)


def knows_language(loss: float, ngram_loss: float) -> bool:
    """Whether a starter with this loss on a text knows its language.

    Args:
        loss: Of the starter, in nats per character.
        ngram_loss: Of an n-gram model of 10,000 characters of the training text, on the same
            excerpts.
    """
    return loss < min(_LIMIT, ngram_loss - _MARGIN)


def expected_gain(characters: int) -> float:
    """By how many nats per character a starter lowers the loss that training from scratch reaches.

    Args:
        characters: Of the training text.

    Example:
        >>> expected_gain(2_000), expected_gain(10_000)
        (1.0, 0.8)
    """
    sizes, gains = zip(*_GAINS, strict=True)
    return float(np.interp(math.log(max(characters, 1)), np.log(sizes), gains))


def check_starter(starter: TrainedModel, data: TrainingData) -> StarterCheck:
    """Compare a starter with an n-gram model of the training text, on the validation text.

    Without a validation text, the end of what would be counted takes its place.

    Args:
        starter: The starter.
        data: The text, as ids of the corpus's own vocabulary.
    """
    starts = np.linspace(0, max(0, len(data.train) - _PIECE), _PIECES).astype(np.int64)
    if len(data.train) > _PIECES * _PIECE:
        pieces = [data.train[start : start + _PIECE] for start in starts.tolist()]
    else:
        pieces = [data.train[:]]
    training = np.concatenate(pieces).astype(np.int64)
    part = data.validation_part
    if not len(part):
        cut = len(training) * 9 // 10
        training, part = training[:cut], TextPart(training[cut:])
    lead = 0 if part.documents is not None else min(_LEAD, len(part) // 2)
    places = [np.arange(start, end) for start, end in _choose_excerpts(part, lead)]
    ids = [np.asarray(part.ids[place[0] : place[-1] + 1], np.int64) for place in places]
    losses = _starter_losses(starter, data.vocabulary, ids)
    counted = np.concatenate([place[lead:] for place in places])
    context = np.maximum(counted[:, None] + np.arange(-_ORDER, 1), 0)
    ngrams = np.asarray(part.ids[context], np.int64)
    return StarterCheck(
        float(np.concatenate([loss[lead:] for loss in losses]).mean()),
        float(_ngram_losses(training, data.vocabulary.size, ngrams).mean()),
    )


def _choose_excerpts(part: TextPart, lead: int) -> list[tuple[int, int]]:
    """Where excerpts begin and end: starts of documents, or places all over a continuous text."""
    if part.documents is not None:
        count = min(_EXCERPTS, len(part.documents))
        numbers = np.linspace(0, len(part.documents) - 1, count).astype(np.int64)
        starts, ends = part.documents.starts[numbers], part.documents.starts[numbers + 1]
        return list(zip(starts.tolist(), np.minimum(ends, starts + _LENGTH).tolist(), strict=True))
    length = min(len(part), lead + _LENGTH)
    count = min(_EXCERPTS, len(part) // length)
    starts = np.linspace(0, len(part) - length, count).astype(np.int64)
    return [(start, start + length) for start in starts.tolist()]


def _starter_losses(
    starter: TrainedModel, vocabulary: Vocabulary, texts: list[Ints]
) -> list[npt.NDArray[np.float64]]:
    """The loss of each character of texts, each read from the start of a document or a line.

    Characters that the starter lacks are read as similar ones or as spaces.
    """
    own = starter.record.vocabulary
    token_map = map_tokens(own, vocabulary)
    sources, shifts = token_map.sources, token_map.shifts
    (space, line_end), end = own.encode(" \n").tolist(), own.document_end_id
    logs = score_documents(
        starter.network(),
        [np.where(sources[ids] >= 0, sources[ids], max(space, 0)) for ids in texts],
        start=[max(line_end, 0) if end is None else end],
    )
    return [
        np.where(sources[ids] >= 0, -log - shifts[ids], _UNKNOWN)
        for ids, log in zip(texts, logs, strict=True)
    ]


def _ngram_losses(training: Ints, size: int, ngrams: Ints) -> npt.NDArray[np.float64]:
    """The loss of the last character of n-grams after the others, interpolated over all orders.

    Each order is smoothed with the one below (Witten and Bell 1991).

    Args:
        training: The ids to count.
        size: Of the vocabulary.
        ngrams: Ids of shape (places, _ORDER + 1).
    """
    bits = size.bit_length()
    probability = np.full(len(ngrams), 1 / size)
    for order in range(min(_ORDER, 63 // bits - 1, len(training) - 1) + 1):
        columns = [training[place : len(training) - order + place] for place in range(order + 1)]
        known, counts = np.unique(_pack(columns, bits), return_counts=True)
        asked = _pack(list(ngrams[:, _ORDER - order :].T), bits)
        first, last = (
            np.searchsorted(known >> bits, asked >> bits, side) for side in ("left", "right")
        )
        sums = np.concatenate([[0], np.cumsum(counts)])
        place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
        count = np.where(known[place] == asked, counts[place], 0)
        distinct, total = last - first, sums[last] - sums[first]
        smoothed = (count + distinct * probability) / np.maximum(total + distinct, 1)
        probability = np.where(total > 0, smoothed, probability)
    return np.asarray(-np.log(probability))


def _pack(columns: list[Ints], bits: int) -> Ints:
    """One number for each row of ids."""
    packed = np.zeros_like(columns[0])
    for column in columns:
        packed = packed << bits | column
    return packed
