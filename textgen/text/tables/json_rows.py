"""Documents and labels from JSON Lines: a JSON object on each line."""

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from textgen.settings import CorpusConfig
from textgen.text.tables.columns import Columns
from textgen.text.tables.rows import BadRows, Batch, find_bad_character

_decode = json.JSONDecoder().decode
_raw_decode = json.JSONDecoder().raw_decode  # ignores what follows the value, and is faster


class BadRowError(ValueError):
    """A line that gives no document; its message says what is wrong with it."""


def read_json_rows(
    name: str, texts: Iterator[str], config: CorpusConfig, bad_rows: BadRows
) -> Iterator[Batch]:
    """Read the documents of a file with a JSON object on each line; blank lines are ignored.

    Args:
        name: The file's name.
        texts: The file, in texts that end with a line end, except the last one.
        config: Which keys have the text and the labels.
        bad_rows: Handles lines that cannot be read.

    Raises:
        CorpusError: no such key, or a bad line that is not to be left out.
    """
    first = next(texts, "")
    keys = _find_keys(name, first, config)
    line, number = 1, 1
    for text in chain([first], texts):
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()
        batch = _parse_all(text, lines, keys)
        if batch is not None:
            number += len(lines)
        else:
            batch, count = _parse_each(lines, keys, bad_rows, (number, line))
            number += count
        line += len(lines)
        yield batch


def label_text(value: object) -> str:
    """The text of a label: of numbers and truth values as JSON writes them; empty for none.

    Raises:
        BadRowError: it is an array or an object.

    Example:
        >>> label_text("horror"), label_text(7), label_text(True), label_text(None)
        ('horror', '7', 'true', '')
    """
    if isinstance(value, str):
        return value.strip()
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise BadRowError("has a label that is neither a text nor a number")


def _find_keys(name: str, text: str, config: CorpusConfig) -> tuple[str, ...]:
    """The keys of the text and the labels; raises an error where no object has them."""
    examples = dict[str, str]()
    for line in text.split("\n"):
        try:
            value = _decode(line)
        except (ValueError, RecursionError):
            continue
        for key, item in value.items() if isinstance(value, dict) else ():
            examples[key] = examples.get(key) or _example(item)
    columns = Columns(name, [*examples], [*examples.values()])
    if examples:
        places = (columns.find_text(config.column), *map(columns.find, config.label))
        return tuple(columns.names[place] for place in places)
    return (config.column, *config.label)


def _example(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _parse_all(text: str, lines: Sequence[str], keys: Sequence[str]) -> Batch | None:
    """The documents of lines; None where a line is bad or blank."""
    try:
        values = [_raw_decode(line) for line in lines]
        rows = [row for row, _ in values]
        texts = [row[keys[0]] for row in rows]
        labels = [[row.get(key) for row in rows] for key in keys[1:]]
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None
    if [end for _, end in values] != [*map(len, lines)] or not set(map(type, texts)) <= {str}:
        return None
    for column in labels:
        if not set(map(type, column)) <= {str, type(None)}:
            return None
    columns = [[label.strip() if label else "" for label in column] for column in labels]
    if "\\" in text:  # perhaps escapes for what no text has, or for line ends of other systems
        if find_bad_character("".join(chain(texts, *columns))):
            return None
        if "\\r" in text:
            texts = [normalize_line_ends(text) for text in texts]
    return Batch(texts, tuple(columns))


def normalize_line_ends(text: str) -> str:
    """A text with line ends as they are when files are read."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _parse_each(
    lines: Sequence[str], keys: Sequence[str], bad_rows: BadRows, place: tuple[int, int]
) -> tuple[Batch, int]:
    """Parse lines one by one.

    Args:
        lines: Lines, some of which may be bad or blank.
        keys: The keys of the text and the labels.
        bad_rows: Handles bad ones.
        place: The number and the line of the first one.

    Returns:
        Their documents; how many lines are not blank.
    """
    rows, (first, line) = list[tuple[str, ...]](), place
    number = first
    for text in lines:
        if text and not text.isspace():
            try:
                rows.append(_parse(text, keys))
            except BadRowError as error:
                bad_rows.add(number, line, str(error))
            number += 1
        line += 1
    texts, *labels = ([row[place] for row in rows] for place in range(len(keys)))
    return Batch(texts, tuple(labels)), number - first


def _parse(line: str, keys: Sequence[str]) -> tuple[str, ...]:
    """The text and the labels of a line.

    Raises:
        BadRowError: the line is bad.
    """
    try:
        row = _decode(line)
    except (ValueError, RecursionError) as error:
        reason = find_bad_character(line)
        message = "nested too deeply" if isinstance(error, RecursionError) else "too long a number"
        message = getattr(error, "msg", message)
        raise BadRowError(reason or f"is not JSON: {message}") from None
    if not isinstance(row, dict):
        raise BadRowError("is not a JSON object; write each document as an object on its own line")
    if keys[0] not in row:
        raise BadRowError(f"has no key {keys[0]!r}")
    if not isinstance(row[keys[0]], str):
        raise BadRowError(f"has no text in {keys[0]!r}, but {json.dumps(row[keys[0]])[:30]}")
    values = (normalize_line_ends(row[keys[0]]), *(label_text(row.get(key)) for key in keys[1:]))
    if reason := find_bad_character("".join(values)):
        raise BadRowError(reason)
    return values
