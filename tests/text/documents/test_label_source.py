"""With which labels documents are read."""

import numpy as np

from tests.text.documents.corpora import make_documents
from textgen.text.documents.label_source import DocumentLabels


def test_a_share_of_the_documents_is_read_without_labels():
    _, part = make_documents([2] * 20_000, np.ones((20_000, 2)))
    documents = np.arange(20_000)
    read = DocumentLabels(part, 0.1, (1, 2)).of_documents(documents)
    assert read.dtype == np.int32
    dropped = (read == 0).all(axis=1)
    assert (dropped == (read == 0).any(axis=1)).all()  # all labels of a document, or none
    assert abs(dropped.mean() - 0.1) < 0.01
    other = DocumentLabels(part, 0.1, (1, 3)).of_documents(documents)
    assert (other != read).any()
    np.testing.assert_array_equal(DocumentLabels(part, 0.1, (1, 2)).of_documents(documents), read)


def test_without_dropout_all_labels_are_read():
    _, part = make_documents([2, 3, 1], [[4], [5], [6]])
    read = DocumentLabels(part).label_ids_at(np.array([[0, 1, 2], [3, 6, 7]]))
    assert read[..., 0].tolist() == [[4, 4, 4], [5, 5, 6]]
