"""What each way to store the weights costs: the loss that it adds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from textgen.analysis.evaluation import measure
from textgen.analysis.model_text import ModelText, part_text, shorten
from textgen.analysis.text_scores import HowToRead
from textgen.errors import ModelError, PreparedError
from textgen.model.model_dir import TrainedModel, read_training_corpus
from textgen.model.starters import find_model
from textgen.text.documents.index import VALIDATION

_MAX_TEXT = 100_000  # characters: enough for a difference of 0.0001 nats
_MAX_WORK = 2e10  # multiplications for reading them once: a second or two
_WINDOW = 256  # tokens that are read from a zero state, for a model that carries its state


@dataclass(frozen=True)
class LossCosts:
    """What each way to store the weights of a model adds to its loss.

    Attributes:
        characters: How many characters of the validation part were read.
        losses: Nats per character that each dtype adds.
    """

    characters: int
    losses: dict[str, float]


def measure_costs(
    trained: TrainedModel, model: str | Path, rounded: Mapping[str, Sequence[npt.NDArray[Any]]]
) -> LossCosts | None:
    """Measure what each way to store the weights costs, on the validation part of the corpus.

    Args:
        trained: The model.
        model: Its directory, which has the corpus, or the name of a starter.
        rounded: For each dtype the weights as it stores them.

    Returns:
        The costs, measured in a few seconds; None if the directory does not have the corpus, or
        that has no validation part.

    Example:
        >>> rounded = {"float16": round_weights(trained.weights, "float16")}  # doctest: +SKIP
        >>> measure_costs(trained, "textgen-model", rounded).losses  # doctest: +SKIP
        {'float16': 1.2e-05}
    """
    text = _validation_text(trained, model)
    if text is None:
        return None
    windows = None if text.has_documents else trained.record.window() or _WINDOW
    how = HowToRead(windows=windows)
    exact = measure(trained, text, how)
    losses = {
        dtype: measure(replace(trained, weights=weights), text, how).loss - exact.loss
        for dtype, weights in rounded.items()
        if dtype != "float32"
    }
    return LossCosts(exact.predicted, {"float32": 0.0, **losses}) if exact.predicted else None


def _validation_text(trained: TrainedModel, model: str | Path) -> ModelText | None:
    """As much of the validation part as can be read in a second or two."""
    record = trained.record
    try:
        corpus = read_training_corpus(find_model(model), record)
    except (ModelError, PreparedError):  # damaged, or read in a way of a newer version
        return None
    text = None if corpus is None else part_text(record, corpus, VALIDATION)
    if text is None:
        return None
    # For each token of a document, and only there, the window before it is read.
    repeated = (record.window() or 1) if text.has_documents else 1
    return shorten(text, int(min(_MAX_TEXT, max(2, _MAX_WORK / (trained.parameters * repeated)))))
