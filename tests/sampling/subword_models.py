"""Small models with subwords, made without training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.model.writing import write_weights
from tests.sampling.fake_networks import FakeNetwork
from textgen.model import model_dir
from textgen.model.record import ModelRecord
from textgen.sampling import Sampler
from textgen.sampling.cells import Allocate
from textgen.sampling.context import make_reader
from textgen.sampling.network import Network, weight_specs
from textgen.sampling.readers import Reader
from textgen.settings import ModelConfig, Settings, resolve_settings
from textgen.text.vocabulary import Vocabulary

MERGES = (
    *(("t", "h"), (" ", "th"), ("th", "e"), (" th", "e"), ("a", "b"), ("c", "ab"), ("cab", "d")),
    *(("e", "a"), (" ", "a"), ("the", "t")),
)
CHARACTERS = "\n abcdeht"
SUBWORDS = Vocabulary(CHARACTERS, merges=MERGES)


@dataclass(frozen=True)
class SubwordModel:
    """A network of random weights.

    Attributes:
        vocabulary: Its tokens.
        label_sizes: As in `ModelConfig`.
    """

    vocabulary: Vocabulary = SUBWORDS
    label_sizes: tuple[int, ...] = ()

    @property
    def config(self) -> ModelConfig:
        return ModelConfig(
            units=(6, 5),
            embedding=4,
            label_sizes=self.label_sizes,
            has_document_end=self.vocabulary.has_document_end,
        )

    @property
    def weights(self) -> list[np.ndarray]:
        generator = np.random.default_rng(0)
        specs = weight_specs(self.config, self.vocabulary.size)
        return [generator.standard_normal(spec.shape).astype(np.float32) for spec in specs]

    @property
    def network(self) -> Network:
        return Network(self.config, self.vocabulary.size, self.weights)

    def sampler(self, window: int | None = None, **options: Any) -> Sampler:
        return Sampler(self.network, self.vocabulary, window, ["the cab", " a bad\n"], **options)

    def save(self, directory: Path) -> Path:
        """Write a model directory."""
        resolved = resolve_settings({"units": self.config.units, "embedding": 4, "epochs": 1})
        parts = {name: getattr(resolved, name) for name in ("windows", "training")}
        settings = Settings(model=self.config, **parts)
        record = ModelRecord(
            settings, self.vocabulary, {"epochs": [], "steps": []}, ("the cab",), {}
        )
        model_dir.save(directory, self._write, record)
        return directory

    def _write(self, path: Path) -> None:
        write_weights(path, self.config, self.vocabulary.size, self.weights)


class Reciter(FakeNetwork):
    """A fake network that prefers one token after the other, whatever it reads.

    Args:
        vocabulary: The tokens.
        tokens: Those that it prefers, by the number of ids that were read.
    """

    def __init__(self, vocabulary: Vocabulary, tokens: Sequence[str]):
        self._size = vocabulary.size
        self._ids = [vocabulary.table.index(token) for token in tokens]

    def make_reader(self, allocate: Allocate) -> Reader:
        read = allocate(1)[..., 0]

        def step(_: Any) -> Any:
            preferred = np.array(self._ids)[read.astype(int) % len(self._ids)]
            read[...] += 1
            return np.eye(self._size, dtype=np.float32)[preferred] * 50

        def reset(index: Any) -> None:
            read[index] = 0

        return Reader(step, reset, list)


def reciter(*tokens: str, vocabulary: Vocabulary = SUBWORDS) -> Sampler:
    """A sampler that writes some tokens, the first one after the first id that it reads."""
    network: Any = Reciter(vocabulary, tokens)
    return Sampler(network, vocabulary, None, ["a"])


def predict(network: Network, ids: Sequence[int], window: int | None = None) -> np.ndarray:
    """The probabilities of the token after some others, read one by one from a zero state."""
    reader = make_reader(network, None)
    for number in ids[-(window or len(ids)) :]:
        logits = reader.step(number)
    weights = np.exp(logits.astype(np.float64))
    return np.asarray(weights / weights.sum())
