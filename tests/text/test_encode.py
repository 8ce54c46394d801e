"""Texts become ids, in one process and in several."""

import bz2
import gzip
import hashlib
import json
import lzma
import os
import signal
import subprocess
import sys
import time
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.raising import raises_settings_error
from textgen.errors import CorpusError
from textgen.settings import WindowOptions
from textgen.storage import hashes
from textgen.text.prepare import Preparation, prepare, write_prepared
from textgen.text.prepared import open_prepared
from textgen.text.reading_report import ReadingReport
from textgen.text.sizes import WORK_SIZES, WorkSizes
from textgen.text.sources import find_sources

SMALL: WindowOptions = {"maxlen": 3, "step": 2, "validation": 0.25}
WORDS = (
    "Grüße ΑΣ Σ\u0301 e\u0301\u0327 世界 한\u1100\u1161\u11a8 İﬁ① 😀 ノ\uff9e\r\n"
    "Σ\n\r\n\r\u0301end of ｌine\n"
)


# Many tasks and parts, and processes for each.
SIZES = WorkSizes(task=700, part=500, file=100, read_per_process=1, encode_per_process=1)


@pytest.fixture
def small_blocks(monkeypatch):
    """Many blocks of the file of ids."""
    monkeypatch.setattr(hashes, "BLOCK_BYTES", 900)


def ignore(*_progress: object) -> None:
    pass


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def in_small_tasks(jobs: int, **settings: Any) -> Preparation:
    settings = {"documents": "none", **settings}
    return replace(Preparation.build(settings, SMALL), sizes=replace(SIZES, jobs=jobs))


def prepared_by(jobs: int, corpora, tmp_path: Path, **settings) -> dict[str, bytes]:
    reports = []
    write_prepared(
        [str(path) for path in corpora],
        tmp_path / f"by {jobs}",
        in_small_tasks(jobs, **settings),
        lambda *report: reports.append(report),
    )
    size = sum(path.stat().st_size for path in corpora)
    read = [done for stage, done, total in reports if (stage, total) == ("read", size)]
    assert read == sorted(read) and read[-1] == size
    assert reports[-1][0] == "encode" and reports[-1][1] == reports[-1][2]
    return content(tmp_path / f"by {jobs}")


def expected(text: str, form: Any = None, lower: bool = False) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if form is not None:
        text = unicodedata.normalize(form, text)
    if lower:
        text = text.lower()
        text = unicodedata.normalize(form, text) if form else text
    return text


@pytest.mark.parametrize(
    ("settings", "expected_text"),
    [
        ({}, expected(WORDS * 60)),
        ({"lowercase": True}, expected(WORDS * 60, lower=True)),
        ({"normalize": "NFC"}, expected(WORDS * 60, "NFC")),
        ({"normalize": "NFKC", "lowercase": True}, expected(WORDS * 60, "NFKC", lower=True)),
    ],
)
def test_any_number_of_jobs_makes_the_same(tmp_path, small_blocks, settings, expected_text):
    path = tmp_path / "it.txt"
    path.write_bytes((WORDS * 60).encode())
    by_1, by_2, by_3 = (prepared_by(jobs, [path], tmp_path, **settings) for jobs in (1, 2, 3))
    assert by_1 == by_2 == by_3
    characters = json.loads(by_1["vocabulary.json"])["characters"]
    assert characters == "".join(sorted(set(expected_text)))
    entry = json.loads(by_1["manifest.json"])["files"]["ids.npy"]
    blocks = [by_1["ids.npy"][first : first + 900] for first in range(0, len(by_1["ids.npy"]), 900)]
    assert entry["blocks"] == [hashlib.sha256(block).hexdigest() for block in blocks]
    assert len(blocks) > 3 and open_prepared(tmp_path / "by 1").digest
    ids = np.load(tmp_path / "by 2/ids.npy")
    assert "".join(characters[number] for number in ids) == expected_text


def test_ids_of_several_types_rare_characters_and_many_files(tmp_path, small_blocks):
    """Later files have so many characters that numbers need more bytes."""
    texts = ["plain text\n" * 90, "".join(map(chr, range(0x4E00, 0x4E00 + 300))) * 4 + "\n"]
    texts += [f"short {number}\n" for number in range(150)] + ["", "x" * 5000, "\ufeffmarked\n"]
    folder = tmp_path / "texts"
    folder.mkdir()
    paths = [folder / f"{number:03}" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    packers: Any = (gzip.compress, bz2.compress, lzma.compress)
    for n, pack in enumerate(packers):
        paths.append(folder / f"packed {n}")
        paths[-1].write_bytes(pack(WORDS.encode() * 40))
    by_1, by_2, by_3 = (prepared_by(jobs, paths, tmp_path, min_count=4) for jobs in (1, 2, 3))
    assert by_1 == by_2 == by_3
    whole = "".join(texts).replace("x\ufeff", "x\n") + expected(WORDS) * 40 * 3
    common = "".join(sorted(c for c in set(whole) if whole.count(c) >= 4))
    assert json.loads(by_1["vocabulary.json"]) == {"characters": common, "has_unknown": True}
    numbers = {character: number for number, character in enumerate(common)}
    ids = np.load(tmp_path / "by 3/ids.npy")
    assert ids.dtype == np.uint16
    assert ids.tolist() == [numbers.get(c, len(common)) for c in whole]


JOINED = [
    [b"line in a", b"line in b", b"line in c"],
    [b"", b"a" * 3000, b"", b"b\n" * 700, b"c"] + [b"d %d" % n for n in range(40)] + [b"", b""],
    [b"a\n", b"b" * 800, b"\xef\xbb\xbf" + b"c\n\xef\xbb\xbf" * 300, b""],
    [gzip.compress(b"a" * 2000), "é\n".encode() * 500 + b"end", bz2.compress(b"b")],
    [b"no line end" * 200],
]


@pytest.mark.parametrize("files", JOINED)
def test_line_ends_between_files_do_not_depend_on_the_number_of_jobs(tmp_path, small_blocks, files):
    paths = [tmp_path / f"{number:03}.txt" for number in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    by_1, by_2, by_3 = (prepared_by(jobs, paths, tmp_path) for jobs in (1, 2, 3))
    assert by_1 == by_2 == by_3
    corpus = open_prepared(tmp_path / "by 2")
    packers: Any = {b"\x1f": gzip, b"B": bz2}
    unpacked = [
        packers[data[:1]].decompress(data) if data[:1] in packers else data for data in files
    ]
    texts = [data.decode().replace("\ufeff", "") for data in unpacked]
    texts = [text for text in texts if text]
    added = sum(not text.endswith("\n") for text in texts[:-1])
    ended = [text if text.endswith("\n") else f"{text}\n" for text in texts[:-1]]
    assert corpus.vocabulary.decode(corpus.ids) == "".join([*ended, texts[-1]])
    assert corpus.reading.line_ends_added == added
    assert corpus.reading.encodings == {"utf-8": sum(map(bool, files))}
    assert corpus.summary()["reading"] == corpus.reading.to_json()


def test_what_is_changed_does_not_depend_on_the_number_of_jobs(tmp_path, small_blocks):
    large = ("Le café était fermé; l’été dernier.\n" * 90).encode("cp1252")
    files = [large, large.replace(b"\n", b" "), "世界\n".encode() * 400 + b"\xff", b"a\n" * 2000]
    files.append(b"ascii\n" * 400 + "Hélène a préféré rester à la maison.\n".encode("cp1252") * 90)
    paths = [tmp_path / f"{number}.txt" for number in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    settings = {"encoding": "auto", "decoding_errors": "replace"}
    by_1, by_2, by_3 = (prepared_by(jobs, paths, tmp_path, **settings) for jobs in (1, 2, 3))
    assert by_1 == by_2 == by_3
    corpus = open_prepared(tmp_path / "by 3")
    assert corpus.reading == ReadingReport(
        {"cp1252": 3, "utf-8": 2},
        line_ends_added=2,
        undecodable_replaced=1,
        mode="one continuous text",
    )
    text = corpus.vocabulary.decode(corpus.ids)
    encodings, ends = ("cp1252", "cp1252", "utf-8", "utf-8", "cp1252"), ("", "\n", "\n", "", "")
    read = (data.decode(name, "replace") for data, name in zip(files, encodings, strict=True))
    assert text == "".join(map("".join, zip(read, ends, strict=True)))


@pytest.mark.parametrize("encoding", ["latin-1", "gb18030", "utf-16", "utf-8-sig"])
def test_other_encodings(tmp_path, small_blocks, encoding):
    text = "eine Zeile mit ü\r\n" * 300 if encoding == "latin-1" else WORDS * 60
    path = tmp_path / "it.txt"
    path.write_bytes(text.encode(encoding))
    by_1, by_2 = (prepared_by(jobs, [path], tmp_path, encoding=encoding) for jobs in (1, 2))
    assert by_1 == by_2
    assert len(np.load(tmp_path / "by 1/ids.npy")) == len(expected(text))


@pytest.mark.parametrize("jobs", [1, 2, 3])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (b"\xff", "bad.txt: byte 0xff at offset 2003 is not utf-8"),
        (b"\0", "bad.txt: byte 0x00 at offset 2003 is NUL"),
    ],
)
def test_the_first_error_is_raised_whatever_comes_later(tmp_path, small_blocks, jobs, bad, message):
    good, path, later = (tmp_path / name for name in ("good.txt", "bad.txt", "later.txt"))
    good.write_text("good\n" * 100)
    path.write_bytes(b"fine\n" * 400 + b"abc" + bad + b"\n" + b"more\n" * 400 + b"\xfe\n")
    later.write_bytes(b"\xfd")
    with pytest.raises(CorpusError) as caught:
        write_prepared([good, path, later], tmp_path / "p", in_small_tasks(jobs), ignore)
    assert str(caught.value).startswith(str(tmp_path / message))
    assert sorted(os.listdir(tmp_path)) == ["bad.txt", "good.txt", "later.txt"]


def test_a_file_that_goes_away_is_named(tmp_path):
    paths = [tmp_path / f"{number}.txt" for number in range(3)]
    for path in paths:
        path.write_text("some text\n" * 200)

    sources = find_sources(paths)
    paths[1].unlink()
    with pytest.raises(CorpusError, match="1.txt: No such file or directory"):
        write_prepared(sources, tmp_path / "p", in_small_tasks(2), ignore)
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("jobs", [0, -1, 1.5, True])
def test_a_number_of_jobs_is_one_or_more(tmp_path, jobs):
    with raises_settings_error("jobs"):
        prepare([str(tmp_path)], tmp_path / "p", jobs=jobs)


def test_small_texts_start_no_process(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    path = tmp_path / "it.txt"
    path.write_text("some text\n" * 1000)
    prepare([str(path)], tmp_path / "p", jobs=16, **SMALL)


@pytest.fixture
def preparing(tmp_path):
    """The program while it reads two files without end, and its worker processes."""
    for name in ("a.gz", "b.gz"):
        member = gzip.compress(b"some line\n" * 1_000_000)
        (tmp_path / name).write_bytes(member * (WORK_SIZES.read_per_process // len(member) + 1))
    process = subprocess.Popen(
        [sys.executable, "-m", "textgen", "prepare", "a.gz", "b.gz", "-o", "p", "--jobs", "2"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))},
    )
    while len(list(tmp_path.glob(".p.*/parts/*-*"))) < 2 and process.poll() is None:
        time.sleep(0.02)
    helpers = psutil.Process(process.pid).children()
    yield process, helpers
    process.kill()
    process.wait()


def nothing_is_left(tmp_path, helpers) -> bool:
    assert len(helpers) == 2
    _, alive = psutil.wait_procs(helpers, timeout=30)
    return alive == [] and sorted(os.listdir(tmp_path)) == ["a.gz", "b.gz"]


def test_ctrl_c_ends_all_processes_and_leaves_nothing(tmp_path, preparing):
    process, helpers = preparing
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert (process.returncode, message.strip()) == (130, "")
    assert nothing_is_left(tmp_path, helpers)


def test_a_process_that_the_system_kills_is_an_error_of_one_line(tmp_path, preparing):
    process, helpers = preparing
    helpers[0].kill()
    _, message = process.communicate(timeout=60)
    assert process.returncode == 1 and message.count("\n") == 1
    assert "was ended (SIGKILL), perhaps because memory ran out; give fewer --jobs" in message
    assert nothing_is_left(tmp_path, helpers)
