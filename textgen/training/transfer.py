"""Transfer: training begins with the weights of another model, perhaps with more characters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.errors import SettingsError
from textgen.model.model_dir import TrainedModel
from textgen.settings import ModelConfig, format_value
from textgen.text.vocabulary import Ids, Vocabulary

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
    """The characters of both, and the unknown one if either has it.

    Example:
        >>> unite(Vocabulary("ace"), Vocabulary("abc")).characters
        'abce'
    """
    characters = "".join(sorted({*old.characters, *new.characters}))
    return Vocabulary(characters, old.has_unknown or new.has_unknown)


def map_ids(vocabulary: Vocabulary, union: Vocabulary) -> npt.NDArray[np.int64]:
    """The ids that the characters of a vocabulary have in another one, which has all of them.

    Returns:
        Shape (vocabulary.size,): for each id of `vocabulary` the id in `union`.
    """
    ids = union.encode(vocabulary.characters)
    return np.append(ids, union.size - 1) if vocabulary.has_unknown else ids


@dataclass(frozen=True)
class MappedIds:
    """Ids of one vocabulary that are read as those of another, without a copy of the text.

    Attributes:
        ids: Ids of a text, shape (characters,), possibly mapped from a file.
        table: The new id of each old one.
    """

    ids: Ids
    table: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, key: Any) -> Any:
        return self.table[self.ids[key]]


def transfer_weights(base: TrainedModel, vocabulary: Vocabulary, fresh: Weights) -> list[Any]:
    """The weights of a trained model for a larger vocabulary.

    Args:
        base: The model.
        vocabulary: One with all its characters.
        fresh: Weights of a new network of this vocabulary, in Keras's order; used for the
            characters that the model lacks.

    Returns:
        Arrays in the same order and shapes as `fresh`.
    """
    old, known = base.weights, map_ids(base.record.vocabulary, vocabulary)
    new = [np.array(array) for array in old]
    # Characters are rows of the embedding (of the first kernel with one-hot input) and columns of
    # the dense layer.
    one_hot = not base.record.settings.model.embedding
    new[0] = np.array(fresh[0])
    if one_hot:
        new[1] = np.array(fresh[1])
        new[1][known] = old[1]
    else:
        new[0][known] = old[0]
    for index in (-2, -1):
        new[index] = np.array(fresh[index])
        new[index][..., known] = old[index]
    return new
