"""Models with random weights, large enough for texts that look different from each other."""

from typing import Any

import numpy as np

from textgen.model.model_dir import TrainedModel
from textgen.model.record import ModelRecord
from textgen.sampling.network import weight_specs
from textgen.settings import CorpusConfig, ModelConfig, Settings, TrainConfig, WindowConfig
from textgen.text.documents.labels import Labels
from textgen.text.tokens.subwords import Merge
from textgen.text.vocabulary import Vocabulary

CHARACTERS = "\n !',.:abcdefghijklmnopqrstuvwxyzéß–😀👩"
SEED = "the cab, a façade".replace("ç", "c")


def network_config(
    cell: str = "lstm",
    units: tuple[int, ...] = (24,),
    embedding: int = 8,
    *,
    documents: bool = False,
    labels: Labels | None = None,
) -> ModelConfig:
    """The network of a test."""
    return ModelConfig(
        cell=cell,
        units=units,
        embedding=embedding,
        has_document_end=documents,
        label_sizes=labels.sizes if labels else (),
    )


def lively_model(
    config: ModelConfig,
    *,
    window: int | None = None,
    merges: tuple[Merge, ...] = (),
    has_unknown: bool = False,
    labels: Labels | None = None,
    corpus: CorpusConfig | None = None,
) -> TrainedModel:
    """A model whose random weights are so large that it does not repeat itself at once."""
    if corpus is None:
        corpus = CorpusConfig(documents="rows", column="text") if config.has_document_end else None
    characters = "".join(sorted(CHARACTERS))
    vocabulary = Vocabulary(characters, has_unknown, config.has_document_end, merges)
    settings = Settings(
        windows=WindowConfig(maxlen=window or 20),
        model=config,
        training=TrainConfig(carry_state=window is None),
    )
    about: dict[str, Any] = {
        "corpus": {"characters": 100, "sources": []}
        | ({"settings": corpus.to_json()} if corpus else {}),
    }
    seeds = () if config.has_document_end else (SEED, "once upon a")
    record = ModelRecord(settings, vocabulary, {}, seeds, about, labels)
    generator = np.random.default_rng(3)
    weights = []
    for spec in weight_specs(config, vocabulary.size):
        # Sums of the products have a standard deviation of about 2.
        deviation = 2 / np.sqrt(spec.shape[0]) if len(spec.shape) == 2 else 0.2
        is_embedding = spec.path.startswith("layers/embedding")
        scale = (1 if config.embedding else 0.3) if is_embedding else deviation
        weights.append((scale * generator.standard_normal(spec.shape)).astype(np.float32))
    if not config.embedding:
        weights[0] = np.eye(vocabulary.size, dtype=np.float32)
    return TrainedModel(record, weights)
