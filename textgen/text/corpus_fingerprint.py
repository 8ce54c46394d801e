"""The fingerprint of a corpus of documents: enough to say whether a text is one of them."""

from collections.abc import Iterator

import numpy as np

from textgen.text.bloom import BloomFilter, Hashes
from textgen.text.documents.hashes import DocumentHasher
from textgen.text.prepared_corpus import Prepared
from textgen.text.vocabulary import to_code_points

_BLOCK = 1 << 20  # ids at a time


def make_fingerprint(prepared: Prepared) -> bytes | None:
    """The fingerprint of a prepared corpus, 2 bytes for each document; None for continuous text.

    `BloomFilter.from_bytes` reads it. It contains the hashes of `documents.hashes.hash_texts`.
    """
    if prepared.documents is None:
        return None
    return BloomFilter.of(hash_corpus(prepared), len(prepared.documents)).to_bytes()


def hash_corpus(prepared: Prepared) -> Iterator[Hashes]:
    """The hashes of the documents of a prepared corpus, in order and in blocks.

    Rare characters that share the unknown id are hashed as U+FFFD.
    """
    hasher, codes = DocumentHasher(), to_code_points("".join(prepared.vocabulary.table))
    for first in range(1, len(prepared.ids), _BLOCK):  # the corpus begins with a document end
        ids = np.array(prepared.ids[first : first + _BLOCK])  # also after the corpus has moved
        yield hasher.add(codes[ids], np.flatnonzero(ids == prepared.vocabulary.document_end_id))
