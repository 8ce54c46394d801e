"""Turns the characters of a prepared corpus into tokens on disk, in one process or in several.

The text is cut into chunks at places that depend on the text alone, each of which any process can
encode by itself. So the tokens are the same for any number of processes.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from textgen import storage
from textgen.storage import hashes
from textgen.text.documents.files import npy_header
from textgen.text.tokens.words import WordSplitter
from textgen.text.vocabulary import Vocabulary
from textgen.text.workers import processor_count, run_tasks, worker_pool

TOKENS, TOKEN_VOCABULARY = "tokens.npy", "tokens.json"  # of a prepared corpus
TOKEN_CHUNKS, TOKEN_DOCUMENTS = "token_chunks.npy", "token_documents.npy"

_CHUNK = 1 << 20  # characters, at least
_SEARCH = 1 << 16  # characters in which the end of a chunk is searched
_CHARACTERS_PER_PROCESS = 1 << 23  # for which another process is worthwhile
_MOST_JOBS = 8


@dataclass(frozen=True)
class IdFile:
    """Ids in a file.

    Attributes:
        path: The file.
        dtype: The type of the ids.
        offset: The byte that they begin at.
        length: How many there are.
    """

    path: Path
    dtype: np.dtype[Any]
    offset: int
    length: int

    @classmethod
    def of(cls, ids: Any) -> "IdFile":
        """The file of ids that are mapped from it."""
        return cls(Path(ids.filename), ids.dtype, ids.offset, len(ids))

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Copy a range of the ids into memory."""
        count = max(0, min(stop, self.length) - start)
        offset = self.offset + start * self.dtype.itemsize
        return np.fromfile(self.path, self.dtype, count, offset=offset)


@dataclass(frozen=True)
class EncodedChunk:
    """The tokens of one chunk of the text.

    Attributes:
        number: Which chunk.
        tokens: Their ids.
    """

    number: int
    tokens: npt.NDArray[Any]


def write_tokens(
    directory: Path,
    ids: Any,
    vocabulary: Vocabulary,
    jobs: int | None = None,
    on_progress: Callable[[int, int], object] = lambda *_: None,
) -> dict[str, dict[str, Any]]:
    """Write the tokens of a prepared corpus, and where its chunks and documents begin in them.

    Args:
        directory: Of the prepared corpus.
        ids: Its ids of characters, mapped from their file.
        vocabulary: The vocabulary of the tokens.
        jobs: Processes that share the work; None for as many as are worthwhile.
        on_progress: Called with the characters that are encoded, and all of them.

    Returns:
        The entries of the manifest for the files, by name.
    """
    source = IdFile.of(ids)
    path = directory / TOKENS
    bounds = find_chunks(source, vocabulary)
    jobs = min(jobs or processor_count(), _MOST_JOBS, 1 + source.length // _CHARACTERS_PER_PROCESS)
    tasks = (
        (number, source, bounds[number], bounds[number + 1], vocabulary)
        for number in range(len(bounds) - 1)
    )
    places, names = [0], [TOKEN_VOCABULARY, TOKEN_CHUNKS]
    with ExitStack() as stack:
        file = stack.enter_context(_ArrayFile(path, vocabulary.dtype, source.length))
        starts = None
        if vocabulary.document_end_id is not None:
            names.append(TOKEN_DOCUMENTS)
            starts = _ArrayFile(directory / TOKEN_DOCUMENTS, np.dtype("<i8"), source.length)
            stack.enter_context(starts)
        results = run_tasks(stack.enter_context(worker_pool()), jobs, encode_chunk, tasks)
        for chunk in _in_order(results):
            if starts is not None:  # each document begins after the end of the one before it
                ends = np.flatnonzero(chunk == vocabulary.document_end_id)
                starts.write(ends + (file.length + 1))
            file.write(chunk)
            places.append(file.length)
            on_progress(bounds[len(places) - 1], source.length)
    (directory / TOKEN_VOCABULARY).write_bytes(vocabulary.to_bytes())
    np.save(directory / TOKEN_CHUNKS, np.array([*zip(bounds, places, strict=True)], "<i8"))
    size = path.stat().st_size
    blocks = range(0, size, hashes.BLOCK_BYTES)
    digests = [hashes.sha256(path, first, first + hashes.BLOCK_BYTES) for first in blocks]
    files = {name: hashes.describe_file(directory / name) for name in names}
    return {TOKENS: hashes.describe_blocks(size, digests), **files}


class _ArrayFile:
    """A .npy file of an array that grows.

    Args:
        path: The file.
        dtype: The type of the array.
        at_most: Its greatest length.
    """

    def __init__(self, path: Path, dtype: np.dtype[Any], at_most: int):
        self.length, self._dtype = 0, dtype
        self._header = npy_header(dtype, (at_most,))
        self._file = path.open("wb")
        self._file.write(self._header)

    def __enter__(self) -> Self:
        return self

    def write(self, values: npt.NDArray[Any]) -> None:
        """Add values at the end."""
        self._file.write(values.astype(self._dtype, copy=False).data)
        self.length += len(values)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            if kind is None:
                header = npy_header(self._dtype, (self.length,))
                if len(header) != len(self._header):
                    raise ValueError("the header of a .npy file has another length")
                self._file.seek(0)
                self._file.write(header)


def find_chunks(source: IdFile, vocabulary: Vocabulary) -> list[int]:
    """Where chunks of whole words begin, and where the last one ends.

    A chunk ends after a line or a document where one ends soon, else where a word does.
    """
    line_end = vocabulary.characters.find("\n")
    document_end = vocabulary.character_vocabulary.document_end_id
    splitter, bounds = WordSplitter(vocabulary.characters), [0]
    while bounds[-1] + _CHUNK + _SEARCH < source.length:
        first = bounds[-1] + _CHUNK
        ids = source.read(first, first + _SEARCH)
        ends = np.flatnonzero((ids == line_end) | (ids == document_end)) + 1
        place = ends[0] if len(ends) else splitter.starts(ids)[-1] or len(ids)
        bounds.append(first + int(place))
    return [*bounds, source.length]


def encode_chunk(
    number: int, source: IdFile, start: int, stop: int, vocabulary: Vocabulary
) -> Iterator[EncodedChunk]:
    """Encode one chunk, in any process."""
    tokens = _remember(vocabulary).merge(source.read(start, stop), source.length)
    yield EncodedChunk(number, tokens.astype(vocabulary.dtype))


@lru_cache(maxsize=1)
def _remember(vocabulary: Vocabulary) -> Vocabulary:
    """The same vocabulary each time, with the words that it has encoded before."""
    return vocabulary


def _in_order(results: Iterator[EncodedChunk]) -> Iterator[npt.NDArray[Any]]:
    """The tokens of chunks in the order of the text; they arrive in nearly that order."""
    waiting, following = dict[int, npt.NDArray[Any]](), 0
    for result in results:
        waiting[result.number] = result.tokens
        while following in waiting:
            yield waiting.pop(following)
            following += 1


def find_token(
    character: int,
    chunks: npt.NDArray[np.int64],
    read: Callable[[int, int], npt.NDArray[Any]],
    lengths: npt.NDArray[np.int64],
) -> int:
    """How many tokens end at or before a character.

    Args:
        character: Characters before it.
        chunks: For each chunk, and the end, characters and tokens before it: shape (chunks + 1, 2).
        read: Reads a range of tokens.
        lengths: Of the vocabulary's tokens.
    """
    number = int(np.searchsorted(chunks[:, 0], character, side="right")) - 1
    if number >= len(chunks) - 1:
        return int(chunks[-1, 1])
    (first_character, first), (_, last) = chunks[number].tolist(), chunks[number + 1].tolist()
    ends = first_character + np.cumsum(lengths[read(first, last)])
    return int(first + np.searchsorted(ends, character, side="right"))


def check_chunks(chunks: npt.NDArray[Any], characters: int, tokens: int) -> None:
    """Check an array as `write_tokens` writes it.

    Raises:
        DamageError: it is something else.
    """
    if (
        chunks.dtype != np.dtype("<i8")
        or chunks.ndim != 2
        or chunks.shape[1:] != (2,)
        or len(chunks) < 2
        or chunks[0].tolist() != [0, 0]
        or chunks[-1].tolist() != [characters, tokens]
        or (np.diff(chunks, axis=0) < 0).any()
    ):
        raise storage.DamageError(f"not the chunks of the tokens in {TOKENS}")
