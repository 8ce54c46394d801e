"""The split into training and validation text, and whether a text is long enough for it."""

from itertools import islice

from textgen.errors import CorpusError
from textgen.settings import WindowConfig
from textgen.text.vocabulary import Vocabulary


def split_position(characters: int, validation: float) -> int:
    """Where the text for training ends and the text for validation begins.

    Example:
        >>> split_position(1_115_394, 0.1)
        1003854
    """
    # Parts per million in whole numbers: 1 - 0.1 is not exact in floating point.
    return characters * (1_000_000 - round(validation * 1_000_000)) // 1_000_000


def required_length(training: int, validating: int, validation: float) -> int | None:
    """How many characters a text must have for parts of some length.

    Args:
        training: Characters of the training part, at least.
        validating: Characters of the validation part, at least; 0 for any number.
        validation: Share of the text that is for validation.

    Returns:
        The number; None where no text is long enough, because a part is always empty.

    Example:
        >>> required_length(41, 41, 0.1)
        401
    """
    million = 1_000_000
    share = round(validation * million)
    if share == million or (validating and not share):
        return None
    needed = -(-training * million // (million - share))
    return max(needed, (validating - 1) * million // share + 1) if validating else needed


def check_length(
    characters: int, vocabulary: Vocabulary, windows: WindowConfig, streams: int = 1
) -> None:
    """Check that a text is long enough to train on.

    Args:
        characters: The text's length.
        vocabulary: Its vocabulary.
        windows: Windows and split.
        streams: How many streams of windows the training part must have.

    Raises:
        CorpusError: it is too short, or has one distinct character. The message gives the
            length that is required, and the options with which the text is long enough.
    """
    fits = _is_long_enough(characters, windows.maxlen, windows.validation, streams)
    if fits and vocabulary.size > 1:
        return
    window = windows.maxlen + 1
    training, share = streams * windows.maxlen + 1, windows.validation
    needed = required_length(training, window if share else 0, share)
    least = f"of {needed:,} characters or more" if needed else "that is longer"
    if vocabulary.size < 2:
        more = "" if fits else f", {least}"
        raise CorpusError(
            f"the corpus has one distinct character ({vocabulary.characters!r}): there is nothing "
            f"to predict; give a text with others{more}"
        )
    what = f"a window of --maxlen {windows.maxlen} and the character after it"
    if streams > 1:
        what = f"--batch-size {streams:,} streams of --maxlen {windows.maxlen} and one more"
    parts = f"{training:,} in the training part ({what})"
    if share:
        parts += f" and {window:,} in the validation part (--validation {share:g})"
    remedies = _remedies(characters, windows, streams)
    raise CorpusError(
        f"the text is too short: it has {characters:,} characters and needs {parts}; "
        f"give a text {least}" + (f", or add {' or '.join(remedies)}" if remedies else "")
    )


def _is_long_enough(characters: int, maxlen: int, validation: float, streams: int) -> bool:
    train = split_position(characters, validation)
    return train > streams * maxlen and (not validation or characters - train > maxlen)


def _remedies(characters: int, windows: WindowConfig, streams: int) -> list[str]:
    """Options with which a text that is too short is long enough."""
    maxlen, share = windows.maxlen, windows.validation
    train = split_position(characters, share)
    remedies = []
    fewer = (train - 1) // maxlen
    if fewer > 0 and _is_long_enough(characters, maxlen, share, fewer):
        remedies.append(f"--batch-size {fewer}")
    shorter = (train - 1) // streams
    if share:
        shorter = min(shorter, characters - train - 1)
    if shorter > 0:
        remedies.append(f"--maxlen {shorter}")
    if share:
        shares = (percent / 100 for percent in range(1, 100))
        fitting = (other for other in shares if _is_long_enough(characters, maxlen, other, streams))
        remedies += [f"--validation {other:g}" for other in islice(fitting, 1)]
        if _is_long_enough(characters, maxlen, 0, streams):
            remedies.append("--validation 0")
        elif characters > streams:
            remedies.append(f"--validation 0 --maxlen {(characters - 1) // streams}")
    if not remedies and streams > 1:
        return [f"--batch-size 1 {remedy}" for remedy in _remedies(characters, windows, 1)]
    return remedies
