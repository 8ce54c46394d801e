"""Tables become text in which the end of each document is marked, and the documents' labels."""

import re
from collections.abc import Iterable, Iterator

from textgen.settings import CorpusConfig
from textgen.text.documents.markers import DOCUMENT_END
from textgen.text.reading_report import ReadingReport
from textgen.text.tables.csv_tables import read_csv_rows
from textgen.text.tables.json_rows import read_json_rows
from textgen.text.tables.rows import BadRows, split_lines

_FORMATS = {"csv": "csv", "tsv": "tsv", "tab": "tsv", "jsonl": "jsonl", "ndjson": "jsonl"}
_ENDING = re.compile(r"\.(\w+)(\.(gz|bz2|xz))?\Z", re.IGNORECASE)


def table_format(name: str, config: CorpusConfig) -> str:
    """The format of a table, `csv`, `tsv` or `jsonl`; empty for other texts.

    Args:
        name: A file's name.
        config: The format of all files, unless it is `auto`.

    Example:
        >>> table_format("titles.csv.gz", CorpusConfig()), table_format("a.txt", CorpusConfig())
        ('csv', '')
    """
    if config.input_format != "auto":
        return "" if config.input_format == "text" else config.input_format
    match = _ENDING.search(name)
    return _FORMATS.get(match[1].lower(), "") if match else ""


class TableMarker:
    """Marks the documents in a table's text, and keeps their labels until they are taken.

    Args:
        name: The table's name.
        kind: Its format.
        config: Which columns are read, and how.
        report: Counts what is left out.
    """

    def __init__(self, name: str, kind: str, config: CorpusConfig, report: ReadingReport):
        self._name, self._kind, self._config, self._report = name, kind, config, report
        self._labels: list[list[str]] = [[] for _ in config.label]

    def __call__(self, blocks: Iterable[str]) -> Iterator[str]:
        texts = split_lines(blocks)
        if self._kind == "jsonl":
            bad_rows = BadRows(self._name, self._config, self._report)
            batches = read_json_rows(self._name, texts, self._config, bad_rows)
        else:
            batches = read_csv_rows(self._name, self._kind, texts, self._config, self._report)
        for batch in batches:
            for waiting, labels in zip(self._labels, batch.labels, strict=True):
                waiting += labels
            yield "".join([text + DOCUMENT_END for text in batch.texts])

    def take_labels(self, count: int) -> tuple[list[str], ...]:
        """The labels of the next documents, one list for each column."""
        taken = tuple(labels[:count] for labels in self._labels)
        for labels in self._labels:
            del labels[:count]
        return taken
