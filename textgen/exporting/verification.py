"""Comparing an exported model with textgen's own network."""

from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.exporting.signature import ID, PROBABILITIES, Signature
from textgen.exporting.step_numpy import Step
from textgen.model.record import ModelRecord
from textgen.sampling.decoding import log_probabilities
from textgen.sampling.network import Network

TOKENS = 500


def verification_ids(record: ModelRecord) -> npt.NDArray[np.int32]:
    """Two texts to compare models on: a model's seeds, forwards and backwards.

    A model of documents reads their end in between.

    Returns:
        int32 of shape (TOKENS, 2).
    """
    ids = record.vocabulary.encode("".join(record.seeds))[:TOKENS]
    known = ids[ids >= 0] if (ids >= 0).any() else np.arange(record.vocabulary.size)
    if record.vocabulary.document_end_id is not None:
        known = np.insert(known, 0, record.vocabulary.document_end_id)
    forwards = np.resize(known, TOKENS).astype(np.int32)
    return np.stack([forwards, forwards[::-1]], axis=1)


def largest_difference(
    step: Step, signature: Signature, network: Network, ids: npt.NDArray[np.int32]
) -> float:
    """The largest difference between the probabilities of two networks along texts.

    Each token is read with other labels, so that all are compared. States are carried from token
    to token. If the model was trained on windows, they are zero again after each
    window.

    Args:
        step: One network's step, from inputs by name to outputs by name.
        signature: The inputs and outputs of the step.
        network: The other network.
        ids: Texts side by side, of shape (tokens, texts).

    Returns:
        The largest absolute difference; nan if a probability is not a number.
    """
    reader = network.reader(ids.shape[1:])
    differences = []
    states: dict[str, Any] = {}
    for place, token_ids in enumerate(ids):
        if place % (signature.window or len(ids)) == 0:
            reader.reset(...)
            states = {
                state.name: np.zeros((ids.shape[1], state.units), np.float32)
                for state in signature.states
            }
        label_ids = label_ids_at(place, signature, ids.shape[1])
        reader.set_labels(..., label_ids)
        labels = dict(zip(signature.labels, label_ids.T, strict=True))
        outputs = step({ID: token_ids, **labels, **states})
        expected = np.exp(log_probabilities(reader.step(token_ids)))
        differences.append(np.abs(outputs[PROBABILITIES] - expected).max())
        states = {state.name: outputs[state.next] for state in signature.states}
    return float(np.max(differences))


def label_ids_at(place: int, signature: Signature, texts: int) -> npt.NDArray[np.int32]:
    """The labels that each text is read with at a place: one after the other.

    Returns:
        int32 of shape (texts, kinds of labels).
    """
    sizes = np.array(signature.config.label_sizes, np.int32)
    return (place + np.arange(texts, dtype=np.int32)[:, None]) % sizes
