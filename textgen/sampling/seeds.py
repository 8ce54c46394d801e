"""Seeds from files: the whole file, or one on each line.

Knows UTF-8 and lines; knows nothing of vocabularies or of where the bytes came from.
"""

from textgen.errors import SeedError


def decode_seed(data: bytes, name: str) -> str:
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


def parse_seed_file(data: bytes, name: str) -> str:
    """The seed that is a whole file: its text without the line end that programs put after it.

    A line end that is all there is is the seed itself.

    Raises:
        SeedError: the bytes are not UTF-8.

    Example:
        >>> parse_seed_file(b"To be\\n", "seed.txt"), parse_seed_file(b"\\n", "seed.txt")
        ('To be', '\\n')
    """
    text = decode_seed(data, name)
    return text.removesuffix("\n") or text


def parse_seed_lines(data: bytes, name: str) -> tuple[list[tuple[int, str]], int]:
    """The seeds of a file with one on each line.

    Returns:
        Pairs of the number of a line, from 1, and its seed; how many lines were empty.

    Raises:
        SeedError: the bytes are not UTF-8, or every line is empty.

    Example:
        >>> parse_seed_lines(b"To be\\n\\nROMEO:\\n", "seeds.txt")
        ([(1, 'To be'), (3, 'ROMEO:')], 1)
    """
    every = decode_seed(data, name).removesuffix("\n").split("\n")
    seeds = [(number, seed) for number, seed in enumerate(every, start=1) if seed]
    if not seeds:
        raise SeedError(f"{name}: has no seed; write one on each line")
    return seeds, len(every) - len(seeds)
