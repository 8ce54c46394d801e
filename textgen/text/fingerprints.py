"""Whether the files of a corpus are still those that were read."""

import hashlib
from typing import Any

from textgen.text.sources import Source

_SAMPLES, _SAMPLE_BYTES = 16, 1 << 16  # of a large source, for its hash


def fingerprint(source: Source) -> dict[str, Any]:
    """What identifies a source and its content: name, size, time of last change and a hash.

    A file of up to a megabyte is hashed as a whole; of a larger one, samples of that size in all,
    spread evenly from its first byte to its last. Standard input and pipes, which can be read only
    once, have neither time nor hash.
    """
    return {
        "name": source.name,
        "bytes": source.size,
        "modified": source.modified,
        "sha256": _hash(source),
    }


def _hash(source: Source) -> str | None:
    if source.modified is None or source.size is None:
        return None
    digest, size = hashlib.sha256(), source.size
    try:
        with source.open() as file:
            if size <= _SAMPLES * _SAMPLE_BYTES:
                digest.update(file.read(size + 1))
            else:
                for number in range(_SAMPLES):
                    file.seek((size - _SAMPLE_BYTES) * number // (_SAMPLES - 1))
                    digest.update(file.read(_SAMPLE_BYTES))
    except OSError:
        return None  # the error is raised when the text is read
    return digest.hexdigest()


def matches(recorded: list[dict[str, Any]], sources: list[Source]) -> bool:
    """Whether sources still have the fingerprints that were recorded.

    Raises:
        ValueError: there are more or fewer sources.
        LookupError: an entry is missing.
        TypeError: the record is something else.
    """
    pairs = list(zip(recorded, sources, strict=True))
    return all(
        (entry["name"], entry["bytes"], entry["modified"])
        == (source.name, source.size, source.modified)
        for entry, source in pairs
    ) and all(
        entry["sha256"] is not None and entry["sha256"] == _hash(source) for entry, source in pairs
    )


def same_sources(first: object, second: object) -> bool:
    """Whether two lists of fingerprints are of the same sources.

    A hash that only one of them has is ignored: version 0.1.0 recorded none.
    """
    names = (_without_hashes(first), _without_hashes(second))
    return first == second or (names[0] == names[1] and (first in names or second in names))


def _without_hashes(sources: Any) -> Any:
    try:
        return [{key: entry[key] for key in entry if key != "sha256"} for entry in sources]
    except (TypeError, LookupError):
        return sources
