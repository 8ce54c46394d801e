"""What the documents of a corpus are, where the user leaves that open, and how it is described."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from textgen.errors import CorpusError, SettingsError
from textgen.settings import CorpusConfig, format_value
from textgen.text.documents.document_list import DocumentList
from textgen.text.documents.suggestions import suggest_for_file
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Source
from textgen.text.tables.marker import table_format

TABLE_SETTINGS = ("column", "label", "delimiter", "header", "bad_rows")  # need a table
_FEW, _LONG = 20, 200  # so few documents, of more characters on average, are not what lines are for


def resolve_documents(sources: Sequence[Source], config: CorpusConfig) -> CorpusConfig:
    """How a corpus is read, where its settings leave that open.

    Tables are read as a document for each row; several files as one for each file; a single file
    or stream as one continuous text.

    Args:
        sources: The sources of the corpus.
        config: How the user wants to read it.

    Returns:
        The settings with `documents` other than `auto`.

    Raises:
        SettingsError: settings that these sources, or other settings, exclude.

    Example:
        >>> from textgen.text.sources import demo_source
        >>> resolve_documents([demo_source()], CorpusConfig()).documents
        'none'
    """
    resolved = replace(config, documents=_find_mode(sources, config))
    if any(isinstance(source, DocumentList) for source in sources):
        return _resolve_lists(sources, resolved)
    if resolved.documents != "rows":
        default = CorpusConfig()
        for name in TABLE_SETTINGS:
            if getattr(config, name) != getattr(default, name):
                raise SettingsError(
                    name, f"is for tables; leave it out, or {_describe_remedy(sources, config)}"
                )
    if resolved.label_from:
        if resolved.documents == "none":
            raise SettingsError(
                "label_from", "is for documents; say what they are by --documents, such as lines"
            )
        check_label_from(sources)
    return resolved


def check_label_from(sources: Sequence[Source]) -> None:
    """Check that labels can be taken from the files or folders of documents.

    Raises:
        SettingsError: no source is a file.
    """
    if not any(source.on_disk for source in sources):
        raise SettingsError("label_from", "needs files, whose names and folders are labels")


def _find_mode(sources: Sequence[Source], config: CorpusConfig) -> str:
    """What a document is."""
    if config.documents not in ("auto", "rows"):
        return config.documents
    if config.separator:
        return "separator"
    tables = [bool(table_format(source.name, config)) for source in sources]
    if all(tables) or any(isinstance(source, DocumentList) for source in sources):
        return "rows"
    if any(tables) and (config.column or config.label):
        name = sources[tables.index(False)].name
        raise SettingsError(
            "column",
            f"is for tables, and {name} is none by its name; leave it out, or give --input-format",
        )
    return "files" if len(sources) > 1 else "none"


def _describe_remedy(sources: Sequence[Source], config: CorpusConfig) -> str:
    """What to do so that sources are read as tables."""
    if config.separator:
        return "leave out --separator"
    if config.documents not in ("auto", "rows"):
        return f"leave out --documents {config.documents}"
    if config.input_format == "text":
        return "give another --input-format"
    return f"give --input-format csv, tsv or jsonl if {_describe_names(sources)} is one"


def _resolve_lists(sources: Sequence[Source], config: CorpusConfig) -> CorpusConfig:
    """The settings for documents that are no files."""
    first = sources[0]
    if len(sources) > 1 or not isinstance(first, DocumentList):
        raise SettingsError("documents", "and corpora exclude each other; give one of them")
    default = CorpusConfig()
    for name in ("separator", "column", "label", "label_from", "delimiter", "header"):
        value = getattr(config, name)
        if value not in (getattr(default, name), first.label_names):
            raise SettingsError(name, "is for files, not for documents that Python code gives")
    return replace(config, documents="rows", label=first.label_names)


def check_found(report: ReadingReport, sources: Sequence[Source], config: CorpusConfig) -> None:
    """Check that the documents of a corpus were found where they were expected.

    Args:
        report: What reading found.
        sources: The sources of the corpus.
        config: How they were read.

    Raises:
        CorpusError: there is no separator, or no row has a text.
    """
    names = _describe_names(sources)
    if config.documents == "separator" and not report.separators:
        raise CorpusError(
            f"{names}: the separator {config.separator!r} never occurs; give another --separator "
            "(\\n is a line end), or another --documents"
        )
    if config.documents == "rows" and not report.documents and report.empty_documents:
        raise CorpusError(
            f"{names}: the column {config.column!r} is empty in all {report.empty_documents:,} "
            "rows; give another --column"
        )


def complete_report(
    report: ReadingReport,
    sources: Sequence[Source],
    config: CorpusConfig,
    resolved: CorpusConfig,
    characters: int,
) -> None:
    """Describe in a report how a corpus was read, and which other way would fit.

    Args:
        report: What reading found; `mode` and `suggestion` are set.
        sources: The sources of the corpus.
        config: How the user wanted to read them.
        resolved: How they were read.
        characters: How many characters they have.
    """
    report.mode = _describe_mode(report, sources, resolved)
    average = characters // max(report.documents, 1)
    if config.documents == "auto" and resolved.documents == "files":
        report.suggestion = _describe_tables(sources, config) or suggest_for_file(
            sources[0], resolved
        )
    elif resolved.documents == "lines" and report.documents < _FEW and average > _LONG:
        report.suggestion = (
            f"only {report.documents:,} lines, of {average:,} characters on average: without "
            "--documents lines they would be read as one continuous text"
        )
    elif config.documents != "auto" or resolved.documents != "none":
        report.suggestion = ""


def _describe_tables(sources: Sequence[Source], config: CorpusConfig) -> str:
    """That tables among other files are read as text, for people; empty without any."""
    tables = [source.name for source in sources if table_format(source.name, config)]
    if not tables:
        return ""
    named = f"{tables[0]} is a table, but"
    if len(tables) > 1:
        named = f"{len(tables):,} tables, such as {tables[0]}, are"
    return (
        f"{named} read as text like the other files; to read rows, give tables only, and --column"
    )


def _describe_mode(report: ReadingReport, sources: Sequence[Source], config: CorpusConfig) -> str:
    if config.documents == "none":
        return "one continuous text"
    names = _describe_names(sources)
    places = {
        "files": "files",
        "rows": f"rows of {names}, column {config.column}",
        "separator": f"between separators {config.separator!r} in {names}",
    }
    place = places.get(config.documents, f"{config.documents} of {names}")
    if isinstance(sources[0], DocumentList):
        place = "given by Python code"
    labels = [*config.label, *([config.label_from] if config.label_from else [])]
    if labels:
        place += f", {'label' if len(labels) == 1 else 'labels'} {format_value(tuple(labels))}"
    return f"{report.documents:,} document{'s' * (report.documents != 1)}: {place}"


def _describe_names(sources: Sequence[Source]) -> str:
    if len(sources) == 1:
        return "standard input" if sources[0].name == "-" else Path(sources[0].name).name
    return f"{len(sources):,} files"
