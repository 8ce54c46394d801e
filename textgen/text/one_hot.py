"""One-hot tensors of windows: arrays in memory, or files that are written in bounded memory."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from textgen.errors import OutputError
from textgen.text.encode import OnProgress
from textgen.text.vocabulary import Ids, Vocabulary
from textgen.text.windows import Windows

_PIECE = 1 << 18  # bytes of a tensor in memory at a time


def encode_one_hot(ids: Ids, size: int) -> npt.NDArray[np.bool_]:
    """One-hot vectors of ids.

    Args:
        ids: Integers below `size`, any shape.
        size: Length of a vector: the vocabulary's size.

    Returns:
        bool array of shape (*ids.shape, size), true at each id.

    Example:
        >>> encode_one_hot(np.array([1, 0]), 3).astype(int).tolist()
        [[0, 1, 0], [1, 0, 0]]
    """
    vectors = np.zeros((ids.size, size), np.bool_)
    vectors[np.arange(ids.size), ids.ravel()] = True
    return vectors.reshape(*ids.shape, size)


def one_hot_shapes(windows: Windows, size: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes of the classic one-hot tensors X and y of all windows of a text."""
    n, maxlen = len(windows), windows.maxlen
    return (n, maxlen, size), (n, size) if windows.targets == "last" else (n, maxlen, size)


def one_hot_pieces(
    windows: Windows, vocabulary: Vocabulary, piece: int = _PIECE
) -> Iterator[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]:
    """X and y of all windows, cut along the first axis into pieces of a bounded size.

    A window is one of a single document: what is before the last document end in it is zeros, in X
    and, with targets `sequence`, in y.

    Args:
        windows: The windows of a text.
        vocabulary: The text's vocabulary.
        piece: Bytes that a piece of X may have; a single window is never cut.
    """
    size = vocabulary.size
    n = max(1, piece // (windows.maxlen * size))
    for first in range(0, len(windows), n):
        x, y = windows.take(np.arange(first, min(first + n, len(windows))))
        inputs, targets = encode_one_hot(x, size), encode_one_hot(y, size)
        if vocabulary.document_end_id is not None:
            is_before = _find_earlier(x == vocabulary.document_end_id)
            inputs[is_before] = False
            if windows.targets == "sequence":
                targets[is_before] = False
        yield inputs, targets


def _find_earlier(is_end: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which inputs are before the last document end of their window; shape (windows, maxlen).

    Example:
        >>> _find_earlier(np.array([[False, True, False, True, False]])).tolist()
        [[True, True, True, False, False]]
    """
    maxlen = is_end.shape[1]
    last = maxlen - 1 - is_end[:, ::-1].argmax(axis=1)
    is_before: npt.NDArray[np.bool_] = np.arange(maxlen) < last[:, None]
    return is_before & is_end.any(axis=1, keepdims=True)


def write_one_hot(
    windows: Mapping[str, Windows],
    vocabulary: Vocabulary,
    directory: Path,
    on_progress: OnProgress,
) -> None:
    """Write the one-hot tensors of windows as X.npy and y.npy.

    Args:
        windows: Windows by what their files' names end with, before `.npy`.
        vocabulary: The text's vocabulary.
        directory: Where the files are written.
        on_progress: Called with the stage `one-hot`, the bytes written and the bytes of all.

    Raises:
        OutputError: they do not fit on the disk.
    """
    shapes = {suffix: one_hot_shapes(part, vocabulary.size) for suffix, part in windows.items()}
    needed = sum(int(np.prod(shape, dtype=object)) for pair in shapes.values() for shape in pair)
    on_progress("one-hot", 0, needed)
    free = shutil.disk_usage(directory).free
    if needed > free:
        raise OutputError(
            f"the one-hot tensors need {needed:,} bytes and the disk has {free:,} free; give a "
            "larger --step, a smaller --maxlen, or leave out --one-hot (training does not need it)"
        )
    done = 0
    for suffix, part in windows.items():
        with (
            (directory / f"X{suffix}.npy").open("wb") as x_file,
            (directory / f"y{suffix}.npy").open("wb") as y_file,
        ):
            for file, shape in zip((x_file, y_file), shapes[suffix], strict=True):
                header = {"descr": "|b1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
            for x, y in one_hot_pieces(part, vocabulary):
                x_file.write(x.data)
                y_file.write(y.data)
                done += x.nbytes + y.nbytes
                on_progress("one-hot", done, needed)
