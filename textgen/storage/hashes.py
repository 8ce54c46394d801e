"""Sizes and SHA-256 hashes of files: the entries of a manifest, and whether files agree with them.

An entry has the keys `bytes` and `sha256`. The entry of a large file also has `blocks`, the hashes
of its blocks of `BLOCK_BYTES`, which can be compared separately; its `sha256` is the hash of these.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from textgen.storage.damage import DamageError

BLOCK_BYTES = 1 << 26
_CHUNK_BYTES = 1 << 20  # in memory at a time

OnChunk = Callable[[int, bytes], object]


def sha256(
    path: Path, start: int = 0, stop: int | None = None, on_chunk: OnChunk | None = None
) -> str:
    """The SHA-256, in hexadecimal, of a file or a part of it.

    Args:
        path: The file.
        start: Where the part begins, in bytes.
        stop: Where it ends; None for the end of the file.
        on_chunk: Called with each chunk that is read, after its place in the file.

    Raises:
        OSError: the file cannot be read.
    """
    digest, place = hashlib.sha256(), start
    with path.open("rb") as file:
        file.seek(start)
        while chunk := file.read(_CHUNK_BYTES if stop is None else min(_CHUNK_BYTES, stop - place)):
            digest.update(chunk)
            if on_chunk is not None:
                on_chunk(place, chunk)
            place += len(chunk)
    return digest.hexdigest()


def describe_file(path: Path) -> dict[str, Any]:
    """The entry of a file in a manifest.

    Example:
        >>> describe_file(Path("empty.txt"))  # doctest: +SKIP
        {'bytes': 0, 'sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'}
    """
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}


def describe_blocks(size: int, digests: Sequence[str]) -> dict[str, Any]:
    """The entry of a file of `size` bytes whose blocks have these hashes.

    Raises:
        ValueError: a file of this size has another number of blocks.
    """
    if len(digests) != -(-size // BLOCK_BYTES):
        raise ValueError(f"{len(digests)} blocks of {size} bytes")
    digest = hashlib.sha256("".join(digests).encode()).hexdigest()
    return {"bytes": size, "sha256": digest, "blocks": list(digests)}


def verify_size(path: Path, entry: Mapping[str, Any]) -> None:
    """Check that a file has the size that its entry gives.

    Raises:
        OSError: the file is missing.
        DamageError: it has another size, or is not an ordinary file.
    """
    if path.stat().st_size != entry["bytes"] or not path.is_file():
        raise DamageError("truncated or changed")


def verify_parts(
    path: Path, entry: Mapping[str, Any], parts: Iterable[slice], on_chunk: OnChunk | None = None
) -> None:
    """Compare parts of a file with its entry in a manifest, whole blocks at a time.

    Args:
        path: The file.
        entry: Its entry; without blocks, the whole file is read.
        parts: Ranges of bytes.
        on_chunk: As in `sha256`; called in any order, by several threads.

    Raises:
        DamageError: the file was changed.
        OSError: it cannot be read.
    """
    verify_size(path, entry)
    digests = entry.get("blocks")
    if digests is None:
        same = sha256(path, on_chunk=on_chunk) == entry["sha256"]
    else:
        blocks = {
            block
            for part in parts
            for block in range(part.start // BLOCK_BYTES, -(-part.stop // BLOCK_BYTES))
        }

        def is_unchanged(block: int) -> bool:
            digest: str = digests[block]
            start = block * BLOCK_BYTES
            return sha256(path, start, start + BLOCK_BYTES, on_chunk) == digest

        with ThreadPoolExecutor() as threads:
            same = all(threads.map(is_unchanged, sorted(blocks)))
    if not same:
        raise DamageError("changed after it was written")
