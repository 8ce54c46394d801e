"""Going on from another model: its weights on a new corpus, with more characters where need be.

Knows vocabularies and which axes of which weights are characters; knows nothing of files, Keras or
training.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.errors import SettingsError
from textgen.model.model_dir import TrainedModel
from textgen.settings import ModelConfig
from textgen.text.vocabulary import Ids, Vocabulary

Weights = Sequence[npt.NDArray[Any]]


def check_shape(asked: ModelConfig, trained: TrainedModel, name: str) -> None:
    """Raise `SettingsError` where a network of another shape is asked for."""
    old = trained.record.settings.model
    for field in ("cell", "units", "embedding"):
        if getattr(asked, field) != getattr(old, field):
            raise SettingsError(
                field,
                f"must be left out, or be {show(getattr(old, field))} as in {name}: its weights "
                f"do not fit {show(getattr(asked, field))}",
            )


def show(value: Any) -> str:
    """A setting's value as it is given on the command line."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def union(old: Vocabulary, new: Vocabulary) -> Vocabulary:
    """The characters of both, and the unknown one if either has it.

    Example:
        >>> union(Vocabulary("ace"), Vocabulary("abc")).characters
        'abce'
    """
    characters = "".join(sorted({*old.characters, *new.characters}))
    return Vocabulary(characters, old.has_unknown or new.has_unknown)


def places(of: Vocabulary, within: Vocabulary) -> npt.NDArray[np.int64]:
    """Where the ids of one vocabulary are in another that has all its characters.

    Returns:
        Shape (of.size,): for each id of `of` the id in `within`.
    """
    found = within.encode(of.characters)
    return np.append(found, within.size - 1) if of.has_unknown else found


@dataclass(frozen=True)
class Renumbered:
    """Ids of one vocabulary read as those of another, a piece at a time.

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


def transferred(trained: TrainedModel, vocabulary: Vocabulary, fresh: Weights) -> list[Any]:
    """The weights of a trained model for a larger vocabulary.

    Args:
        trained: The model to go on from.
        vocabulary: One with all its characters.
        fresh: Weights of a new network of this vocabulary, in Keras's order, which characters
            that the model lacks take their rows from.

    Returns:
        Arrays in the same order and shapes as `fresh`.
    """
    old, known = trained.weights, places(trained.record.vocabulary, vocabulary)
    new = [np.array(array) for array in old]
    # Characters are rows of the embedding (of the first kernel with one-hot input) and columns of
    # the dense layer.
    one_hot = not trained.record.settings.model.embedding
    new[0] = np.array(fresh[0])
    if one_hot:
        new[1] = np.array(fresh[1])
        new[1][known] = old[1]
    else:
        new[0][known] = old[0]
    for place in (-2, -1):
        new[place] = np.array(fresh[place])
        new[place][..., known] = old[place]
    return new
