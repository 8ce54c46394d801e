"""`textgen sample`.

Long because it declares all options of the command.
"""

from pathlib import Path
from typing import Any

import click
import cloup
from click.core import ParameterSource

from textgen.cli import base_command, console, options
from textgen.cli.output import Output
from textgen.cli.types import ESCAPED, FILES, TEMPERATURE
from textgen.settings import CONTEXTS, DocumentFilters, SampleConfig


@cloup.command("sample", cls=base_command.Command)
@options.model_or_mix("Model directory to generate with.")
@cloup.option_group(
    "Seed",
    cloup.option(
        "--seed",
        metavar="TEXT",
        type=ESCAPED,
        help=f"Text to start from: the beginning of a document ({ESCAPED.HELP}); - reads it from "
        "standard input, without escapes.  [default: a part of a continuous corpus; nothing for "
        "documents]",
    ),
    cloup.option(
        "--seeds-from",
        metavar="FILE",
        shell_complete=FILES,
        help="File with a seed on each line, without escapes; empty lines are skipped; - is "
        "standard input.",
    ),
    cloup.option(
        "--unknown",
        type=click.Choice(["error", "skip"]),
        default="error",
        show_default=True,
        help="What to do with characters of a seed that the model does not know.",
    ),
    cloup.option(
        "--label",
        "labels",
        multiple=True,
        metavar="NAME=VALUE",
        help="Label of the documents, such as genre=horror, or horror alone; nothing after the = "
        "for no label; can be repeated.  [default: drawn as often as each occurs]",
    ),
    options.setting(
        SampleConfig,
        "context",
        type=click.Choice(CONTEXTS),
        help_text="Predict from the whole text so far, or from its last maxlen characters.  "
        "[default: as in the model's training]",
    ),
)
@cloup.option_group(
    "Decoding",
    options.setting(
        SampleConfig,
        "temperatures",
        "--temperature",
        type=TEMPERATURE,
        multiple=True,
        help_text="Low is careful, high is wild, 0 always picks the most likely character; can be "
        "repeated. 1.0:0.5 begins wild and gets careful over the text; with 1.0:0.5/word each "
        "word does, which gives more different words with fewer misspelled ones, and with "
        "1.0:0.5/line each line.",
    ),
    options.setting(
        SampleConfig,
        "top_k",
        type=int,
        help_text="Choose among the N most likely characters.  [default: all]",
        metavar="N",
    ),
    options.setting(
        SampleConfig,
        "top_p",
        type=float,
        help_text="Choose among the fewest characters that together have this probability.",
    ),
    options.setting(
        SampleConfig,
        "min_p",
        type=float,
        help_text="Choose among characters whose probability is at least this share of the most "
        "likely one's.",
    ),
    options.setting(
        SampleConfig,
        "match",
        metavar="REGEX",
        help_text="Write texts that contain a match of this regular expression of Python; ^...$ "
        "matches a whole text with its seed. Every character is chosen such that a match can "
        "still follow.",
    ),
    options.setting(
        SampleConfig,
        "ban",
        metavar="CHARS",
        type=ESCAPED,
        help_text="Never write these characters, such as e for a lipogram; a-z is all from a to z, "
        f"{ESCAPED.HELP}.",
    ),
    options.setting(
        SampleConfig,
        "only",
        metavar="CHARS",
        type=ESCAPED,
        help_text="Write no other characters than these, such as 'A-Z \\n' for capitals in "
        "lines; those that the model does not have do not matter.  [default: all]",
    ),
    options.setting(
        SampleConfig,
        "repetition_penalty",
        type=float,
        help_text="For text that repeats itself, as it does at low temperatures: a character that "
        "continues a repeated passage gets this many times less likely with each character of "
        "the passage; try 1.2.  [default: 1, no penalty]",
    ),
    options.setting(
        SampleConfig,
        "no_repeat",
        type=int,
        metavar="N",
        help_text="Write no sequence of N characters twice in a text, so that 20 repeats words and "
        "no lines.  [default: repeat them]",
    ),
    options.setting(
        SampleConfig,
        "random_seed",
        type=int,
        help_text="The same number gives the same texts.  [default: different each time]",
    ),
)
@cloup.option_group(
    "Amount",
    options.setting(
        SampleConfig,
        "samples",
        "-n",
        "--samples",
        type=int,
        help_text="Texts to generate for each seed and temperature.",
    ),
    options.setting(
        SampleConfig,
        "best_of",
        type=int,
        metavar="N",
        help_text="Generate N texts for each one and write the most probable, by its mean "
        "log-probability: fewer slips, in N times the time, where a lower temperature would be "
        "dull.",
    ),
    options.setting(
        SampleConfig,
        "length",
        type=int,
        help_text="Characters to generate after the seed, at most; 0 for no limit.  "
        "[default: 400; 10000 with --until or --lines and for documents]",
    ),
    options.setting(
        SampleConfig,
        "until",
        multiple=True,
        metavar="TEXT",
        type=ESCAPED,
        help_text=f"End a text after this string ({ESCAPED.HELP}); can be repeated.",
    ),
    options.setting(
        SampleConfig,
        "lines",
        type=int,
        help_text="End a text after this many line ends.  [default: no limit]",
    ),
)
@cloup.option_group(
    "Filters for documents",
    options.setting(
        DocumentFilters,
        "unique",
        is_flag=True,
        help_text="Write no document twice.  [default: repeat them]",
    ),
    options.setting(
        DocumentFilters,
        "novel",
        is_flag=True,
        help_text="Write no document of the corpus.  [default: write them]",
    ),
    options.setting(
        DocumentFilters,
        "max_copy",
        type=int,
        metavar="N",
        help_text="Write no document with N or more characters in a row that occur in the corpus.  "
        "[default: no limit]",
    ),
    options.setting(
        DocumentFilters,
        "min_length",
        type=int,
        metavar="N",
        help_text="Write only documents of N characters or more.",
    ),
    options.setting(
        DocumentFilters,
        "max_length",
        type=int,
        metavar="N",
        help_text="Write only documents of N characters or fewer; longer ones are not cut, but "
        "left out.  [default: no limit]",
    ),
    options.setting(
        DocumentFilters,
        "tries",
        type=int,
        metavar="N",
        help_text="Generate at most N documents for each one that is wanted; if too few pass the "
        "filters, those are written and the exit status is 1.",
    ),
)
@cloup.option_group(
    "Output",
    cloup.option(
        "--seed-text/--no-seed-text",
        default=True,
        help="Write the seed before the text that follows it.  [default: write it]",
    ),
    cloup.option(
        "--separator",
        metavar="TEXT",
        type=ESCAPED,
        help=f"Written after each text ({ESCAPED.HELP}).  "
        "[default: a line end, unless the text ends with one; between documents with line ends a "
        "blank line, or the separator of the corpus]",
    ),
    cloup.option(
        "--format",
        "output_format",
        type=click.Choice(["text", "jsonl", "csv"]),
        default="text",
        show_default=True,
        help="Plain texts, a line of JSON for each, or a row of CSV with the names of the columns "
        "before the first row.",
    ),
    cloup.option(
        "-i",
        "--interactive",
        is_flag=True,
        help="Write a text together with the model: type a line, see it continued; /help lists "
        "commands.",
    ),
    cloup.option(
        "--history",
        metavar="FILE",
        shell_complete=FILES,
        envvar="TEXTGEN_HISTORY",
        show_envvar=True,
        help="File that lines typed in --interactive are saved to and recalled from.  "
        "[default: none]",
    ),
    cloup.option(
        "--transcript",
        metavar="FILE",
        shell_complete=FILES,
        help="File that all lines and texts of --interactive are added to while they appear.  "
        "[default: none]",
    ),
)
@options.debug
def command(
    models: tuple[Path, ...],
    mix: str | None,
    mix_by: str | None,
    seed: str | None,
    seeds_from: str | None,
    unknown: str,
    labels: tuple[str, ...],
    seed_text: bool,  # noqa: FBT001
    separator: str | None,
    output_format: str,
    interactive: bool,  # noqa: FBT001
    history: str | None,
    transcript: str | None,
    **values: Any,
) -> None:
    """Generate new text with a trained model.

    Text goes to standard output, each text after its seed. With `--lines 1 --no-seed-text` each
    line is a text.

    A model that was trained on documents writes whole documents. Documents without line ends are
    written one on each line. Between others is a blank line; blank lines inside a document are
    written as a line with a space (and lines of spaces get one more), so that the output can be
    split into the documents again.

    \b
        textgen sample
        textgen sample --temperature 0.2 --temperature 1.0 --seed "To be"
        textgen sample -n 100 --length 60 --format jsonl > samples.jsonl
        textgen sample --seed "ROMEO:" --until "\\n\\n" --min-p 0.05
        textgen sample --ban eE --temperature 0.2 --repetition-penalty 1.2
        head -c 40 corpus.txt | textgen sample --seed -
        textgen sample --interactive
        textgen sample -n 1000 --unique --novel > names.txt
        textgen sample -n 20 --label genre=horror --min-length 20 --format csv
        textgen sample --model verse --model news --mix 0.7,0.3
    """
    chosen = options.chosen(values)
    config = SampleConfig(**options.settings_of(SampleConfig, chosen))
    filters = DocumentFilters(**options.settings_of(DocumentFilters, chosen))
    if seed is not None and seeds_from is not None:
        raise click.UsageError("--seed and --seeds-from exclude each other; give one of them")
    if output_format != "text" and (separator is not None or not seed_text):
        raise click.UsageError("--separator and --no-seed-text are for --format text only")
    conflicts = {
        "--seed": seed is not None,
        "--seeds-from": seeds_from is not None,
        "--separator": separator is not None,
        f"--format {output_format}": output_format != "text",
        "--no-seed-text": not seed_text,
        "--best-of": config.best_of > 1,
        "several texts": config.samples * len(config.temperatures) > 1,
        **{f"--{name.replace('_', '-')}": True for name in filters.active},
    }
    if interactive and True in conflicts.values():
        names = [name for name, is_given in conflicts.items() if is_given]
        raise click.UsageError(f"--interactive cannot be combined with {', '.join(names)}")
    is_option = click.get_current_context().get_parameter_source("history") not in (
        None,
        ParameterSource.ENVIRONMENT,
    )
    if history is not None and not interactive and is_option:
        raise click.UsageError("--history is for --interactive only")
    if transcript is not None and not interactive:
        raise click.UsageError("--transcript is for --interactive only")
    if "tries" in chosen and not filters.active:
        raise click.UsageError("--tries is for filters only, such as --unique")

    from textgen.model.model_dir import load

    console.note_compilation()
    sampler = load(options.chosen_model(models, mix, mix_by), config.context)
    ends = sampler.generates_documents
    if separator is None:
        separator = sampler.separator or None
    out = Output(separator, at_once=interactive)
    if interactive:
        from textgen.cli.interactive import Session, converse

        converse(Session(sampler, config, unknown, labels), out, history, transcript)
        return
    from textgen.cli.sample_writer import SampleFormat, SampleRequest, SampleWriter
    from textgen.cli.seeds import read_seeds
    from textgen.sampling.label_choice import choose_labels
    from textgen.sampling.selection import check_filters

    check_filters(filters, documents=ends, length=config.length)
    choose_labels(sampler.labels, labels or None)
    request = SampleRequest(config, read_seeds(sampler, seed, seeds_from, unknown), labels, filters)
    can_end = bool(config.until or config.lines or ends)
    is_endless = config.max_length(documents=ends) is None and not can_end
    if is_endless and (request.texts > 1 or config.best_of > 1 or output_format != "text"):
        raise click.UsageError(
            "--length 0 has no end: give a --length, or ask for one text, without --best-of and "
            "with --format text"
        )
    form = SampleFormat(output_format, show_seed=seed_text, separator=separator)
    SampleWriter(sampler, request, out, form).write_all()
