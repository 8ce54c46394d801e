"""What `textgen compare --labels` shows: which label fits each document best."""

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from textgen.cli import console
from textgen.cli.formatting import format_count, format_table, make_printable
from textgen.cli.output import Output
from textgen.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from textgen.analysis.label_comparison import LabelComparison

_MAX_COLUMNS = 10  # of the confusion matrix, for a terminal
_MAX_ROWS = 100
_MAX_DOCUMENTS = 10  # so few are shown one by one
_SHOWN = 60  # characters of a document or a label


def show_labels(
    directories: Sequence[str], texts: Sequence[str], output_format: str, **options: Any
) -> None:
    """Compare the labels of a model, and write the result to standard output.

    Args:
        directories: The model, or nothing for the default one.
        texts: As for `compare_labels`, like all further options.
        output_format: `text` or `json`.
    """
    import json

    from textgen.analysis.label_comparison import compare_labels

    out = Output()
    model = [*directories, os.environ.get("TEXTGEN_MODEL") or DEFAULT_MODEL][0]
    with console.progress_bar() as bar:
        progress = console.CharacterProgress(bar, "comparing labels")
        comparison = compare_labels(model, texts, on_progress=progress, **options)
    console.note_reading(comparison.reading)
    if output_format == "json":
        out.write(json.dumps(comparison.to_json()) + "\n")
        return
    for line in _describe(comparison):
        out.write(f"{line}\n")


def _describe(comparison: "LabelComparison") -> Iterator[str]:
    documents = format_count(comparison.documents, "document")
    if comparison.documents < comparison.total:
        documents += f" of {comparison.total:,}, chosen at random"
    values = f"{len(comparison.values):,} values of {_name(comparison.label)}"
    if comparison.other_values:
        values += f" (the most frequent of {len(comparison.values) + comparison.other_values:,})"
    yield f"{documents}, each under {values}"
    if comparison.accuracy is not None and comparison.majority is not None:
        right = f"{comparison.accuracy:.1%} of {comparison.labelled:,}"
        yield f"their own label fits best       {right}"
        yield f"always the most frequent label  {comparison.majority:.1%}"
    if len(comparison.values) <= _MAX_COLUMNS:
        yield from _format_matrix(comparison)
    else:
        yield from _format_rows(comparison)
    if comparison.documents <= _MAX_DOCUMENTS:
        yield ""
        rows = [
            (
                _name(fit.text),
                "" if fit.label is None else _name(fit.label),
                _name(fit.best),
                f"{fit.lead:.1f}",
            )
            for fit in comparison.fits
        ]
        yield from format_table(("document", comparison.label, "fits best", "by nats"), rows)


def _format_matrix(comparison: "LabelComparison") -> Iterator[str]:
    """How many documents of each label (rows) fit each label (columns) best."""
    names = [_name(value, 14) for value in comparison.values]
    rows = [
        (_name(value), *(f"{count:,}" for count in row))
        for value, row in zip(comparison.values, comparison.matrix, strict=True)
        if any(row)
    ]
    if any(comparison.unlabelled):
        rows.append(("(another, or none)", *(f"{count:,}" for count in comparison.unlabelled)))
    yield ""
    yield from format_table((f"{_name(comparison.label)} | fits best:", *names), rows)


def _format_rows(comparison: "LabelComparison") -> Iterator[str]:
    """For each label how many of its documents it fits best, and which other one fits most."""
    rows = []
    for place, (value, row) in enumerate(zip(comparison.values, comparison.matrix, strict=True)):
        if count := sum(row):
            others = [*row[:place], -1, *row[place + 1 :]]
            most = max(range(len(row)), key=others.__getitem__)
            other = (
                f"{_name(comparison.values[most])} ({others[most]:,})" if others[most] > 0 else ""
            )
            rows.append((_name(value), f"{count:,}", f"{row[place] / count:.0%}", other))
    yield ""
    head = (_name(comparison.label), "documents", "right", "most often taken for")
    yield from format_table(head, rows[:_MAX_ROWS])


def _name(text: str, longest: int = _SHOWN) -> str:
    """A text on one line, not too long."""
    text = make_printable(text).replace("\n", " ").replace("\t", " ")
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
