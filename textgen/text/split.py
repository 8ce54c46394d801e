"""The split into training, validation and test text, and whether a text is long enough for it."""

from dataclasses import replace
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


def split_positions(characters: int, validation: float, test: float) -> tuple[int, int]:
    """Where the text for validation begins, and where the text for a test does, which is last.

    Example:
        >>> split_positions(1000, 0.1, 0.2)
        (700, 800)
    """
    return split_position(characters, validation + test), split_position(characters, test)


def required_length(training: int, validating: int, windows: WindowConfig) -> int | None:
    """How many characters a text must have for parts of some length.

    Args:
        training: Characters of the training part, at least.
        validating: Characters of the validation part, at least; 0 for any number.
        windows: Says which shares of the text are for validation and for a test.

    Returns:
        The number; None where no text is long enough, because a part is always empty.

    Example:
        >>> required_length(41, 41, WindowConfig(validation=0.1))
        401
    """
    million = 1_000_000
    share, test = (round(part * million) for part in (windows.validation, windows.test))
    if share + test >= million or (validating and not share):
        return None
    needed = -(-training * million // (million - share - test))
    if not validating:
        return needed
    needed = max(needed, (validating - 1) * million // share)
    while True:  # once or twice: the parts are whole characters
        first, second = split_positions(needed, windows.validation, windows.test)
        if first >= training and second - first >= validating:
            return needed
        needed += 1


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
    fits = _is_long_enough(characters, windows, streams)
    if fits and vocabulary.size > 1:
        return
    window = windows.maxlen + 1
    training, share = streams * windows.maxlen + 1, windows.validation
    needed = required_length(training, window if share else 0, windows)
    least = f"of {needed:,} characters or more" if needed else "that is longer"
    if vocabulary.size < 2:
        more = "" if fits else f", {least}"
        raise CorpusError(
            f"the corpus has one distinct character ({vocabulary.characters!r}): there is nothing "
            f"to predict; give a text with others{more}"
        )
    parts = f"{training:,} in the training part ({_describe_need(windows, streams)})"
    if share:
        parts += f" and {window:,} in the validation part (--validation {share:g})"
    remedies = _remedies(characters, windows, streams)
    raise CorpusError(
        f"the text is too short: it has {characters:,} characters and needs {parts}; "
        f"give a text {least}" + (f", or add {' or '.join(remedies)}" if remedies else "")
    )


def check_documents(
    length: int, windows: WindowConfig, streams: int = 1, unit: str = "characters"
) -> None:
    """Check that the documents for training are long enough together.

    Args:
        length: How many tokens they have, with the document ends.
        windows: Windows.
        streams: How many streams of windows they must have.
        unit: What the message calls the tokens.

    Raises:
        CorpusError: they are too short. The message gives options with which they are not.
    """
    needed = streams * windows.maxlen + 1
    if length >= needed:
        return
    remedies = []
    if fewer := (length - 1) // windows.maxlen:
        remedies.append(f"--batch-size {fewer}")
    if shorter := (length - 1) // streams:
        remedies.append(f"--maxlen {shorter}")
    if not remedies:
        remedies.append(f"--batch-size 1 --maxlen {length - 1}")
    raise CorpusError(
        f"the documents are too short: those for training have {length:,} {unit}, with "
        f"their ends, and need {needed:,} ({_describe_need(windows, streams)}); give more "
        f"documents, or add {' or '.join(remedies)}"
    )


def check_token_counts(
    training: int, validating: int, windows: WindowConfig, streams: int = 1
) -> None:
    """Check that the parts of a text have enough subwords to train on.

    The text is split at a character, so how many they have does not follow from its length.

    Args:
        training: Tokens of the training part.
        validating: Tokens of the validation part.
        windows: Windows and split.
        streams: How many streams of windows the training part must have.

    Raises:
        CorpusError: there are too few.
    """
    needed = streams * windows.maxlen + 1
    needed_there = windows.maxlen + 1 if windows.validation else 0
    if training >= needed and validating >= needed_there:
        return
    batch = f"--batch-size {streams:,} streams of " if streams > 1 else ""
    raise CorpusError(
        f"the text is too short for {batch}--maxlen {windows.maxlen}: it has {training:,} tokens "
        f"in the training part and {validating:,} in the validation part, and needs {needed:,} and "
        f"{needed_there:,}; give a longer text, a smaller --maxlen, or --tokens characters"
    )


def _describe_need(windows: WindowConfig, streams: int) -> str:
    if streams > 1:
        return f"--batch-size {streams:,} streams of --maxlen {windows.maxlen} and one more"
    return f"a window of --maxlen {windows.maxlen} and the character after it"


def _is_long_enough(characters: int, windows: WindowConfig, streams: int) -> bool:
    first, second = split_positions(characters, windows.validation, windows.test)
    return first > streams * windows.maxlen and (
        not windows.validation or second - first > windows.maxlen
    )


def _remedies(characters: int, windows: WindowConfig, streams: int) -> list[str]:
    """Options with which a text that is too short is long enough."""
    maxlen, share = windows.maxlen, windows.validation
    first, second = split_positions(characters, share, windows.test)
    remedies = []
    fewer = (first - 1) // maxlen
    if fewer > 0 and _is_long_enough(characters, windows, fewer):
        remedies.append(f"--batch-size {fewer}")
    shorter = (first - 1) // streams
    if share:
        shorter = min(shorter, second - first - 1)
    if shorter > 0:
        remedies.append(f"--maxlen {shorter}")
    if share:
        shares = (percent / 100 for percent in range(1, 100) if percent / 100 + windows.test < 1)
        others = (replace(windows, validation=other) for other in shares)
        fitting = (other for other in others if _is_long_enough(characters, other, streams))
        remedies += [f"--validation {other.validation:g}" for other in islice(fitting, 1)]
        without = replace(windows, validation=0.0)
        whole, _ = split_positions(characters, 0, windows.test)
        if _is_long_enough(characters, without, streams):
            remedies.append("--validation 0")
        elif whole > streams:
            remedies.append(f"--validation 0 --maxlen {(whole - 1) // streams}")
    if not remedies and streams > 1:
        return [f"--batch-size 1 {remedy}" for remedy in _remedies(characters, windows, 1)]
    return remedies
