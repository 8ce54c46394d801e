"""Seeds from bytes: a text, or a text on each line.

Knows UTF-8 and lines; knows nothing of vocabularies or of where the bytes came from.
"""

from textgen.errors import SeedError


def from_bytes(data: bytes, name: str) -> str:
    """A seed from bytes in UTF-8, line ends made \\n.

    Args:
        data: The bytes.
        name: Where they came from, as messages name it.

    Raises:
        SeedError: they are not UTF-8.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SeedError(
            f"{name}: byte 0x{data[error.start]:02x} at offset {error.start} is not UTF-8; "
            "seeds are read as UTF-8"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def lines(data: bytes, name: str) -> list[str]:
    """The seeds that stand one on each line.

    Raises:
        SeedError: the bytes are not UTF-8, there is no line, or a line is empty.

    Example:
        >>> lines(b"To be\\nROMEO:\\n", "seeds.txt")
        ['To be', 'ROMEO:']
    """
    seeds = from_bytes(data, name).removesuffix("\n").split("\n")
    if seeds == [""]:
        raise SeedError(f"{name}: has no seed; write one on each line")
    for number, seed in enumerate(seeds, start=1):
        if not seed:
            raise SeedError(f"{name}: line {number} is empty; write a seed on each line")
    return seeds
