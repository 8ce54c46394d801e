"""One-hot tensors against plain loops over the text."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from textgen.text.one_hot import encode_one_hot, one_hot_pieces, one_hot_shapes
from textgen.text.vocabulary import Vocabulary
from textgen.text.windows import Windows

texts = st.lists(st.integers(0, 6), max_size=80).map(lambda ids: np.array(ids, np.uint8))
lengths = st.integers(1, 12)


def classic(ids, maxlen, step, targets, size):
    """The double loop of the Keras example, over windows and positions."""
    starts = list(range(0, len(ids) - maxlen, step))
    x = np.zeros((len(starts), maxlen, size), np.bool_)
    y = np.zeros(
        (len(starts), size) if targets == "last" else (len(starts), maxlen, size), np.bool_
    )
    for i, start in enumerate(starts):
        for t in range(maxlen):
            x[i, t, ids[start + t]] = True
            if targets == "sequence":
                y[i, t, ids[start + t + 1]] = True
        if targets == "last":
            y[i, ids[start + maxlen]] = True
    return x, y


@given(
    texts, lengths, st.integers(1, 9), st.sampled_from(["last", "sequence"]), st.integers(1, 500)
)
@example(np.array([], np.uint8), 3, 1, "last", 100)
@example(np.array([1, 2], np.uint8), 3, 1, "sequence", 100)
@example(np.array([1, 2, 3], np.uint8), 3, 2, "sequence", 100)
def test_one_hot_tensors_equal_the_double_loop(ids, maxlen, step, targets, at_most):
    windows = Windows(ids, maxlen, step, targets)
    pieces = list(one_hot_pieces(windows, Vocabulary("abcdefg"), at_most))
    x_shape, y_shape = one_hot_shapes(windows, 7)
    x = np.concatenate([np.zeros((0, *x_shape[1:]), np.bool_), *(piece for piece, _ in pieces)])
    y = np.concatenate([np.zeros((0, *y_shape[1:]), np.bool_), *(piece for _, piece in pieces)])
    expected_x, expected_y = classic(ids, maxlen, step, targets, 7)
    assert x.dtype == y.dtype == np.bool_
    assert x.shape == x_shape and y.shape == y_shape
    np.testing.assert_array_equal(x, expected_x)
    np.testing.assert_array_equal(y, expected_y)
    assert all(len(piece) == 1 or piece.nbytes <= at_most for piece, _ in pieces)


def test_one_hot_of_a_vocabulary_that_needs_more_than_a_byte():
    vectors = encode_one_hot(np.array([[70_000, 0]], np.uint32), 70_001)
    assert vectors.shape == (1, 2, 70_001)
    assert vectors.sum() == 2 and vectors[0, 0, 70_000] and vectors[0, 1, 0]


@given(
    st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=9), min_size=1, max_size=6),
    lengths,
    st.integers(1, 4),
    st.sampled_from(["last", "sequence"]),
)
def test_no_window_crosses_a_document(documents, maxlen, step, targets):
    ids = np.array([6] + [token for document in documents for token in (*document, 6)])
    windows = Windows(ids, maxlen, step, targets, lead=maxlen - 1)
    pieces = list(one_hot_pieces(windows, Vocabulary("abcdef", has_document_end=True), 100))
    x, y = (np.concatenate(part) for part in zip(*pieces, strict=True))
    # Each target with what it follows in its document, from the document end before it.
    expected = [
        [*[6, *document][: place + 1], token]
        for document in documents
        for place, token in enumerate((*document, 6))
    ][::step]
    assert len(x) == len(expected)
    for inputs, target, sequence in zip(x, y, expected, strict=True):
        *before, last = sequence
        seen = before[-maxlen:]
        filled = [vector.argmax() for vector in inputs[maxlen - len(seen) :]]
        assert filled == seen and inputs.sum() == len(seen)
        assert not inputs[: maxlen - len(seen)].any()
        if targets == "last":
            assert target.argmax() == last and target.sum() == 1
        else:
            followed = sequence[-len(seen) :]
            assert target.sum() == len(seen)
            assert [vector.argmax() for vector in target[maxlen - len(seen) :]] == followed
