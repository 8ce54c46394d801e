"""Models with random weights, large enough that each token changes what follows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tests.analysis.models import LABELS, random_model
from textgen.model.model_dir import TrainedModel
from textgen.sampling.context import make_reader
from textgen.sampling.decoding import probabilities
from textgen.sampling.network import Network, weight_specs
from textgen.settings import CorpusConfig
from textgen.text.tokens.subwords import Merge
from textgen.text.vocabulary import Vocabulary

CHARACTERS = "\n !',.:abcdefghijklmnopqrstuvwxyzéß–😀👩"
SEED = "the cab, a facade"
MERGES: tuple[Merge, ...] = (
    *(("t", "h"), ("th", "e"), (" ", "a"), ("a", "b"), (" a", "b"), ("c", "a"), ("ca", "b")),
    *(("f", "a"), ("fa", "c"), ("fac", "e"), ("😀", "👩"), (" ", "the"), ("!", "!"), ("b", "a")),
)
CONTINUOUS = CorpusConfig(documents="none")
ROWS = CorpusConfig(documents="rows", column="text")
LINES = CorpusConfig(documents="lines")


def lively_model(
    cell: str = "lstm",
    units: tuple[int, ...] = (24,),
    embedding: int = 8,
    corpus: CorpusConfig = CONTINUOUS,
    characters: str = CHARACTERS,
    **options: Any,
) -> TrainedModel:
    """A model whose random weights are several times as large as those that training begins with.

    Args:
        cell, units, embedding: The network.
        corpus: What it reads; its documents end by themselves.
        characters: The vocabulary's.
        options: As for `random_model`.
    """
    trained = random_model(corpus, characters, **options)
    record = trained.record
    model = replace(record.settings.model, cell=cell, units=units, embedding=embedding)
    record = replace(record, settings=replace(record.settings, model=model))
    if corpus is CONTINUOUS:
        record = replace(record, seeds=(SEED, "once upon a"))
    generator = np.random.default_rng(3)
    weights = []
    for spec in weight_specs(model, record.vocabulary.size):
        deviation = 2 / np.sqrt(spec.shape[0]) if len(spec.shape) == 2 else 0.2
        if spec.path.startswith("layers/embedding"):
            deviation = 1 if embedding else 0.3
        elif spec.path == "layers/dense/vars/0":
            deviation *= 1 if cell == "rnn" else 4  # the outputs of others are small
        weights.append((deviation * generator.standard_normal(spec.shape)).astype(np.float32))
    if not embedding:
        weights[0] = np.eye(record.vocabulary.size, dtype=np.float32)
    if record.vocabulary.document_end_id is not None:
        weights[-1][record.vocabulary.document_end_id] = 3  # documents end after a line or so
    return TrainedModel(record, weights)


MODELS = {
    "lstm": lively_model(),
    "gru": lively_model("gru"),
    "rnn": lively_model("rnn"),
    "lstm, several layers": lively_model(units=(20, 13, 7)),
    "gru, several layers": lively_model("gru", (13, 9)),
    "rnn, several layers": lively_model("rnn", (13, 9)),
    "one-hot": lively_model(units=(17,), embedding=0),
    "windows": lively_model(units=(13, 9), window=7),
    "gru on windows": lively_model("gru", (10,), 0, window=5),
    "documents": lively_model(corpus=ROWS, has_unknown=True),
    "lines": lively_model(corpus=LINES),
    "labels": lively_model(units=(17, 9), corpus=ROWS, labels=LABELS),
    "labels, one-hot, windows": lively_model("gru", (9,), 0, ROWS, labels=LABELS, window=6),
    "subwords": lively_model(merges=MERGES, has_unknown=True),
    "documents of subwords": lively_model("gru", corpus=ROWS, merges=MERGES),
    "windows of subwords": lively_model(window=4, merges=MERGES),
}


def random_ids(vocabulary: Vocabulary, count: int = 500) -> list[int]:
    """Tokens of a text in which every token is equally likely; a document's begins with its end."""
    ids: list[int] = np.random.default_rng(2).integers(vocabulary.size, size=count).tolist()
    if vocabulary.document_end_id is not None:
        ids[0] = vocabulary.document_end_id
    return ids


def expected_probabilities(
    trained: TrainedModel,
    ids: Sequence[int],
    label_ids: Sequence[int] = (),
    weights: Sequence[np.ndarray] | None = None,
) -> np.ndarray:
    """The probabilities after each token, by the network in NumPy; shape (tokens, vocabulary)."""
    record = trained.record
    network = Network(record.settings.model, record.vocabulary.size, weights or trained.weights)
    reader = make_reader(network, record.window())
    if label_ids:
        reader.set_labels((), label_ids)
    return np.array([probabilities(reader.step(number)) for number in ids])
