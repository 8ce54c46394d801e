"""Files, directories, pipes and standard input."""

import gzip
import os
import pickle
import sys
import threading
from pathlib import Path

import pytest

from tests.text.reading import file_source
from textgen.errors import CorpusError, UsageError
from textgen.settings import CorpusConfig
from textgen.text.reading import read_text
from textgen.text.sources import demo_source, find_sources


@pytest.mark.parametrize("name", ["-", "/dev/stdin", "pipe"])
def test_what_can_be_read_once_is_named_once(tmp_path, monkeypatch, name):
    receive, send = os.pipe()
    monkeypatch.setattr("sys.stdin", os.fdopen(receive))
    os.mkfifo(tmp_path / "pipe")
    if name == "/dev/stdin":
        name = f"/proc/self/fd/{receive}"
    pair = ["-", name] if name != "pipe" else [str(tmp_path / name)] * 2
    with pytest.raises(UsageError, match="twice"):
        find_sources(pair)
    os.close(send)


def test_directories_are_walked_in_order_without_hidden_files_and_our_own(tmp_path):
    for name in ("b.txt", "a.txt", "sub/c.md", ".hidden", ".git/x.txt", "model/big.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    (tmp_path / "model/manifest.json").write_text('{"textgen": "model directory"}')
    unfinished = tmp_path / "unfinished"  # a training that has not saved yet
    (unfinished / "cache").mkdir(parents=True)
    (unfinished / "checkpoint.npz").write_bytes(b"\xff")
    (unfinished / "cache/manifest.json").write_text('{"textgen": "prepared corpus"}')

    def names(*glob: str) -> list[str]:
        return [
            str(Path(source.name).relative_to(tmp_path))
            for source in find_sources([str(tmp_path)], glob or ("*",))
        ]

    assert names() == ["a.txt", "b.txt", "sub/c.md"]
    assert names("*.md") == ["sub/c.md"]
    assert names("*.md", "a*") == ["a.txt", "sub/c.md"]
    with pytest.raises(CorpusError, match=r"\*\.rst"):
        names("*.rst")


def test_missing_files_and_directories_that_cannot_be_read(tmp_path):
    with pytest.raises(CorpusError, match="nowhere.txt: No such file"):
        find_sources([str(tmp_path / "nowhere.txt")])


def test_one_text_needs_no_list(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a text")
    (source,) = find_sources(path)
    assert [source.name for source in find_sources(str(path))] == [source.name]
    assert find_sources(source) == [source]


def test_names_that_are_no_texts(tmp_path):
    with pytest.raises(CorpusError, match="empty"):
        find_sources([""])
    (tmp_path / "manifest.json").write_text('{"textgen": "model directory"}')
    with pytest.raises(CorpusError, match="model directory"):
        find_sources([str(tmp_path)])


def test_a_file_named_by_its_descriptor_is_one_that_other_processes_can_open(tmp_path):
    path = tmp_path / "text"
    path.write_text("a text")
    with path.open() as file:
        (source,) = find_sources([f"/dev/fd/{file.fileno()}"])
    with pickle.loads(pickle.dumps(source)).open() as stream:
        assert source.on_disk
        assert stream.read() == b"a text"
    with path.open() as file:
        path.unlink()
        (source,) = find_sources([f"/dev/fd/{file.fileno()}"])
        assert not source.on_disk and source.open().read() == b"a text"


def test_a_named_pipe_is_read_to_its_end(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(gzip.compress(b"through a pipe"),))
    writer.start()
    source = file_source(path)
    assert "".join(text for text, _ in read_text(source, CorpusConfig())) == "through a pipe"
    writer.join()
    assert source.modified is None  # so it is never taken for unchanged


def test_the_demo_corpus_is_a_text():
    source = demo_source()
    text = "".join(piece for piece, _ in read_text(source, CorpusConfig()))
    assert len(text) > 300_000 and "statement" in text


def test_a_python_without_the_demo_corpus_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(CorpusError, match="name a text file instead"):
        demo_source()
