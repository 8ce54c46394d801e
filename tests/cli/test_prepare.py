"""`textgen prepare`, and training on what it writes."""

import json
import shutil
from pathlib import Path

import numpy as np

import textgen as package

QUICK = [
    "--units",
    "8",
    "--embedding",
    "4",
    "--maxlen",
    "10",
    "--batch-size",
    "16",
    "--epochs",
    "1",
]


def test_settings_of_a_prepared_corpus_are_recorded_in_the_model(textgen, corpus, tmp_path):
    prepared = textgen(
        "prepare", corpus, "-o", "p", "--maxlen", 12, "--targets", "last", "--format", "json"
    )
    assert prepared.returncode == 0, prepared.stderr
    summary = json.loads(prepared.stdout)
    assert summary["maxlen"] == 12 and summary["vocabulary_size"] == len(summary["vocabulary"])
    done = textgen("train", "p", "--units", "6,5", "--epochs", 1, "--model", "m", "--device", "cpu")
    assert done.returncode == 0 and done.stdout == ""
    assert "windows of 12 characters, targets last" in done.stderr
    settings = json.loads((tmp_path / "m/settings.json").read_text())
    assert settings["model"]["units"] == [6, 5] and settings["windows"]["maxlen"] == 12
    assert settings["command"][:2] == ["train", "p"]
    assert settings["versions"]["textgen"] == package.__version__
    sampled = textgen("sample", TEXTGEN_MODEL="m")
    assert sampled.returncode == 0 and sampled.stdout.endswith("\n")


def test_an_option_counts_also_where_it_is_the_default(textgen, corpus, tmp_path):
    read = ("--encoding", "latin-1", "--maxlen", 40, "--validation", 0.1)
    assert textgen("prepare", corpus, "-o", "p", *read).returncode == 0
    chosen = json.loads((tmp_path / "p/prepared.json").read_bytes())["chosen"]
    assert chosen == ["encoding", "maxlen", "validation"]
    done = textgen("train", "p", "--encoding", "utf-8", "--model", "m")
    assert done.returncode == 2 and not (tmp_path / "m").exists()
    assert done.stderr.splitlines()[-1] == (
        "textgen: error: p: is prepared already, with encoding latin-1; to read its text another "
        "way, prepare it again"
    )
    unfinished = Path(__file__).parents[1] / "released/0.1.0/unfinished"
    shutil.copytree(unfinished, tmp_path / "m")
    done = textgen("train", "--resume", "--encoding", "utf-8", "--model", "m")
    assert done.returncode == 2 and "resumed as it was started" in done.stderr


def test_summary_of_prepare(textgen, corpus):
    done = textgen("prepare", corpus, "-o", "p", "--one-hot", "--min-count", "50")
    assert done.returncode == 0 and done.stdout == ""
    for word in ("one-hot tensors: ", "vocabulary", "share one id", "X.npy", "ids.npy"):
        assert word in done.stderr


def test_the_demo_corpus(textgen):
    done = textgen("prepare", "--demo", "-o", "p", "--format", "json")
    assert json.loads(done.stdout)["characters"] > 300_000


def test_prepared_corpora_that_are_not_in_order(textgen, corpus, tmp_path):
    assert textgen("prepare", corpus, "-o", "p").returncode == 0
    again = textgen("prepare", corpus, "-o", "p")
    assert again.returncode == 1 and "p: exists" in again.stderr and "--force" in again.stderr
    assert textgen("prepare", corpus, "-o", "p", "--force").returncode == 0
    ids = tmp_path / "p/ids.npy"
    whole = ids.read_bytes()
    for damaged in (whole[:-5], whole[:-1] + b"\1"):
        ids.write_bytes(damaged)
        done = textgen("train", "p")
        assert done.returncode == 1 and "p/ids.npy" in done.stderr
        assert "make it again with `textgen prepare`" in done.stderr
    ids.write_bytes(whole)
    manifest = tmp_path / "p/manifest.json"
    manifest.write_text(manifest.read_text().replace('"version": 1', '"version": 2'))
    done = textgen("train", "p")
    assert done.returncode == 1 and "another version of textgen" in done.stderr
    assert not (tmp_path / "textgen-model").exists()


def test_one_hot_files_open_with_numpy(textgen, corpus, tmp_path, text):
    done = textgen("prepare", corpus, "-o", "p", "--one-hot", "--maxlen", 9, "--targets", "last")
    assert done.returncode == 0
    x = np.load(tmp_path / "p/X.npy", mmap_mode="r")
    y = np.load(tmp_path / "p/y.npy", mmap_mode="r")
    characters = sorted(set(text))
    assert x.dtype == y.dtype == np.bool_ and x.shape[1:] == (9, len(characters))
    decoded = "".join(characters[vector.argmax()] for vector in (*x[5], y[5]))
    assert decoded == text[15:25]
