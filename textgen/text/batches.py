"""What a training batch is, and the random changes that training makes to one."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from textgen.text.vocabulary import Ids

# Inputs, targets, and the weight of each target in the loss.
Batch = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]

ALL_ROWS = slice(None)


def make_batch(x: Ids, y: Ids) -> Batch:
    """A batch in which every target counts."""
    return x.astype(np.int32), y.astype(np.int32), np.ones(y.shape, np.float32)


def add_noise(
    x: npt.NDArray[np.int32],
    share: float,
    random_seed: int | Sequence[int],
    count: int,
    rows: slice = ALL_ROWS,
) -> npt.NDArray[np.int32]:
    """Replace some characters of inputs at random by others of the same row.

    Unigram noising (Xie et al. 2017). Only characters of the row are used, because no more of the
    text needs to be read for that.

    Args:
        x: Ids, shape (rows, maxlen).
        share: The probability that a character is replaced.
        random_seed: One or more numbers that decide which, and by what.
        count: Rows of the whole batch.
        rows: Those of them that `x` has.

    Returns:
        Ids of the same shape and dtype.

    Example:
        >>> add_noise(np.array([[1, 2, 3, 4]], np.int32), 0.5, random_seed=0, count=1).tolist()
        [[1, 4, 3, 4]]
    """
    generator = np.random.default_rng(random_seed)
    replaced = generator.random((count, x.shape[1]))[rows] < share
    places = generator.integers(x.shape[1], size=(count, x.shape[1]))[rows]
    return np.where(replaced, np.take_along_axis(x, places, axis=1), x)


def draw_state_mask(
    reset_probability: float | npt.NDArray[np.float64],
    random_seed: int | Sequence[int],
    count: int,
    rows: slice = ALL_ROWS,
) -> npt.NDArray[np.float32]:
    """Draw the rows of a batch that keep their carried state; the others start from zero.

    Args:
        reset_probability: The probability to start from a zero state: of all rows, or of each
            of those that are returned, shape (rows,).
        random_seed: One or more numbers that decide which rows do.
        count: Rows of the whole batch.
        rows: Those of them that are returned.

    Returns:
        float32 of shape (rows, 1): 1 for a row that keeps its state, 0 for the others.

    Example:
        >>> draw_state_mask(0.5, random_seed=0, count=4).tolist()
        [[1.0], [0.0], [0.0], [0.0]]
    """
    drawn = np.random.default_rng(random_seed).random(count)[rows]
    return (drawn >= reset_probability).astype(np.float32)[:, None]
