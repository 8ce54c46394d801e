"""What a training batch is, and the random changes that training makes to one."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from textgen.text.vocabulary import Ids

# What a network reads: ids, of shape (rows, maxlen); with labels a list of them and, for each kind
# of label, the id of the label that each of them is read with, of the same shape.
Inputs = npt.NDArray[np.int32] | list[npt.NDArray[np.int32]]
# Inputs, targets, and the weight of each target in the loss.
Batch = tuple[Inputs, npt.NDArray[np.int32], npt.NDArray[np.float32]]

ALL_ROWS = slice(None)


def make_batch(x: Ids, y: Ids, label_ids: npt.NDArray[np.int32] | None = None) -> Batch:
    """A batch in which every target counts.

    Args:
        x: Ids, shape (rows, maxlen).
        y: Targets.
        label_ids: Ids of labels, shape (rows, maxlen, fields); None without labels.
    """
    ids = x.astype(np.int32)
    inputs: Inputs = ids
    if label_ids is not None:
        fields = np.ascontiguousarray(np.moveaxis(label_ids, -1, 0), np.int32)
        inputs = [ids, *fields]
    return inputs, y.astype(np.int32), np.ones(y.shape, np.float32)


def ids_of(inputs: Inputs) -> npt.NDArray[np.int32]:
    """The ids of inputs, which may have labels.

    Example:
        >>> ids_of([np.array([[7, 8]], np.int32), np.array([[1, 1]], np.int32)]).tolist()
        [[7, 8]]
    """
    return inputs[0] if isinstance(inputs, list) else inputs


def add_noise(
    x: npt.NDArray[np.int32],
    share: float,
    random_seed: int | Sequence[int],
    count: int,
    rows: slice = ALL_ROWS,
    document_end: int | None = None,
) -> npt.NDArray[np.int32]:
    """Replace some tokens of inputs at random by others of the same row.

    Unigram noising (Xie et al. 2017). Only tokens of the row are used, because no more of the
    text needs to be read for that.

    Args:
        x: Ids, shape (rows, maxlen).
        share: The probability that a token is replaced.
        random_seed: One or more numbers that decide which, and by what.
        count: Rows of the whole batch.
        rows: Those of them that `x` has.
        document_end: The id that is neither replaced nor put anywhere; None for none.

    Returns:
        Ids of the same shape and dtype.

    Example:
        >>> add_noise(np.array([[1, 2, 3, 4]], np.int32), 0.5, random_seed=0, count=1).tolist()
        [[1, 4, 3, 4]]
    """
    generator = np.random.default_rng(random_seed)
    replaced = generator.random((count, x.shape[1]))[rows] < share
    places = generator.integers(x.shape[1], size=(count, x.shape[1]))[rows]
    others = np.take_along_axis(x, places, axis=1)
    if document_end is not None:
        replaced &= (x != document_end) & (others != document_end)
    return np.where(replaced, others, x)


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
