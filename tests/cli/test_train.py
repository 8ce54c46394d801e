"""`textgen train` with JSON lines, quiet, and with logs for TensorBoard."""

import json

QUICK = ("--units", "8", "--embedding", "4", "--maxlen", "10", "--batch-size", "16")


def test_a_training_as_json(textgen, corpus):
    done = textgen("train", corpus, *QUICK, "--epochs", 2, "--log-format", "json")
    assert done.returncode == 0 and done.stdout == ""
    everything = [json.loads(line) for line in done.stderr.splitlines()]
    records = [
        record for record in everything if record["event"] not in ("progress", "early_sample")
    ]
    early = [record for record in everything if record["event"] == "early_sample"]
    assert early and all(record["epoch"] < 1 and record["text"] for record in early)
    names = [record["event"] for record in records]
    assert names == [
        "corpus_opened",
        "training_started",
        *["validated", "sample"] * 2,
        "training_finished",
    ]
    assert {"validation_loss", "characters_per_second", "improved", "seconds"} < set(records[2])
    refused = textgen("train", corpus, "--log-format", "json", "--quiet")
    assert refused.returncode == 2 and "--quiet and --log-format json exclude" in refused.stderr
    failed = textgen("train", "nowhere.txt", "--log-format", "json", "--force")
    error = json.loads(failed.stderr)
    assert (error["event"], error["status"]) == ("error", failed.returncode)
    assert error["message"].startswith("nowhere.txt: ")


def test_a_quiet_training(textgen, corpus, tmp_path):
    more = ("--quiet", "--tensorboard", "logs/a")
    done = textgen("train", corpus, *QUICK, "--epochs", 2, *more)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for part in ("train", "validation"):
        assert list((tmp_path / "logs/a" / part).glob("events.out.tfevents.*"))
    (tmp_path / "file").touch()
    elsewhere = ("--quiet", "--model", "other", "--tensorboard", "file/logs")
    done = textgen("train", corpus, *QUICK, *elsewhere)
    assert done.returncode == 1
    assert done.stderr == (
        "textgen: error: file/logs: the logs for TensorBoard cannot be written: Not a directory; "
        "name another directory with --tensorboard\n"
    )
