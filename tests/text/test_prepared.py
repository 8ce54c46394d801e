"""The prepared corpus on disk."""

import io
import json
import os
import re
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen import storage
from textgen.errors import CorpusError, OutputError, PreparedError
from textgen.settings import CorpusConfig, WindowConfig, WindowOptions
from textgen.storage import hashes
from textgen.text.one_hot import encode_one_hot
from textgen.text.prepare import prepare
from textgen.text.prepared import PREPARED_KIND, is_up_to_date, open_prepared
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Source, find_sources
from textgen.text.windows import Windows

SMALL: WindowOptions = {"maxlen": 3, "step": 2, "validation": 0.25}


def source(text: str, name: str = "it") -> Source:
    data = text.encode()
    return Source(name, lambda: io.BytesIO(data), len(data), modified=1)


def is_current(path: Path, sources: list[Source], **settings: Any) -> bool:
    corpus = CorpusConfig(**{"documents": "none", **settings})
    return is_up_to_date(path, sources, corpus, WindowConfig(**SMALL))


def test_ids_vocabulary_split_and_summary(tmp_path):
    prepared = prepare([source("abcabcabca" * 4)], tmp_path / "p", **SMALL)
    assert prepared.vocabulary.decode(prepared.ids) == "abcabcabca" * 4
    assert prepared.ids.dtype == np.uint8 and isinstance(prepared.ids, np.memmap)
    train, validation = prepared.split(0.25)
    assert (len(train), len(validation)) == (30, 10)
    summary = prepared.summary()
    assert summary["characters"] == 40 and summary["vocabulary"] == "abc"
    # No window crosses the cut: each part has its own.
    assert (summary["training_windows"], summary["validation_windows"]) == (14, 4)
    assert sorted(summary["files"]) == sorted(os.listdir(tmp_path / "p"))


def test_np_load_opens_the_ids(tmp_path):
    prepare([source("hello there\n" * 9)], tmp_path / "p", **SMALL)
    ids = np.load(tmp_path / "p/ids.npy", mmap_mode="r")
    assert ids.shape == (108,)


@pytest.mark.parametrize(("distinct", "dtype"), [(256, "u1"), (257, "u2"), (65_537, "u4")])
def test_ids_grow_as_wide_as_the_vocabulary_needs(tmp_path, monkeypatch, distinct, dtype):
    monkeypatch.setattr(hashes, "BLOCK_BYTES", 4096)
    codes = [
        code
        for code in range(1, distinct + 2100)
        if not 0xD800 <= code < 0xE000 and code not in (13, 0xFEFF)
    ]
    text = "".join(map(chr, codes[:distinct])) * 2
    prepared = prepare([source(text)], tmp_path / "p", **SMALL)
    assert prepared.ids.dtype == np.dtype(dtype)
    assert prepared.vocabulary.decode(prepared.ids) == text
    assert open_prepared(tmp_path / "p").ids.dtype == np.dtype(dtype)


@given(
    st.lists(st.text("abcdef\n", max_size=40), min_size=1, max_size=4),
    st.integers(1, 4),
    st.integers(1, 5),
    st.sampled_from(["last", "sequence"]),
    st.sampled_from([0.0, 0.5]),
)
def test_tensors_on_disk_are_those_of_all_windows(
    tmp_path_factory, pieces, maxlen, step, targets, validation
):
    directory = tmp_path_factory.mktemp("one-hot") / "p"
    try:
        prepared = prepare(
            [source(piece, str(n)) for n, piece in enumerate(pieces)],
            directory,
            maxlen=maxlen,
            step=step,
            targets=targets,
            validation=validation,
            one_hot=True,
            documents="none",
        )
    except CorpusError:  # too short, or of one character: nothing may be left behind
        assert os.listdir(directory.parent) == []
        return
    size = prepared.vocabulary.size
    for suffix, ids in zip(("", "_validation"), prepared.split(validation), strict=True):
        if not len(ids):
            assert not (directory / f"X{suffix}.npy").exists()
            continue
        x = np.load(directory / f"X{suffix}.npy", mmap_mode="r")
        y = np.load(directory / f"y{suffix}.npy", mmap_mode="r")
        cut = Windows(ids, maxlen, step, targets)
        x_ids, y_ids = cut.take(np.arange(len(cut)))
        assert x.dtype == y.dtype == np.bool_
        np.testing.assert_array_equal(x, encode_one_hot(x_ids, size))
        np.testing.assert_array_equal(y, encode_one_hot(y_ids, size))


def test_tensors_that_do_not_fit_on_the_disk_are_refused_beforehand(tmp_path, monkeypatch):
    usage = shutil._ntuple_diskusage(10**9, 10**9 - 5000, 5000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(OutputError, match="the disk has 5,000 free"):
        prepare([source("some text " * 200)], tmp_path / "p", one_hot=True, **SMALL)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "windows", "message"),
    [
        ("", SMALL, "the corpus is empty"),
        ("a", SMALL, "one distinct character"),
        ("aaaa" * 50, SMALL, "one distinct character \\('a'\\)"),
        ("abc", SMALL, "has 3 characters and needs 4 in the training part .a window of --maxlen 3"),
        (
            "abc" * 4,
            {"maxlen": 40},
            "41 in the training.*41 in the validation.*401 charac",
        ),
        ("abcd" * 3, {"maxlen": 3}, "4 in the validation.*or add --maxlen 1 or --valida"),
    ],
)
def test_too_little_text_is_refused_and_nothing_left_behind(tmp_path, text, windows, message):
    with pytest.raises(CorpusError, match=message):
        prepare([source(text)], tmp_path / "p", **windows)
    assert os.listdir(tmp_path) == []


def test_min_count_reserves_one_id(tmp_path):
    prepared = prepare([source("aabb" * 20 + "xyz")], tmp_path / "p", min_count=2, **SMALL)
    assert prepared.vocabulary.characters == "ab" and prepared.vocabulary.unknown_id == 2
    assert prepared.unknown == 3 and prepared.ids[-3:].tolist() == [2, 2, 2]
    assert open_prepared(tmp_path / "p").vocabulary == prepared.vocabulary


def length_error(text: str, folder: Path, **windows: Any) -> str:
    try:
        prepare([source(text)], folder / "p", **windows)
    except CorpusError as error:
        return str(error)
    shutil.rmtree(folder / "p")
    return ""


@pytest.mark.parametrize("characters", [2, 3, 5, 30, 50, 100, 300, 400])
@pytest.mark.parametrize("windows", [{}, {"validation": 0.5}, {"validation": 0.0}, {"maxlen": 9}])
def test_the_message_for_a_short_text_has_every_remedy(tmp_path, characters, windows):
    """Every option that it names is enough, and so is the length."""
    text = "ab" * 5000
    if not (message := length_error(text[:characters], tmp_path, **windows)):
        return
    assert message.startswith(f"the text is too short: it has {characters} characters and needs")
    needed = re.search(r"give a text of ([\d,]+) characters or more", message)
    assert needed is not None
    enough = int(needed[1].replace(",", ""))
    assert not length_error(text[:enough], tmp_path, **windows)
    assert length_error(text[: enough - 1], tmp_path, **windows)
    _, _, advice = message.partition(", or add ")
    assert advice
    for remedy in advice.split(" or "):
        options = dict(re.findall(r"--(\w+) ([\d.]+)", remedy))
        chosen = {name: (float if "." in value else int)(value) for name, value in options.items()}
        assert chosen and not length_error(text[:characters], tmp_path, **{**windows, **chosen})


def test_files_are_joined_as_they_are(tmp_path):
    files = [source("one\n" * 9, "1"), source("two" * 9, "2")]
    prepared = prepare(files, tmp_path / "p", documents="none", **SMALL)
    assert prepared.vocabulary.decode(prepared.ids) == "one\n" * 9 + "two" * 9
    assert prepared.reading.line_ends_added == 0
    prepared = prepare(files[::-1], tmp_path / "q", documents="none", **SMALL)
    assert prepared.vocabulary.decode(prepared.ids) == "two" * 9 + "\n" + "one\n" * 9
    assert prepared.reading.line_ends_added == 1


def test_a_corpus_of_version_0_1_0_has_no_report_of_its_reading(tmp_path):
    released = Path(__file__).parents[1] / "released/0.1.0/prepared"
    assert open_prepared(released).reading == ReadingReport()
    # That version joined files without a final line end, so its cache is read again.
    text = source("some text " * 20)
    prepare([text], tmp_path / "p", **SMALL)
    path = tmp_path / "p/prepared.json"
    settings = json.loads(path.read_text())
    del settings["reading"]
    path.write_text(json.dumps(settings))
    assert not is_current(tmp_path / "p", [text])


@pytest.mark.parametrize("name", ["ids.npy", "vocabulary.json", "prepared.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "edited"])
def test_damaged_directories_are_refused(tmp_path, name, damage):
    prepare([source("some text " * 20)], tmp_path / "p", **SMALL)
    path = tmp_path / "p" / name
    data = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(data[:-7])
    else:
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    with pytest.raises(PreparedError, match="textgen prepare"):
        open_prepared(tmp_path / "p")


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("prepared.json", lambda data: data.pop("windows"), "windows is missing"),
        ("prepared.json", lambda data: data.pop("corpus"), "corpus is missing"),
        ("prepared.json", lambda data: data.pop("sources"), "sources is missing"),
        ("prepared.json", lambda data: data.update(unknown="1"), "unknown "),
        ("prepared.json", lambda data: data.update(reading=[]), "reading "),
        ("prepared.json", lambda data: data["reading"].update(encodings=1), "encodings "),
        ("prepared.json", lambda data: data["windows"].pop("maxlen"), "maxlen is missing"),
        ("vocabulary.json", lambda data: data.pop("characters"), "characters is missing"),
        ("vocabulary.json", lambda data: data.update(characters="ab"), None),
    ],
)
def test_a_damaged_file_is_named_with_its_problem(tmp_path, name, change, problem):
    directory = tmp_path / "p"
    prepare([source("some text " * 20)], directory, **SMALL)
    content = json.loads((directory / name).read_text())
    change(content)
    (directory / name).write_text(json.dumps(content))
    entries = storage.read_manifest(directory, PREPARED_KIND)
    entries[name] = storage.describe_file(directory / name)
    storage.write_manifest(directory, PREPARED_KIND, entries)
    # Another vocabulary is noticed by the ids that it does not have.
    message = rf"{name}: damaged \({problem}" if problem else r"ids\.npy: ids that the vocabulary"
    with pytest.raises(PreparedError, match=message + ".*make it again with `textgen prepare`$"):
        open_prepared(directory)


def test_parts_of_the_ids_are_checked_by_themselves(tmp_path, monkeypatch):
    monkeypatch.setattr(hashes, "BLOCK_BYTES", 1000)
    prepared = prepare([source("abcabcabca" * 500)], tmp_path / "p", **SMALL)
    prepared.verify([slice(0, 5000)])
    path = tmp_path / "p/ids.npy"
    content = bytearray(path.read_bytes())
    content[3500] ^= 1
    path.write_bytes(content)
    with pytest.raises(PreparedError, match=r"ids.npy: changed after it was written"):
        open_prepared(tmp_path / "p")
    corpus = open_prepared(tmp_path / "p", check=False)
    corpus.verify([slice(0, 2000), slice(4000, 5000)])
    for part in (slice(2000, 3000), slice(3600, 3601)):  # in the same block
        with pytest.raises(PreparedError, match=r"changed after it was written.*make it again"):
            corpus.verify([part])
    manifest = tmp_path / "p/manifest.json"
    written = json.loads(manifest.read_bytes())
    false: list[object] = [written["files"]["ids.npy"]["blocks"][1:], [1] * 6, "a", {}]
    for blocks in false:
        written["files"]["ids.npy"]["blocks"] = blocks
        manifest.write_text(json.dumps(written))
        with pytest.raises(PreparedError, match="missing or damaged"):
            open_prepared(tmp_path / "p", check=False)


def test_another_version_is_refused(tmp_path):
    prepare([source("some text " * 20)], tmp_path / "p", **SMALL)
    path = tmp_path / "p/manifest.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 99'))
    with pytest.raises(PreparedError, match="another version of textgen"):
        open_prepared(tmp_path / "p")


def test_unchanged_knows_sources_and_settings(tmp_path):
    first, second = source("some text " * 20), source("some text " * 20, "other")
    prepare([first], tmp_path / "p", **SMALL)
    assert is_current(tmp_path / "p", [first])
    assert not is_current(tmp_path / "p", [second])
    assert not is_current(tmp_path / "p", [first, second])
    assert not is_current(tmp_path / "p", [first], lowercase=True)
    assert not is_current(tmp_path / "nowhere", [first])
    piped = Source("-", lambda: io.BytesIO(b"some text " * 20))
    prepare([piped], tmp_path / "q", **SMALL)
    assert not is_current(tmp_path / "q", [piped])  # nobody knows


@pytest.mark.parametrize("size", [100, 1 << 20, 5_000_000])
@pytest.mark.parametrize("place", ["start", "middle", "end"])
def test_a_change_that_leaves_name_size_and_time_is_noticed(tmp_path, size, place):
    """As `cp -p` and `rsync -t` may make it."""
    path = tmp_path / "corpus.txt"
    content = bytearray(b"some text\n" * (size // 10))
    path.write_bytes(content)
    size, status = len(content), path.stat()
    prepare([path], tmp_path / "p", **SMALL)
    assert is_current(tmp_path / "p", find_sources([path]))
    begin = {"start": 0, "middle": size // 2, "end": size - 1}[place]
    content[begin : begin + size // 10 + 1] = b"x" * len(content[begin : begin + size // 10 + 1])
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    assert not is_current(tmp_path / "p", find_sources([path]))


def test_a_text_whose_hash_nobody_recorded_counts_as_changed(tmp_path):
    """As in what version 0.1.0 wrote."""
    text = source("some text " * 20)
    prepare([text], tmp_path / "p", **SMALL)
    path = tmp_path / "p/prepared.json"
    settings = json.loads(path.read_bytes())
    assert len(settings["sources"][0].pop("sha256")) == 64
    path.write_text(json.dumps(settings))
    assert not is_current(tmp_path / "p", [text])


def test_a_reader_never_mixes_two_prepared_corpora(tmp_path):
    """One opens it while others take its place."""
    texts = ["abcd" * 50, "wxyz" * 70]
    for number, text in enumerate(texts):
        prepare([source(text)], tmp_path / str(number), **SMALL)
    shutil.copytree(tmp_path / "0", tmp_path / "p")
    ended = threading.Event()

    def replace():
        while not ended.is_set():
            for number in (1, 0):
                shutil.copytree(tmp_path / str(number), tmp_path / "next")
                storage.replace_directory(tmp_path / "next", tmp_path / "p")

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        seen = set()
        until = time.monotonic() + 2
        while time.monotonic() < until:
            corpus = open_prepared(tmp_path / "p", check=False)
            seen.add(corpus.vocabulary.decode(corpus.ids))
    finally:
        ended.set()
        thread.join()
    assert seen == set(texts)


def test_settings_are_recorded(tmp_path):
    prepared = prepare([source("AbCd" * 30)], tmp_path / "p", lowercase=True, **SMALL)
    settings = json.loads((tmp_path / "p/prepared.json").read_text())
    assert settings["windows"]["maxlen"] == 3 and settings["corpus"]["lowercase"] is True
    assert open_prepared(tmp_path / "p").windows == WindowConfig(**SMALL)
    assert prepared.vocabulary.characters == "abcd"


@pytest.mark.parametrize("targets", ["last", "sequence"])
def test_tensors_of_documents(tmp_path, targets):
    lines = [f"line {number}" for number in range(30)]
    prepared = prepare(
        [source("\n".join(lines))],
        tmp_path / "p",
        documents="lines",
        one_hot=True,
        maxlen=4,
        step=1,
        targets=targets,
        validation=0.2,
        test=0.1,
    )
    summary = prepared.summary()
    for suffix, count in (("", 21), ("_validation", 6), ("_test", 3)):
        x, y = (np.load(tmp_path / f"p/{name}{suffix}.npy") for name in "Xy")
        assert len(x) == len(y) >= count * 7 and x.shape[2] == prepared.vocabulary.size
        if suffix != "_test":
            assert len(x) == summary[f"{suffix[1:] or 'training'}_windows"]
    # The first window of a part is read from the document end before it, after zeros.
    end = prepared.vocabulary.document_end_id
    assert not x[0, :3].any() and x[0, 3].argmax() == end and x[0, 3].sum() == 1


def test_a_continuous_text_has_a_part_for_the_test(tmp_path):
    text = "".join(f"line {number}\n" for number in range(100))
    shares: WindowOptions = {**SMALL, "validation": 0.1, "test": 0.2}
    prepared = prepare([source(text)], tmp_path / "p", **shares)
    parts = (*prepared.split(0.1), prepared.test)
    decoded = [prepared.vocabulary.decode(part) for part in parts]
    assert "".join(decoded) == text
    assert [round(len(part) / len(text), 2) for part in decoded] == [0.7, 0.1, 0.2]
    # What is for the test does not depend on the validation share.
    assert [len(part) for part in prepared.split(0.0)] == [len(text) - len(decoded[2]), 0]
    assert prepared.summary()["test_characters"] == len(decoded[2])
    files = [source(text)]
    assert not is_current(tmp_path / "p", files)
    windows = WindowConfig(test=0.2)
    assert is_up_to_date(tmp_path / "p", files, CorpusConfig(documents="none"), windows)


@pytest.mark.parametrize("characters", [20, 50, 100])
@pytest.mark.parametrize("windows", [{"test": 0.3}, {"test": 0.8}, {"maxlen": 9, "test": 0.1}])
def test_the_message_for_a_short_text_with_a_test_has_every_remedy(tmp_path, characters, windows):
    test_the_message_for_a_short_text_has_every_remedy(tmp_path, characters, windows)


def test_documents_are_current_only_with_the_same_shares(tmp_path):
    files = [source("\n".join(f"line {number}" for number in range(99)))]
    prepare(files, tmp_path / "p", documents="lines", **SMALL)
    assert is_current(tmp_path / "p", files, documents="lines")
    assert not is_current(tmp_path / "p", files)
    lines = CorpusConfig(documents="lines")
    for windows in (WindowConfig(validation=0.1), WindowConfig(validation=0.25, test=0.1)):
        assert not is_up_to_date(tmp_path / "p", files, lines, windows)
