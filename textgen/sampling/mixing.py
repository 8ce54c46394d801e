"""A sampler of several models that predict as one."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from textgen.errors import ModelError, SettingsError
from textgen.sampling.mixture import Member, Mixture, Weights
from textgen.sampling.sampler import BATCH_STATES, Sampler
from textgen.sampling.selection import Corpus
from textgen.sampling.vocabulary_union import map_known, map_read, unite
from textgen.settings import Mix

_DOCUMENT_LENGTH = 100  # characters over which a mix changes in documents of unknown length


def mix_samplers(samplers: Sequence[Sampler], mix: Mix) -> Sampler:
    """A sampler of several models, which are stepped once for each token.

    Models whose weight is always zero are left out: with weights of 1 and 0 the sampler is that of
    the first model. Where no seed is given, it is one of the first model that is not left out.

    Args:
        samplers: The models' samplers, in the order of `mix.models`.
        mix: The models' names and weights.

    Raises:
        ModelError: the models have different tokens or labels.
    """
    _check_equal_kinds(samplers, mix)
    counted = [
        number for number in range(len(samplers)) if mix.weights[number] > 0 or mix.to[number] > 0
    ]
    parts = [samplers[number] for number in counted]
    if len(parts) == 1:
        return parts[0]
    vocabulary = unite([part.vocabulary for part in parts])
    members = [
        Member(
            part.predictor,
            map_read(part.vocabulary, vocabulary),
            map_known(part.vocabulary, vocabulary),
            part.labels is not None,
        )
        for part in parts
    ]
    if mix.by == "logits":
        _check_common(members)
    first, lengths = parts[0], [part.document_length for part in parts]
    weights = Weights(
        tuple(mix.weights[number] for number in counted),
        tuple(mix.to[number] for number in counted),
        mix.by,
        max((length or _DOCUMENT_LENGTH) for length in lengths)
        if vocabulary.has_document_end
        else None,
    )
    windows = [part.window for part in parts]
    longest = max(window or 1 for window in windows)
    sampler = Sampler(
        Mixture(members, weights, vocabulary.lengths),
        vocabulary,
        None if None in windows else longest,
        first.seeds,
        BATCH_STATES if None not in windows else max(1, BATCH_STATES // longest),
        next((part.labels for part in parts if part.labels is not None), None),
    )
    excluded = set.intersection(*(set(part.excluded) for part in parts))
    sampler.excluded, sampler.separator = "".join(sorted(excluded)), first.separator
    corpora = [part.corpus for part in parts if part.corpus is not None]
    if len(corpora) == len(parts):
        sampler.corpus = _Corpora(corpora)
    return sampler


def _check_equal_kinds(samplers: Sequence[Sampler], mix: Mix) -> None:
    """Check that models have tokens and labels of the same kind.

    Raises:
        ModelError: they do not.
    """
    first, labels = samplers[0], None
    kind = _describe(first)
    for sampler, name in zip(samplers, mix.models, strict=True):
        if _describe(sampler) != kind:
            raise ModelError(
                f"{name}: has {_describe(sampler)}, and {mix.models[0]} has {kind}; mix models of "
                "the same kind"
            )
        if kind.startswith("subwords") and not _has_same_tokens(sampler, first):
            raise ModelError(
                f"{name}: has other subwords than {mix.models[0]}; mix models that were trained on "
                "one prepared corpus, or models of characters"
            )
        if sampler.labels is None:
            continue
        fields = [(field.name, field.values, field.size) for field in sampler.labels.fields]
        if labels not in (None, fields):
            raise ModelError(
                f"{name}: has other labels than the models before it; mix models with the same "
                "labels, or without"
            )
        labels = fields


def _describe(sampler: Sampler) -> str:
    vocabulary = sampler.vocabulary
    tokens = "subwords" if vocabulary.merges else "characters"
    return f"{tokens} of {'documents' if vocabulary.has_document_end else 'continuous text'}"


def _has_same_tokens(sampler: Sampler, other: Sampler) -> bool:
    one, two = sampler.vocabulary, other.vocabulary
    return (one.characters, one.merges) == (two.characters, two.merges)


def _check_common(members: Sequence[Member]) -> None:
    """Check that some token is possible when logits are mixed.

    Raises:
        SettingsError: there is none.
    """
    common = set.intersection(*(set(member.knows.tolist()) for member in members))
    if not common:
        raise SettingsError(
            "mix_by",
            "logits needs characters that all models know, and there is none; give probabilities",
        )


class _Corpora:
    """The corpora of several models, as one."""

    def __init__(self, corpora: Sequence[Corpus]):
        self._corpora = corpora

    def find_documents(self, documents: Sequence[str]) -> Iterable[Any]:
        """Whether each document is in one of them."""
        each = [[*corpus.find_documents(documents)] for corpus in self._corpora]
        return np.asarray(np.any(each, axis=0))

    def find_copies(self, documents: Sequence[str], length: int) -> Iterable[Any]:
        """Whether each document has a run of `length` characters that occurs in one of them."""
        each = [[*corpus.find_copies(documents, length)] for corpus in self._corpora]
        return np.asarray(np.any(each, axis=0))

    @property
    def false_positives(self) -> float:
        """The share of new documents that `find_documents` takes for ones of a corpus."""
        return float(1 - np.prod([1 - each.false_positives for each in self._corpora]))
