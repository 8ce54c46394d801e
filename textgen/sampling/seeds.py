"""Seeds: checked, and from the bytes of files: the whole file, or one on each line."""

from textgen.errors import SeedError
from textgen.text.vocabulary import Vocabulary


def decode_seed(data: bytes, name: str) -> str:
    """A seed from bytes in UTF-8; all line ends become \\n.

    Args:
        data: The bytes.
        name: The file's name, for the message.

    Raises:
        SeedError: the bytes are not UTF-8.
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
    """The seed that is a whole file, without the line end that programs put after a text.

    If the file is a single line end, the seed is that line end.

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
        Pairs of a line number, from 1, and its seed; the number of empty lines.

    Raises:
        SeedError: the bytes are not UTF-8, or every line is empty.

    Example:
        >>> parse_seed_lines(b"To be\\n\\nROMEO:\\n", "seeds.txt")
        ([(1, 'To be'), (3, 'ROMEO:')], 1)
    """
    lines = decode_seed(data, name).removesuffix("\n").split("\n")
    seeds = [(number, seed) for number, seed in enumerate(lines, start=1) if seed]
    if not seeds:
        raise SeedError(f"{name}: has no seed; write one on each line")
    return seeds, len(lines) - len(seeds)


def known_part(vocabulary: Vocabulary, seed: str, unknown: str) -> str:
    """The part of a seed that a model can start from; as `Sampler.check_seed`."""
    missing = vocabulary.encode_characters(seed) < 0
    if missing.any() and unknown == "error":
        place = int(missing.argmax())
        character = seed[place]
        raise SeedError(
            f"the seed's character {place + 1}, {character!r} (U+{ord(character):04X}), is not "
            "in the model's vocabulary; leave it out, or give --unknown skip"
        )
    known = "".join(character for character, out in zip(seed, missing, strict=True) if not out)
    if not known:
        raise SeedError(
            "the seed has no character of the model's vocabulary"
            if seed
            else "the seed is empty; give at least one character, or no seed at all"
        )
    return known
