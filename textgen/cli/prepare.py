"""`textgen prepare`."""

from pathlib import Path
from typing import Any

import cloup

from textgen.cli import base_command, console, corpus_options, options
from textgen.cli.formatting import (
    describe_encodings,
    describe_label,
    describe_mode,
    describe_reading,
    format_count,
    format_size,
)
from textgen.cli.output import Output


@cloup.command("prepare", cls=base_command.Command)
@corpus_options.corpora
@options.output_directory
@corpus_options.corpus_group()
@corpus_options.document_group()
@cloup.option_group(
    "Windows",
    *corpus_options.window_settings("  [default: 40; training may choose a longer one]"),
    cloup.option(
        "--one-hot",
        is_flag=True,
        help="Also write one-hot tensors X.npy and y.npy (training does not need them).",
    ),
)
@cloup.option("--force", is_flag=True, help="Replace an existing prepared corpus.")
@cloup.option(
    "-j",
    "--jobs",
    type=int,
    metavar="N",
    help="Processes that share the work on a large corpus, each with 100 MB of memory; the result "
    "does not depend on their number.  [default: one per processor, up to 8]",
)
@options.output_format("json", "Summary as text on standard error, or as JSON on standard output.")
@options.debug
def command(
    corpora: tuple[str, ...],
    output: Path,
    demo: bool,  # noqa: FBT001
    one_hot: bool,  # noqa: FBT001
    force: bool,  # noqa: FBT001
    jobs: int | None,
    output_format: str,
    **values: Any,
) -> None:
    """Encode a corpus as ids on disk, in bounded memory.

    CORPUS is one or more files, directories (read recursively) or - for standard input; gzip,
    bzip2 and xz files are recognized by their content. `textgen train` reads the directory, or
    prepares a corpus itself.

    A corpus of documents is split into whole documents for training, for validation and, with
    --test, for a test: equal ones are never on two sides, and each label has the same shares.

    \b
        textgen prepare corpus.txt -o prepared
        textgen prepare corpus.txt -o prepared --tokens bpe:512
        textgen prepare books/ --glob '*.txt' -o prepared --maxlen 60
        textgen prepare titles.csv --column title --label forum --test 0.1 -o prepared
        textgen prepare names.txt --documents lines -o prepared
        textgen prepare titles.csv --column title --label forum -o prepared --test 0.1
        zcat logs.gz | textgen prepare - -o prepared --one-hot --step 10
    """
    import json
    from dataclasses import replace

    from textgen.text.prepare import prepare

    out = Output() if output_format == "json" else None
    sources = corpus_options.list_sources(
        corpora, demo=demo, command="prepare", extra=" -o prepared"
    )
    with console.progress_bar() as bar:
        prepared = prepare(
            sources,
            output,
            one_hot=one_hot,
            force=force,
            jobs=jobs,
            on_progress=console.StageProgress(bar),
            **options.chosen(values),
        )
    summary = prepared.summary()
    if out is not None:
        out.write(json.dumps(summary) + "\n")
        return
    characters = repr(summary["vocabulary"][:200])[1:-1]
    more = " ..." if len(summary["vocabulary"]) > 200 else ""
    console.note(f"{output}: prepared corpus")
    ends = "" if prepared.documents is None else ", with the ends of documents"
    console.note(f"  characters  {summary['characters']:,}{ends}")
    if summary["unknown_characters"]:
        console.note(
            f"  unknown     {summary['unknown_characters']:,} characters, too rare, share one id"
        )
    for line in describe_mode(prepared.reading):
        console.note(f"  documents   {line}")
    if prepared.documents is not None:
        training, validation, test = prepared.documents.counts
        console.note(
            f"  split       {format_count(training, 'document')} for training, {validation:,} for "
            "validation" + (f", {test:,} for a test" if test else "")
        )
        for field in prepared.documents.labels.fields if prepared.documents.labels else ():
            console.note(f"  labels      {describe_label(field)}")
    encodings = describe_encodings(summary["reading"]["encodings"])
    console.note(f"  encodings   {encodings}")
    for line in describe_reading(replace(prepared.reading, encodings={})):
        console.note(f"  changed     {line}")
    console.note(f"  vocabulary  {summary['vocabulary_size']:,}: {characters}{more}")
    if prepared.subwords is not None:
        tokens, subwords = summary["tokens"], prepared.subwords.vocabulary.subwords
        longest = ", ".join(map(repr, sorted(subwords, key=len)[-5:]))
        console.note(
            f"  tokens      {tokens:,}, of {summary['characters'] / tokens:.2f} characters; "
            f"{format_count(len(subwords), 'subword')}, the longest: {longest}"
        )
    console.note(
        f"  windows     {summary['training_windows']:,} for training, "
        f"{summary['validation_windows']:,} for validation "
        f"(maxlen {summary['maxlen']}, step {summary['step']}, targets {summary['targets']})"
    )
    for name, count in summary["files"].items():
        console.note(f"  {name:<18}{format_size(count):>10}")
