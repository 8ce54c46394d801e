"""The text that a model was trained on, read a piece at a time."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from textgen.errors import CorpusError, ModelError, PreparedError
from textgen.model.model_dir import TrainedModel, read_training_corpus
from textgen.model.paths import cache_path
from textgen.settings import WindowConfig
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
        self._characters = len(prepared.split(validation)[0])

    def __len__(self) -> int:
        return self._characters

    def __getitem__(self, key: slice) -> Ids:
        first, last, _ = key.indices(self._characters)
        return self.prepared.read(first, last)

    def unseen_texts(self, count: int, length: int, shortest: int) -> list[Ids]:
        """Texts from places spread over the validation part.

        Args:
            count: How many texts, at most.
            length: Characters of each, at most.
            shortest: Characters of each, at least; a shorter validation part gives no text.
        """
        rest = len(self.prepared.ids) - self._characters
        length = min(length, rest)
        count = min(count, rest // length) if length >= shortest else 0
        texts = []
        for number in range(count):
            start = self._characters + number * rest // count
            ids = self.prepared.read(start, start + length).astype(np.int64)
            # It is unknown which rare character the unknown id is, so it equals no other one.
            ids[ids == self.prepared.vocabulary.unknown_id] = -1
            texts.append(ids)
        return texts


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
            windows = WindowConfig(maxlen=1, validation=0.0)  # no windows are cut here
            preparation = Preparation(trained.record.corpus_config(directory), windows)
            prepared = write_prepared(names, Path(folder, "corpus"), preparation, on_progress)
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
