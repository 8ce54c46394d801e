"""A corpus becomes documents, whatever its pieces and blocks are."""

import gzip
import io
import unicodedata
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.text.documents.test_markers import paragraphs, separated
from tests.text.reading import TINY, file_source
from textgen.errors import CorpusError
from textgen.settings import CorpusConfig
from textgen.text.documents.reading import DOCUMENT_END, read_documents
from textgen.text.pieces import split_source
from textgen.text.reading import read_texts
from textgen.text.reading_report import ReadingReport
from textgen.text.sizes import READING_SIZES, ReadingSizes
from textgen.text.sources import Source, find_sources


def read(sources: Any, sizes: ReadingSizes = READING_SIZES, **config: Any) -> list[Any]:
    """All documents, with their labels if there are any."""
    blocks = list(read_documents(sources, CorpusConfig(**config), ReadingReport(), sizes))
    *documents, rest = "".join(block.text for block in blocks).split(DOCUMENT_END)
    assert rest == ""
    columns = zip(*(block.labels for block in blocks), strict=True)
    labels = [[*chain.from_iterable(column)] for column in columns]
    assert all(
        len(column) == block.text.count(DOCUMENT_END) for block in blocks for column in block.labels
    )
    return list(zip(documents, *labels, strict=True)) if labels else documents


def source_of(data: bytes) -> Source:
    return Source("it", partial(io.BytesIO, data), len(data))


@pytest.mark.parametrize("mode", ["lines", "paragraphs", "files", "%\n"])
@given(
    text=st.text(st.sampled_from("aΣςé\u0301\u0327 世한\u1100\u1161\n%"), max_size=40),
    size=st.integers(1, 12),
    options=st.sampled_from([{}, {"lowercase": True}, {"normalize": "NFKC", "lowercase": True}]),
)
@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_documents_do_not_depend_on_blocks_and_pieces(tmp_path, mode, text, size, options):
    path = tmp_path / "it"
    path.write_text(text, encoding="utf-8")
    expected = {
        "lines": text.removesuffix("\n").split("\n") if text else [],
        "paragraphs": paragraphs(text),
        "files": [text.rstrip("\n")],
        "%\n": separated(text, "%\n"),
    }[mode]
    chosen = {"documents": mode} if len(mode) > 2 else {"separator": mode, "documents": "separator"}
    config = CorpusConfig(**chosen, **options)
    results = [
        read(pieces, sizes, **chosen, **options)
        for pieces in ([file_source(path)], split_source(file_source(path), config, size))
        for sizes in (READING_SIZES, TINY)
    ]
    assert results.count(results[0]) == len(results)
    if options.get("normalize"):
        expected = [unicodedata.normalize("NFKC", document) for document in expected]
    if options:
        expected = [document.lower() for document in expected]
    if options.get("normalize"):
        expected = [unicodedata.normalize("NFKC", document) for document in expected]
    assert results[0] == expected


def test_each_file_ends_a_document():
    files = [source_of(data) for data in (b"a\nb", b"", b"c\r\n\r\n", gzip.compress(b"d\n\ne"))]
    assert read(files, documents="lines") == ["a", "b", "c", "", "d", "", "e"]
    assert read(files, documents="files") == ["a\nb", "", "c", "d\n\ne"]
    assert read(files, documents="paragraphs") == ["a\nb", "c", "d", "e"]
    lines = ["a", "b", "c", "", "d", "", "e"]
    assert read(files, TINY, separator="\n", documents="separator") == lines


def test_without_documents_it_is_the_text():
    files = [source_of(data) for data in (b"a\nb", b"c\r\n\r\n", gzip.compress(b"d\n\ne"))]
    blocks = read_documents(files, CorpusConfig(documents="none"))
    assert [(block.text, block.read) for block in blocks] == [*read_texts(files, CorpusConfig())]
    assert all(not block.labels for block in read_documents(files, CorpusConfig(documents="none")))


def test_separators_are_counted():
    report = ReadingReport()
    files = [source_of(b"a%b%c"), source_of(b"d%e")]
    config = CorpusConfig(documents="separator", separator="%")
    list(read_documents(files, config, report))
    assert report.separators == 3


def test_nul_separates_documents():  # as `find -print0` writes names
    assert read([source_of(b"a\nb\0c\0")], separator="\0", documents="separator") == ["a\nb", "c"]
    with pytest.raises(CorpusError, match="is NUL, which no text has"):
        read([source_of(b"a\0\nb\0")], separator="\0\n", documents="separator")


def test_bytes_are_counted_once(tmp_path):
    path = tmp_path / "it"
    path.write_bytes(b"one\ntwo\n\nthree" * 99)
    for mode in ("lines", "files", "paragraphs"):
        blocks = read_documents([file_source(path)], CorpusConfig(documents=mode), sizes=TINY)
        assert sum(block.read for block in blocks) == path.stat().st_size


def test_labels_from_the_names_of_files(tmp_path, monkeypatch):
    for name in ("keats/ode.txt", "shelley/cloud.v2.txt.gz", "top"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"one\ntwo\n")
    sources = [*find_sources(tmp_path), source_of(b"from a pipe")]
    assert read(sources, TINY, documents="lines", label_from="folder") == [
        *(("one", tmp_path.name), ("two", tmp_path.name), ("one", "keats"), ("two", "keats")),
        *(("one", "shelley"), ("two", "shelley"), ("from a pipe", "")),
    ]
    labels = [label for _, label in read(sources, documents="files", label_from="file")]
    assert labels == ["top", "ode", "cloud.v2", ""]
    monkeypatch.chdir(tmp_path / "keats")
    assert read(find_sources("ode.txt"), documents="files", label_from="folder") == [
        ("one\ntwo", "keats")
    ]
    assert Path("ode.txt").exists()


def test_names_without_spaces_can_be_normalized():
    names = source_of("한국\n".encode() * 300_000)
    assert len(read([names], documents="lines", normalize="NFC")) == 300_000
