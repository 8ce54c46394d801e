"""`textgen evaluate`."""

from pathlib import Path

import click
import cloup

from textgen.cli import base_command, console, options
from textgen.cli.output import Output


@cloup.command("evaluate", cls=base_command.Command)
@options.texts(required=True)
@options.model("Model directory to evaluate.")
@options.context(
    "Carry the state through the text, or predict each character from the last maxlen ones."
)
@cloup.option(
    "--windows",
    type=int,
    metavar="N",
    help="Read windows of N characters, each from a zero state, and predict at every position.",
)
@options.reading
@options.output_format("json", "Lines of text, or a JSON object.")
@options.debug
def command(
    texts: tuple[str, ...],
    directory: Path,
    context: str | None,
    windows: int | None,
    encoding: str | None,
    decoding_errors: str | None,
    glob: tuple[str, ...],
    output_format: str,
) -> None:
    """Measure how well a trained model predicts a text.

    TEXT is one or more files, directories (read recursively) or - for standard input. It is read
    with the settings of the model's corpus. The loss is the cross-entropy in nats per character.

    \b
        textgen evaluate held-out.txt
        textgen evaluate held-out.txt --windows 256 --format json
        tail -c 100000 corpus.txt | textgen evaluate --model small -
    """
    if not texts:
        raise click.UsageError("no text: `textgen evaluate held-out.txt`")
    import json

    from textgen.analysis.evaluation import evaluate

    out = Output()
    evaluation = evaluate(
        texts,
        directory,
        context=context,
        windows=windows,
        encoding=encoding,
        decoding_errors=decoding_errors,
        glob=glob,
    )
    console.note_reading(evaluation.reading)
    if output_format == "json":
        out.write(json.dumps(evaluation.to_json()) + "\n")
        return
    for label, text in evaluation.lines():
        out.write(f"{label:18}  {text}\n")
    if evaluation.unknown:
        console.note(
            f"textgen: {evaluation.unknown:,} characters are not in the model's vocabulary: left "
            "out, or read as its unknown character if it has one"
        )
