"""Run an exported model in the engine that goes with it, and compare it with textgen's own."""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.errors import ExportError, first_line
from textgen.exporting.verification import TOKENS, verification_ids
from textgen.exporting.web.bundle import engine_script
from textgen.exporting.web.runtimes import Runtime, as_literal, find_runtimes
from textgen.model.model_dir import TrainedModel
from textgen.sampling.context import make_reader
from textgen.sampling.decoding import log_probabilities
from textgen.text.documents.labels import NO_LABEL
from textgen.text.vocabulary import Ids

# As for other exports: arithmetic in another order may differ by so much, a wrong model does more.
TOLERANCE = 5e-4
_LABELLED_TOKENS = 50  # that are read with the same labels

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Check:
    """How an exported model predicts, where it was run.

    Attributes:
        runtime: What ran it, such as `Node 20.1.0`.
        characters: The characters that it read.
        difference: The largest difference between its probabilities and those of textgen with the
            weights as they are in the file.
        rounding: The largest difference from those of the model as it was trained.
    """

    runtime: str
    characters: int
    difference: float
    rounding: float


@dataclass(frozen=True)
class Passage:
    """A text that both read from a zero state.

    Attributes:
        ids: Its tokens.
        label_ids: The ids of its labels, shape (fields,).
        label: The values of these, by the names of their fields.
    """

    ids: Ids
    label_ids: Ids
    label: dict[str, str]


def check_model_file(
    content: bytes,
    trained: TrainedModel,
    weights: Sequence[Floats],
    runtimes: Iterable[Runtime] | None = None,
) -> Check | None:
    """Run a model file in the engine along 500 tokens, and compare it with textgen's own network.

    Args:
        content: The model file.
        trained: The model that it was written from.
        weights: The weights as they are in the file.
        runtimes: What may run it; None for what this machine has.

    Returns:
        None if nothing on this machine could run it.

    Raises:
        ExportError: it predicts something else, or the engine refuses it.
    """
    passages = choose_passages(trained)
    texts = [{"label": each.label or None, "ids": each.ids.tolist()} for each in passages]
    script = _script(content.decode(), texts)
    for runtime in find_runtimes() if runtimes is None else runtimes:
        answer = runtime.run(script)
        if answer is None:
            continue
        size = trained.record.vocabulary.size
        probabilities = _read_answer(answer, runtime.name).reshape(-1, size)
        stored = largest_difference(probabilities, replace(trained, weights=weights), passages)
        if not stored <= TOLERANCE:
            raise ExportError(
                f"the model predicts something else in {runtime.name}: probabilities differ by "
                f"{stored:.2g}, and {TOLERANCE:g} is allowed; nothing was written"
            )
        characters = sum(
            trained.record.vocabulary.count_characters(passage.ids) for passage in passages
        )
        original = largest_difference(probabilities, trained, passages)
        return Check(runtime.name, characters, stored, original)
    return None


def choose_passages(trained: TrainedModel) -> list[Passage]:
    """The texts to compare a model on: its seeds, with other labels after every 50 tokens."""
    record = trained.record
    ids = verification_ids(record)[:, 0]
    if record.labels is None:
        return [Passage(ids, np.empty(0, np.int64), {})]
    passages = []
    for number, first in enumerate(range(0, TOKENS, _LABELLED_TOKENS)):
        label_ids = np.array([number % size for size in record.labels.sizes])
        label = {}
        for place, field in enumerate(record.labels.fields):
            if label_ids[place] == field.rare_id:  # which nobody can choose
                label_ids[place] = NO_LABEL
            elif label_ids[place] != NO_LABEL:
                label[field.name] = field.values[label_ids[place] - 1]
        passages.append(Passage(ids[first : first + _LABELLED_TOKENS], label_ids, label))
    return passages


def largest_difference(
    probabilities: Floats, trained: TrainedModel, passages: list[Passage]
) -> float:
    """The largest absolute difference from a model's own probabilities; nan if one is no number.

    Args:
        probabilities: After each token of the passages, shape (tokens, vocabulary).
        trained: The model.
        passages: What was read.
    """
    record = trained.record
    reader = make_reader(trained.network(), record.window())
    end, rows = record.vocabulary.document_end_id, iter(probabilities)
    differences = []
    for passage in passages:
        reader.reset(...)
        reader.set_labels(..., passage.label_ids)
        if end is not None:
            reader.step(end)
        for token_id in passage.ids.tolist():
            expected = np.exp(log_probabilities(reader.step(token_id)))
            differences.append(np.abs(next(rows) - expected).max())
    return float(np.max(differences))


def _script(model: str, texts: list[dict[str, Any]]) -> str:
    """The source of a module that reads texts and reports probabilities."""
    code = resources.files("textgen.exporting.web").joinpath("check.js").read_text("utf-8")
    given = as_literal({"model": model, "texts": texts})
    return f"{engine_script()}\nconst input = {given};\n{code}"


def _read_answer(answer: str, runtime: str) -> Floats:
    try:
        content = json.loads(answer)
        if "error" not in content:
            data = base64.b64decode(content["probabilities"])
            return np.frombuffer(data, "<f4").astype(np.float32)
        problem = first_line(content["error"])
    except (ValueError, KeyError, TypeError):
        problem = "no probabilities"
    raise ExportError(
        f"the model does not run in {runtime}: {problem}; nothing was written; export it in "
        "another format"
    )
