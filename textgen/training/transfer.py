"""Transfer: training begins with the weights of another model.

It may have more characters, document ends or other labels than that model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.errors import SettingsError
from textgen.model.model_dir import TrainedModel
from textgen.settings import ModelConfig, format_value
from textgen.text.documents.labels import NO_LABEL, LabelField, Labels
from textgen.text.vocabulary import IdSequence, Vocabulary
from textgen.training.new_tokens import map_tokens

Weights = Sequence[npt.NDArray[Any]]


def check_shape(config: ModelConfig, base: TrainedModel, name: str) -> None:
    """Raise `SettingsError` where settings have another shape than the model to begin with.

    Args:
        config: The settings.
        base: The model to begin with.
        name: How the user named it.
    """
    recorded = base.record.settings.model
    for field in ("cell", "units", "embedding"):
        if getattr(config, field) != getattr(recorded, field):
            raise SettingsError(
                field,
                f"must be left out, or be {format_value(getattr(recorded, field))} as in {name}: "
                f"its weights do not fit {format_value(getattr(config, field))}",
            )


def unite(old: Vocabulary, new: Vocabulary) -> Vocabulary:
    """The characters of both, the unknown one if either has it, and document ends if the new has.

    The subwords are those of the old one; the new one has none but them.

    Example:
        >>> unite(Vocabulary("ace"), Vocabulary("abc")).characters
        'abce'
    """
    characters = "".join(sorted({*old.characters, *new.characters}))
    has_unknown = old.has_unknown or new.has_unknown
    return Vocabulary(characters, has_unknown, new.has_document_end, old.merges)


def map_ids(vocabulary: Vocabulary, union: Vocabulary) -> npt.NDArray[np.int64]:
    """The ids that the tokens of a vocabulary have in another one.

    Returns:
        Shape (vocabulary.size,): for each id of `vocabulary` the id in `union`; -1 for a token that
        it lacks.
    """
    ids = union.encode_characters(vocabulary.characters)
    if vocabulary.subwords:
        places = {token: number for number, token in enumerate(union.subwords)}
        added = [len(union.characters) + places[token] for token in vocabulary.subwords]
        ids = np.append(ids, added)
    for old, new in (
        (vocabulary.unknown_id, union.unknown_id),
        (vocabulary.document_end_id, union.document_end_id),
    ):
        if old is not None:
            ids = np.append(ids, -1 if new is None else new)
    return ids


@dataclass(frozen=True)
class MappedIds:
    """Ids of one vocabulary that are read as those of another, without a copy of the text.

    Attributes:
        ids: Ids of a text, shape (tokens,), possibly mapped from a file.
        table: The new id of each old one.
    """

    ids: IdSequence
    table: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, key: Any) -> Any:
        return self.table[self.ids[key]]


def transfer_weights(
    base: TrainedModel, vocabulary: Vocabulary, labels: Labels | None, fresh: Weights
) -> list[Any]:
    """The weights of a trained model for another vocabulary and other labels.

    Args:
        base: The model.
        vocabulary: One with all its characters.
        labels: The labels of the new model; None for none.
        fresh: Weights of a new network of these, in Keras's order; used for the labels that the
            model lacks, and near which its new tokens are (training/new_tokens.py).

    Returns:
        Arrays in the same order and shapes as `fresh`.
    """
    record = base.record
    fields = () if labels is None else labels.fields
    old_fields = () if record.labels is None else record.labels.fields
    embedding, rest = base.weights[0], base.weights[1 + len(old_fields) :]
    old_labels = {
        field.name: (field, table)
        for field, table in zip(old_fields, base.weights[1 : 1 + len(old_fields)], strict=True)
    }
    new = [np.array(array) for array in (*fresh[: 1 + len(fields)], *rest)]
    ids = map_ids(record.vocabulary, vocabulary)
    known, ids = ids >= 0, ids[ids >= 0]
    # Tokens are rows of the embedding (of the first kernel with one-hot input) and columns of the
    # dense layer.
    one_hot = not record.settings.model.embedding
    kernel = 1 + len(fields)
    token_map = map_tokens(record.vocabulary, vocabulary)
    if one_hot:
        new[kernel] = token_map.rows(rest[0], np.asarray(fresh[kernel]))
    else:
        new[0] = token_map.rows(embedding, np.asarray(fresh[0]))
    new[-2:] = token_map.columns(rest[-2], rest[-1])
    for number, field in enumerate(fields, 1):
        if field.name in old_labels:
            old_field, table = old_labels.pop(field.name)
            if one_hot:  # it is as wide as the vocabulary
                wide = np.zeros((len(table), vocabulary.size), np.float32)
                wide[:, ids] = table[:, known]
                table = wide
            new[number] = _transfer_labels(old_field, table, field, new[number])
    for _, table in old_labels.values():  # the new model is as the old one is without this label
        if one_hot:  # whose embedding is fixed
            new[kernel + 2].reshape(-1, rest[0].shape[1])[0] += table[NO_LABEL] @ rest[0]
        else:
            new[0] += table[NO_LABEL]
    return new


def _transfer_labels(
    old: LabelField, table: npt.NDArray[Any], new: LabelField, fresh: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """The embedding of a label whose values have changed; new values begin near no label."""
    result = fresh + table[NO_LABEL]
    result[NO_LABEL] = table[NO_LABEL]
    for value in set(old.values) & set(new.values):
        result[new.encode(value)] = table[old.encode(value)]
    if old.rare_id is not None and new.rare_id is not None:
        result[new.rare_id] = table[old.rare_id]
    return np.asarray(result, np.float32)
