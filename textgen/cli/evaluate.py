"""`textgen evaluate`."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from textgen.cli import base_command, console, corpus_options, options
from textgen.cli.formatting import flatten_labels, format_count, format_table, make_printable
from textgen.cli.output import Output
from textgen.settings import Mix

if TYPE_CHECKING:
    from textgen.analysis.document_scores import DocumentScore
    from textgen.analysis.figures import Evaluation

_MAX_LABELS = 30  # of each kind, in the table


@cloup.command("evaluate", cls=base_command.Command)
@options.texts(required=False)
@options.model_or_mix("Model directory to evaluate.")
@cloup.option(
    "--test",
    is_flag=True,
    help="Evaluate on the part of the corpus that training held out for this (train --test).",
)
@cloup.option(
    "--each", is_flag=True, help="Write the figures of each document, in the order of the text."
)
@options.context(
    "Carry the state through the text, or predict each character from the last maxlen ones."
)
@cloup.option(
    "--windows",
    type=int,
    metavar="N",
    help="Read windows of N characters, each from a zero state, and predict at every position. For "
    "a model with subwords, windows of N tokens.",
)
@cloup.option(
    "--exact",
    is_flag=True,
    help="Read a continuous text in one stream. A long one is otherwise cut into streams that are "
    "read side by side, much faster; the loss differs by less than 0.0001.",
)
@options.reading
@corpus_options.text_documents()
@cloup.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", "jsonl", "csv"]),
    default="text",
    show_default=True,
    help="Lines of text, or a JSON object; with --each a line of text or of JSON for each "
    "document, or CSV.",
)
@options.debug
def command(
    texts: tuple[str, ...],
    models: tuple[Path, ...],
    mix: str | None,
    mix_by: str | None,
    test: bool,  # noqa: FBT001
    each: bool,  # noqa: FBT001
    context: str | None,
    windows: int | None,
    exact: bool,  # noqa: FBT001
    output_format: str,
    **reading: Any,
) -> None:
    """Measure how well a trained model predicts a text.

    TEXT is one or more files, directories (read recursively) or - for standard input; by default
    the part of the corpus that the model was validated on. It is read with the settings of the
    model's corpus. The loss is the cross-entropy in nats per character, and perplexity is per
    character, too, also of a model that predicts subwords.

    A model of documents (lines, rows of a table, files) predicts each document from its beginning
    to its end, and figures are also given for each label. Given --documents, a model of continuous
    text reads a line end before and after each document instead. --each ranks a list: bits per
    character and the text of each document. Any model reads lines then.

    Several models are evaluated as one (--model, --mix), and each of them alone on the same text,
    which is read with the settings of the first one's corpus. With the best weights the mixture
    would have the lowest loss on this text.

    \b
        textgen evaluate held-out.txt
        textgen evaluate held-out.txt --windows 256 --format json
        tail -c 100000 corpus.txt | textgen evaluate --model small -
        textgen evaluate --test
        textgen evaluate --each names.txt | sort -n
        textgen evaluate held-out.txt --model verse --model news --mix 0.7,0.3
    """
    if each:
        if not texts or test:
            raise click.UsageError("no text: `textgen evaluate --each names.txt`")
        if windows is not None or exact or output_format == "json":
            raise click.UsageError(
                "--each takes no --windows or --exact, and --format jsonl or csv"
            )
    elif output_format in ("jsonl", "csv"):
        raise click.UsageError(f"--format {output_format} is for --each; give --format json")
    model = options.chosen_model(models, mix, mix_by)
    reading = corpus_options.chosen_reading(reading)
    out = Output()
    if each:
        if isinstance(model, Mix):
            raise click.UsageError("--each takes one --model")
        from textgen.analysis.document_scores import evaluate_each
        from textgen.text.reading_report import ReadingReport

        console.note_compilation()

        report = ReadingReport()
        lines = {"text": _format_lines, "jsonl": _format_json, "csv": _format_csv}[output_format]
        with console.progress_bar() as bar:
            on_progress = None if out.on_terminal else console.CharacterProgress(bar, "evaluating")
            scores = evaluate_each(
                texts, model, context=context, report=report, on_progress=on_progress, **reading
            )
            out.write_clean(map(out.clean, lines(scores)))
        console.note_reading(report)
        return
    import json

    from textgen.analysis.evaluation import evaluate

    console.note_compilation()

    with console.progress_bar() as bar:
        evaluation = evaluate(
            texts,
            model,
            context=context,
            windows=windows,
            test=test,
            exact=exact,
            on_progress=console.CharacterProgress(bar, "evaluating"),
            **reading,
        )
    console.note_reading(evaluation.reading)
    if evaluation.note:
        console.note(f"textgen: {evaluation.note}")
    if output_format == "json":
        out.write(json.dumps(evaluation.to_json()) + "\n")
        return
    for label, text in evaluation.lines():
        out.write(f"{label:18}  {text}\n")
    for line in _format_members(evaluation):
        out.write(f"{line}\n")
    for line in _format_labels(evaluation):
        out.write(f"{line}\n")
    if evaluation.unknown:
        console.note(
            f"textgen: {evaluation.unknown:,} characters are not in the model's vocabulary: left "
            "out, or read as its unknown character if it has one"
        )


def _format_members(evaluation: "Evaluation") -> Iterator[str]:
    """A table of the models of a mixture."""
    if not evaluation.members:
        return
    rows = [
        (
            make_printable(member.model).replace("\n", " "),
            f"{member.weight:.3g}",
            f"{member.loss:.4f}",
            f"{member.bits_per_character:.4f}",
            *([] if member.best_weight is None else [f"{member.best_weight:.2f}"]),
        )
        for member in evaluation.members
    ]
    yield ""
    head = ("each model alone", "weight", "loss", "bits per character", "best weight")
    yield from format_table(head[: len(rows[0])], rows)


def _format_labels(evaluation: "Evaluation") -> Iterator[str]:
    """A table of the losses of each kind of label."""
    for name in dict.fromkeys(label.name for label in evaluation.labels):
        losses = [label for label in evaluation.labels if label.name == name]
        rows = [
            (
                make_printable(label.title).replace("\n", " "),
                f"{label.documents:,}",
                f"{label.characters:,}",
                f"{label.loss:.4f}",
                f"{label.bits_per_character:.4f}",
            )
            for label in losses[:_MAX_LABELS]
        ]
        yield ""
        head = (make_printable(name), "documents", "characters", "loss", "bits per character")
        yield from format_table(head, rows)
        if len(losses) > _MAX_LABELS:
            more = format_count(len(losses) - _MAX_LABELS, "more label")
            yield f"and {more}: --format json lists all"


def _format_lines(scores: "Iterable[DocumentScore]") -> Iterator[str]:
    r"""Bits per character, a tab, and the text on one line, with \n for its line ends."""
    for score in scores:
        text = score.text.replace("\n", "\\n")
        yield f"{score.bits_per_character:8.4f}\t{text}\n"


def _format_json(scores: "Iterable[DocumentScore]") -> Iterator[str]:
    import json

    for score in scores:
        yield json.dumps(score.to_json(), ensure_ascii=False) + "\n"


def _format_csv(scores: "Iterable[DocumentScore]") -> Iterator[str]:
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")

    def take() -> str:
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text

    is_first = True
    for score in scores:
        columns = flatten_labels(score.to_json())
        if is_first:
            writer.writerow(columns)
            is_first = False
        writer.writerow("" if value is None else value for value in columns.values())
        yield take()
