"""How probable a text is for several models, and for their mixture.

Every model reads the text by itself, as fast as alone, and what each finds for a token is put
together. Only where logits are mixed is the text read once more, by all models in step.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import tee
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from textgen.analysis.document_reader import Document
from textgen.analysis.document_scores import group_documents
from textgen.analysis.losses import LossSum, MemberLoss
from textgen.analysis.text_scores import Doubles, HowToRead, ModelScorer, TokenLogs
from textgen.errors import CorpusError, SettingsError
from textgen.model.model_dir import TrainedModel, read_model
from textgen.sampling.context import NetworkPredictor
from textgen.sampling.document_scoring import score_documents
from textgen.sampling.mixing import mix_samplers
from textgen.sampling.mixture import Member, Mixture
from textgen.sampling.scorer import OnTokens
from textgen.sampling.scoring import score_in_order
from textgen.sampling.text_scoring import Streams
from textgen.sampling.window_scoring import score_by_windows
from textgen.settings import Mix
from textgen.text.vocabulary import Ids

_KEPT = 1 << 19  # tokens whose probabilities are kept to find the best weights
_ROUNDS, _PRECISION = 200, 1e-5  # of the search for these


@dataclass(frozen=True)
class MixedModels:
    """Several models that predict as one, and how a text is read for them.

    Attributes:
        mix: The models' names and weights.
        models: The models.
        mixture: Their mixture.
        trained: The first model, with the vocabulary and the labels of the mixture.
    """

    mix: Mix
    models: tuple[TrainedModel, ...]
    mixture: Mixture
    trained: TrainedModel


def read_models(mix: Mix, context: str | None = None) -> MixedModels:
    """Read the models of a mix.

    Args:
        mix: Their names and weights; each has some weight.
        context: As for `evaluate`.

    Raises:
        SettingsError: the weights change over a text, or no character is known to all models whose
            logits are mixed.
        ModelError: a model is missing or damaged, or they have different tokens or labels.
    """
    if mix.is_ramp:
        raise SettingsError("mix", "can change over a text that is generated only; give one list")
    models = tuple(map(read_model, mix.models))
    sampler = mix_samplers([model.sampler(context) for model in models], mix)
    mixture = cast(Mixture, sampler.predictor)  # of two models or more
    record = replace(models[0].record, vocabulary=sampler.vocabulary, labels=sampler.labels)
    return MixedModels(mix, models, mixture, replace(models[0], record=record))


class MixtureScorer:
    """Scores a text with several models and their mixture; a `TextScorer`.

    Args:
        mixed: The models.
        end: The ids before and after each document.
        how: How the text is read.
        on_tokens: Called with how many more tokens the first model has scored.
    """

    def __init__(
        self,
        mixed: MixedModels,
        end: Ids,
        how: HowToRead | None = None,
        on_tokens: OnTokens = lambda _: None,
    ):
        self._mixed, self._end, self.how = mixed, end, how or HowToRead()
        self._members = mixed.mixture.members
        self._scorers = [
            ModelScorer(
                model, member.reads[end], self.how, on_tokens if place == 0 else lambda _: None
            )
            for place, (model, member) in enumerate(zip(mixed.models, self._members, strict=True))
        ]
        everything = np.arange(mixed.mixture.vocabulary_size)
        # For each model: the ids of the mixture that it knows, and those that its loss counts.
        self._knows = [np.isin(everything, member.knows) for member in self._members]
        self._counts = [
            knows | (model.record.vocabulary.unknown_id is not None)
            for knows, model in zip(self._knows, mixed.models, strict=True)
        ]
        self._sums = [LossSum(model.record.vocabulary) for model in mixed.models]
        self._kept: list[Doubles] = []  # probabilities of tokens, shape (models, tokens)
        self._count = 0

    @property
    def streams(self) -> Streams | None:
        """As `TextScorer.streams`, of the first model."""
        return self._scorers[0].streams

    def score_text(self, pieces: Iterable[Ids]) -> TokenLogs:
        """As `TextScorer.score_text`."""
        first, second, *copies = tee(pieces, len(self._members) + 2)
        streams: list[Iterator[npt.NDArray[Any]]] = [_targets(first)]
        for scorer, member, copy in zip(self._scorers, self._members, copies, strict=True):
            streams.append(_logs(scorer.score_text(_read(copy, member))))
        if self._mixed.mix.by == "logits":
            streams.append(_logs(self._score_mixture(second)))
        for ids, *logs in align(streams):
            yield ids, self._combine(ids, logs)

    def score_documents(self, documents: Iterable[Document]) -> Iterator[tuple[Document, Doubles]]:
        """As `TextScorer.score_documents`."""
        first, second, *copies = tee(documents, len(self._members) + 2)
        streams = [
            scorer.score_documents(_read_documents(copy, member))
            for scorer, member, copy in zip(self._scorers, self._members, copies, strict=True)
        ]
        if self._mixed.mix.by == "logits":
            streams.append(self._score_mixed_documents(second))
        for document, *scored in zip(first, *streams, strict=True):
            logs = [each for _, each in scored]
            yield document, self._combine(document.targets(logs[0]), logs)

    def members(self, ends: int) -> tuple[MemberLoss, ...]:
        """How well each model predicts by itself what was scored.

        Args:
            ends: How many of the characters that were scored end documents.
        """
        mix, best = self._mixed.mix, self._find_best_weights()
        return tuple(
            MemberLoss(
                str(name),
                weight,
                total.loss,
                total.nats / max(total.predicted - ends, 1) / math.log(2),
                None if best is None else best[place],
            )
            for place, (name, weight, total) in enumerate(
                zip(mix.models, mix.weights, self._sums, strict=True)
            )
        )

    def _combine(self, ids: Ids, logs: Sequence[Doubles]) -> Doubles:
        """The mixture's log-probabilities of some tokens; adds up those of the models.

        Args:
            ids: The tokens, shape (tokens,).
            logs: Their log-probabilities for each model and, if logits are mixed, for the mixture.
        """
        known = np.full((len(self._sums), len(ids)), -np.inf)
        for place, member in enumerate(self._members):
            counted, knows = self._counts[place][ids], self._knows[place][ids]
            self._sums[place].add(member.reads[ids[counted]], logs[place][counted])
            known[place, knows] = logs[place][knows]
        if self._mixed.mix.by == "logits":
            self._check_possible(ids, logs[-1])
            return logs[-1]
        if self._count < _KEPT:
            self._kept.append(np.exp(known))
            self._count += len(ids)
        known += np.log(self._mixed.mix.weights)[:, None]
        return np.asarray(np.logaddexp.reduce(known, axis=0))

    def _check_possible(self, ids: Ids, logs: Doubles) -> None:
        """Check that all models know some characters.

        Raises:
            CorpusError: one does not; mixed logits give the text no probability.
        """
        if (impossible := np.isneginf(logs)).any():
            token = self._mixed.trained.record.vocabulary.table[int(ids[impossible][0])]
            raise CorpusError(
                f"the text has {token!r}, which not all of the models know, and mixed logits give "
                "it no probability; give --mix-by probabilities"
            )

    def _find_best_weights(self) -> list[float] | None:
        """The weights with the lowest loss, by expectation and maximization."""
        if not self._kept:
            return None
        probabilities = np.concatenate(self._kept, axis=1)
        probabilities = probabilities[:, probabilities.any(axis=0)]
        weights = np.full(len(probabilities), 1 / len(probabilities))
        for _ in range(_ROUNDS):
            shares = weights[:, None] * probabilities
            before, weights = weights, (shares / shares.sum(axis=0)).mean(axis=1)
            if np.abs(weights - before).max() < _PRECISION:
                break
        return [float(weight) for weight in weights]

    def _score_mixture(self, pieces: Iterable[Ids]) -> TokenLogs:
        """The log-probabilities of a text of which the models read each token in step."""
        mixture, windows = self._mixed.mixture, self.how.windows
        if windows is None:
            return score_in_order(mixture.reader(), mixture.vocabulary_size, pieces)
        members = [
            replace(member, predictor=NetworkPredictor(model.network()))
            for member, model in zip(self._members, self._mixed.models, strict=True)
        ]
        return score_by_windows(Mixture(members, mixture.weights, mixture.lengths), windows, pieces)

    def _score_mixed_documents(
        self, documents: Iterable[Document]
    ) -> Iterator[tuple[Document, Doubles]]:
        """The same for documents."""
        has_labels = self._mixed.trained.record.labels is not None
        for group in group_documents(documents):
            scores = score_documents(
                self._mixed.mixture,
                [document.ids for document in group],
                np.stack([document.label_ids for document in group]) if has_labels else None,
                start=self._end.tolist(),
            )
            yield from zip(group, scores, strict=True)


def align(streams: Sequence[Iterator[npt.NDArray[Any]]]) -> Iterator[list[npt.NDArray[Any]]]:
    """Pieces of equal lengths of several streams, as far as the shortest one.

    Example:
        >>> streams = [iter([np.arange(3), np.arange(1)]), iter([np.arange(2)] * 2)]
        >>> [[piece.tolist() for piece in pieces] for pieces in align(streams)]
        [[[0, 1], [0, 1]], [[2], [0]], [[0], [1]]]
    """
    rest = [np.zeros(0)] * len(streams)
    while True:
        for place, stream in enumerate(streams):
            while not len(rest[place]):
                piece = next(stream, None)
                if piece is None:
                    return
                rest[place] = piece
        length = min(map(len, rest))
        yield [piece[:length] for piece in rest]
        rest = [piece[length:] for piece in rest]


def _targets(pieces: Iterable[Ids]) -> Iterator[Ids]:
    """The ids of a text without the first one, which nothing predicts."""
    skip = 1
    for piece in pieces:
        yield piece[skip:]
        skip = 0 if len(piece) else skip


def _logs(scores: TokenLogs) -> Iterator[Doubles]:
    for _, logs in scores:
        yield logs.ravel()


def _read(pieces: Iterable[Ids], member: Member) -> Iterator[Ids]:
    """A text as a model of a mixture reads it."""
    for piece in pieces:
        yield member.reads[piece]


def _read_documents(documents: Iterable[Document], member: Member) -> Iterator[Document]:
    for document in documents:
        yield replace(document, ids=member.reads[document.ids])
