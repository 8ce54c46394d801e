"""Small models of documents, made without training: the next character depends on the last one."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.model.writing import write_weights
from textgen.model import model_dir
from textgen.model.paths import FINGERPRINT, cache_path
from textgen.model.record import ModelRecord
from textgen.sampling import Sampler
from textgen.sampling.network import Network
from textgen.settings import CorpusConfig, ModelConfig, Settings, WindowConfig, resolve_settings
from textgen.text.bloom import BloomFilter
from textgen.text.corpus_fingerprint import make_fingerprint
from textgen.text.documents.hashes import hash_texts
from textgen.text.documents.labels import LabelField, Labels
from textgen.text.prepare import Preparation, write_prepared
from textgen.text.prepared import Prepared
from textgen.text.vocabulary import Vocabulary

NAMES = ("Anna", "Annie", "Ann", "Nan", "Nina", "Ina", "Ian", "Dan", "Diana", "Dina", "Adan")


class BigramModel:
    """A recurrent network that writes documents like some others, from pairs of characters.

    Args:
        documents: What it has learned.
        labels: A label of each document; empty for none.
        characters: More characters, which it never writes.
    """

    def __init__(
        self, documents: Sequence[str], labels: Sequence[str] = (), characters: str = ""
    ) -> None:
        self.documents = tuple(documents)
        found = "".join(sorted({*"".join(documents), *characters}))
        self.vocabulary = Vocabulary(found, has_document_end=True)
        self.labels: Labels | None = None
        groups = [self.documents]
        if labels:
            counts = Counter(labels)
            values = tuple(sorted(counts))
            field = LabelField("kind", values, tuple(counts[value] for value in values))
            combinations = tuple(((field.encode(value),), counts[value]) for value in values)
            self.labels = Labels((field,), combinations)
            pairs = list(zip(documents, labels, strict=True))
            groups += [tuple(d for d, label in pairs if label == value) for value in values]
        size, count = self.vocabulary.size, len(groups)
        self.config = ModelConfig(
            cell="rnn",
            units=(size * count,),
            embedding=size + count,
            has_document_end=True,
            label_sizes=(count,) if labels else (),
        )
        logs = np.concatenate([self._log_probabilities(group) for group in groups]) / 2
        # A unit is 1 if both its character and its label are there, else -1.
        one_hot = np.eye(size + count, dtype=np.float32)
        kernel = np.zeros((size + count, size * count), np.float32)
        for unit in range(size * count):
            kernel[[unit % size, size + unit // size], unit] = 20
        self.weights = [
            one_hot[:size],
            *([one_hot[size:]] if labels else []),
            kernel,
            np.zeros((size * count, size * count), np.float32),
            np.full(size * count, -30 if labels else -10, np.float32),
            logs,
            logs.sum(0),
        ]

    def _log_probabilities(self, documents: Sequence[str]) -> np.ndarray:
        """Of each character after each, float32 of shape (vocabulary, vocabulary)."""
        size, end = self.vocabulary.size, self.vocabulary.document_end_id
        counts = np.full((size, size), 1e-12)
        for document in documents:
            ids = [end, *self.vocabulary.encode(document), end]
            np.add.at(counts, (ids[:-1], ids[1:]), 1)
        return np.asarray(np.log(counts / counts.sum(1, keepdims=True)), np.float32)

    @property
    def network(self) -> Network:
        return Network(self.config, self.vocabulary.size, self.weights)

    def sampler(self, window: int | None = None, **options: Any) -> Sampler:
        return Sampler(self.network, self.vocabulary, window, [], labels=self.labels, **options)

    def save(self, directory: Path, mode: str = "lines", separator: str = "") -> Path:
        """Write a model directory: with a fingerprint and, if documents are lines, the corpus."""
        resolved = resolve_settings({"units": self.config.units, "embedding": 1, "epochs": 1})
        parts = {name: getattr(resolved, name) for name in ("windows", "training")}
        corpus: dict[str, Any] = {
            "settings": CorpusConfig(documents=mode, separator=separator).to_json()
        }
        hashes = hash_texts(self.documents)
        fingerprint = BloomFilter.of([hashes], len(hashes)).to_bytes()
        if mode == "lines":
            prepared = self.prepare(directory)
            fingerprint = make_fingerprint(prepared) or b""
            corpus |= {"characters": len(prepared.ids), "sources": list(prepared.sources)}
        about = {"corpus": corpus, "versions": {"textgen": "0.2.0"}}
        record = ModelRecord(
            Settings(model=self.config, **parts), self.vocabulary, {"epochs": []}, (), about,
            self.labels,
        )  # fmt: skip
        model_dir.save(directory, self._write, record, fingerprints={FINGERPRINT: fingerprint})
        return directory

    def prepare(self, directory: Path) -> Prepared:
        """Write the corpus into a model directory."""
        lines = directory.with_name(f"{directory.name}.txt")
        lines.write_text("".join(f"{document}\n" for document in self.documents), "utf-8")
        preparation = Preparation(
            CorpusConfig(documents="lines"), WindowConfig(maxlen=1, validation=0.0)
        )
        return write_prepared([lines], cache_path(directory), preparation, lambda *_: None)

    def _write(self, path: Path) -> None:
        write_weights(path, self.config, self.vocabulary.size, self.weights)
