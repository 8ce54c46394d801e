"""The text that a model was trained on, read a piece at a time."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from textgen.errors import CorpusError, ModelError, PreparedError
from textgen.model.model_dir import TrainedModel, read_training_corpus
from textgen.model.paths import cache_path
from textgen.text.corpus_fingerprint import hash_corpus
from textgen.text.documents.hashes import hash_texts
from textgen.text.documents.index import TRAINING, VALIDATION, DocumentPart
from textgen.text.encode import OnProgress
from textgen.text.prepare import Preparation, write_prepared
from textgen.text.prepared import Prepared, find_prepared, open_prepared
from textgen.text.sources import Corpora, list_corpora
from textgen.text.vocabulary import Ids


class TrainingText:
    """The training part of a prepared corpus.

    Args:
        prepared: The corpus.
        validation: The share of it that is the validation part.
    """

    def __init__(self, prepared: Prepared, validation: float):
        self.prepared = prepared
        training, self._validation, _ = prepared.ranges(validation)
        self._ids: int = training.stop

    def __len__(self) -> int:
        return self._ids

    def __getitem__(self, key: slice) -> Ids:
        first, last, _ = key.indices(self._ids)
        return self.prepared.read(first, last)

    @property
    def characters(self) -> int:
        """Its characters, without the ends of documents."""
        documents = self.prepared.documents
        return self._ids - (1 + documents.counts[TRAINING] if documents else 0)

    def unseen_texts(self, count: int, length: int, shortest: int) -> list[Ids]:
        """Texts from places spread over the validation part; of documents, whole ones.

        Args:
            count: How many texts, at most.
            length: Characters of each, at most.
            shortest: Characters of each, at least; a shorter validation part gives no text. Any
                document counts.
        """
        if self.prepared.documents is not None:
            return self._unseen_documents(self.prepared.documents.part(VALIDATION), count, length)
        first = self._validation.start
        rest = self._validation.stop - first
        length = min(length, rest)
        count = min(count, rest // length) if length >= shortest else 0
        return [
            self._read_unseen(start, start + length)
            for start in (first + number * rest // count for number in range(count))
        ]

    def _unseen_documents(self, documents: DocumentPart, count: int, length: int) -> list[Ids]:
        """Documents spread over the validation part."""
        count, first = min(count, len(documents)), self._validation.start
        numbers = [number * len(documents) // count for number in range(count)]
        bounds = [(documents.starts[n], documents.starts[n + 1] - 1) for n in numbers]
        return [
            self._read_unseen(first + int(start), first + min(int(end), int(start) + length))
            for start, end in bounds
        ]

    def _read_unseen(self, start: int, end: int) -> Ids:
        ids = self.prepared.read(start, end).astype(np.int64)
        # It is unknown which rare character the unknown id is, so it equals no other one.
        ids[ids == self.prepared.vocabulary.unknown_id] = -1
        return ids

    def find_documents(self, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Whether each text is a whole document of the training part, shape (texts,).

        It compares hashes, of which two in 2^64 are equal by chance.
        """
        hashes, known = hash_texts(texts), np.zeros(len(texts), np.bool_)
        left = self.prepared.documents.counts[TRAINING] if self.prepared.documents else 0
        for block in hash_corpus(self.prepared):
            known |= np.isin(hashes, block[:left])
            left -= len(block)
            if left <= 0:
                break
        return known

    def document_at(self, number: int, length: int) -> str:
        """The beginning of a document of the training part, `length` characters at most."""
        documents = self.prepared.documents
        if documents is None:
            return ""
        start, end = map(int, documents.starts[number : number + 2])
        ids = self.prepared.read(start, min(end - 1, start + length))
        return self.prepared.vocabulary.decode(ids.tolist())


@contextmanager
def open_training_corpus(
    trained: TrainedModel, directory: Path, corpora: Corpora, on_progress: OnProgress
) -> Iterator[Prepared]:
    """The corpus that a model was trained on, prepared.

    Args:
        trained: The model.
        directory: Its directory.
        corpora: The corpus, or a prepared corpus of it; none for the one in the directory.
        on_progress: As for `textgen.prepare`.

    Raises:
        CorpusError: it is not the text that the model was trained on, or is unreadable.
        ModelError: the directory does not have the text.
        PreparedError: the prepared corpus is damaged.
    """
    names = list_corpora(corpora)
    if path := find_prepared(names):
        prepared = open_prepared(path)
        _check_same_text(prepared, trained, str(path))
        yield prepared
    elif names:
        with tempfile.TemporaryDirectory(prefix="textgen-") as folder:
            # Documents are split here as in the training; no windows are cut.
            windows = replace(trained.record.settings.windows, maxlen=1)
            preparation = Preparation(trained.record.corpus_config(directory), windows)
            corpus = Path(folder, "corpus")
            prepared = write_prepared(names, corpus, preparation, on_progress, lambda _: None)
            _check_same_text(prepared, trained, str(getattr(names[0], "name", names[0])))
            yield prepared
    else:
        yield open_cached_corpus(
            trained, directory, "name that text, as in `textgen novelty corpus.txt`"
        )


def open_cached_corpus(trained: TrainedModel, directory: Path, remedy: str) -> Prepared:
    """The corpus that a model was trained on, in its directory.

    Args:
        trained: The model.
        directory: Its directory.
        remedy: What the user can do where it is not there, for the message.

    Raises:
        ModelError: it is not there, or damaged.
        CorpusError: it is not the text that the model was trained on.
    """
    try:
        prepared = read_training_corpus(directory, trained.record)
    except PreparedError as error:
        raise _no_text_error(directory, "its cache is damaged", remedy) from error
    if prepared is not None:
        _check_same_text(prepared, trained, str(prepared.path))
        return prepared
    if cache_path(directory).exists():
        raise _no_text_error(directory, "its cache holds another training's text", remedy)
    raise _no_text_error(directory, "its cache is not there, or was never made", remedy)


def _no_text_error(directory: Path, reason: str, remedy: str) -> ModelError:
    return ModelError(
        f"{directory}: does not hold the text that the model was trained on: {reason}; {remedy}"
    )


def _check_same_text(prepared: Prepared, trained: TrainedModel, name: str) -> None:
    """Raise `CorpusError` if a text cannot be the one that a model was trained on."""
    known, vocabulary = trained.record.vocabulary, prepared.vocabulary
    # With --init-from the model also knows the characters of the first model.
    unknown = sorted(set(vocabulary.characters) - set(known.characters))
    if unknown or vocabulary.has_unknown > known.has_unknown:
        shown = f"{unknown[0]!r} (U+{ord(unknown[0]):04X})" if unknown else "rare ones"
        raise CorpusError(
            f"{name}: has characters that the model does not know, {shown} for one; name the text "
            "that it was trained on"
        )
    characters = trained.record.characters
    if len(prepared.ids) != characters:
        raise CorpusError(
            f"{name}: has {len(prepared.ids):,} characters, and the text that the model was "
            f"trained on {characters:,}; name that text"
        )
