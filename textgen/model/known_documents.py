"""The documents that a model was trained on: whether texts are among them, or copy parts of them.

With the prepared corpus in the model directory the answers are exact. Without it, a fingerprint of
the documents says whether a text is one of them; it takes one new text in two thousand for one.
A model that descends from a starter also has the fingerprint of that starter's documents.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from textgen import storage
from textgen.errors import ModelError
from textgen.model.model_dir import read_training_corpus
from textgen.model.paths import FINGERPRINT, MODEL_KIND, STARTER_FINGERPRINT
from textgen.model.record import ModelRecord
from textgen.text.bloom import BloomFilter, Hashes
from textgen.text.copied_runs import find_copied_runs
from textgen.text.corpus_fingerprint import hash_corpus
from textgen.text.documents.hashes import hash_texts
from textgen.text.documents.index import Documents
from textgen.text.prepared import Prepared
from textgen.text.vocabulary import Ids


class KnownDocuments:
    """The documents that a model and its starter were trained on.

    What is needed of them is read when it is first needed.

    Args:
        directory: A model directory.
        record: What it says about its model.
    """

    def __init__(self, directory: Path, record: ModelRecord):
        self._directory, self._record = directory, record

    def find_documents(self, documents: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Whether each text is one of the documents, shape (texts,).

        Raises:
            ModelError: the model directory has neither the corpus nor its fingerprint.
            PreparedError: the corpus is damaged.
        """
        hashes, bloom = hash_texts(documents), self._bloom
        known = np.ones(len(documents), np.bool_) if bloom is None else bloom.contains(hashes)
        if self._corpus is not None:
            for number in np.flatnonzero(known).tolist():
                known[number] = self._corpus.has(documents[number], hashes[number])
        elif bloom is None:
            raise ModelError(
                f"{self._directory}: does not know the documents that the model was trained on, "
                "which --novel needs; train it again"
            )
        if self._starter_bloom is not None:
            known |= self._starter_bloom.contains(hashes)
        return known

    def find_starter_documents(self, documents: Sequence[str]) -> npt.NDArray[np.bool_] | None:
        """Whether each text seems to be a document that the model's starter was trained on.

        Returns:
            Shape (texts,); None for a model that descends from no starter.
        """
        bloom = self._starter_bloom
        return None if bloom is None else bloom.contains(hash_texts(documents))

    def find_copies(self, documents: Sequence[str], length: int) -> npt.NDArray[np.bool_]:
        """Whether each text has a run of `length` characters that occurs in the corpus.

        Raises:
            ModelError: the model directory does not have the corpus.
            PreparedError: the corpus is damaged.
        """
        if self._corpus is None:
            raise ModelError(
                f"{self._directory}: does not hold the text that the model was trained on, which "
                "--max-copy needs; train it again from the text, or leave --max-copy out"
            )
        return self._corpus.find_copies(documents, length)

    @property
    def false_positives(self) -> float:
        """The share of new texts that `find_documents` takes for one of the documents."""
        blooms = [self._starter_bloom, None if self._corpus is not None else self._bloom]
        return 1 - math.prod(1 - bloom.false_positives for bloom in blooms if bloom is not None)

    @cached_property
    def _corpus(self) -> "_Corpus | None":
        prepared = read_training_corpus(self._directory, self._record)
        if prepared is None or prepared.documents is None:
            return None
        return _Corpus(prepared, prepared.documents)

    @cached_property
    def _bloom(self) -> BloomFilter | None:
        return self._read_bloom(FINGERPRINT)

    @cached_property
    def _starter_bloom(self) -> BloomFilter | None:
        return self._read_bloom(STARTER_FINGERPRINT)

    def _read_bloom(self, name: str) -> BloomFilter | None:
        files = storage.read_files(self._directory, MODEL_KIND, (), optional=(name,))
        if name not in files:
            return None
        with storage.report_damage(self._directory / name, MODEL_KIND.error, MODEL_KIND.remedy):
            return BloomFilter.from_bytes(files[name])


class _Corpus:
    """A prepared corpus of documents, with their hashes once they are needed."""

    def __init__(self, prepared: Prepared, documents: Documents):
        self._prepared, self._documents = prepared, documents

    def __len__(self) -> int:
        return len(self._prepared.ids)

    def __getitem__(self, key: slice) -> Ids:
        first, last, _ = key.indices(len(self))
        return self._prepared.read(first, last)

    @cached_property
    def _hashes(self) -> tuple[Hashes, npt.NDArray[np.unsignedinteger]]:
        """The hashes of all documents, sorted, and the documents' numbers in that order."""
        hashes = np.concatenate([np.empty(0, np.uint64), *hash_corpus(self._prepared)])
        order = np.argsort(hashes)
        return hashes[order], order.astype(np.min_scalar_type(len(order)))

    def has(self, document: str, document_hash: np.uint64) -> bool:
        """Whether a text is one of the documents."""
        hashes, order = self._hashes
        starts, vocabulary = self._documents.starts, self._prepared.vocabulary
        first, last = (
            int(np.searchsorted(hashes, document_hash, side)) for side in ("left", "right")
        )
        # Documents with equal hashes are equal, but for one pair in 2^64.
        for number in order[first:last]:
            start, end = int(starts[number]), int(starts[int(number) + 1]) - 1
            if vocabulary.decode(self._prepared.read(start, end)) == document:
                return True
        return False

    def find_copies(self, documents: Sequence[str], length: int) -> npt.NDArray[np.bool_]:
        """Whether each text has a run of `length` characters that occurs in the corpus."""
        ids = [self._prepared.vocabulary.encode(document) for document in documents]
        return find_copied_runs(self, ids, length)
