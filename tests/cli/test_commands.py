"""The program as its users run it: its own process, real files, real pipes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import textgen as package
from textgen.cli import program

QUICK = ["--units", "8", "--embedding", "4", "--maxlen", "10", "--batch-size", "4", "--epochs", "1"]
HEAVY = ("keras", "tensorflow", "jax", "torch", "matplotlib")


def python(code: str, *arguments: object, cwd=None) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, cwd=cwd
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def commands() -> list[list[str]]:
    return [[], *([name] for name in program.commands)]


@pytest.mark.parametrize("command", commands())
def test_help_loads_nothing_heavy(command):
    code = (
        "import sys; from textgen.cli import program\n"
        "program.main([*sys.argv[1:], '--help'], standalone_mode=False)\n"
        f"print([name for name in {(*HEAVY, 'numpy', 'rich', 'h5py')} if name in sys.modules])"
    )
    assert python(code, *command).splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", list(program.commands))
def test_every_option_has_help_and_every_command_an_example(name):
    command = program.commands[name]
    assert f"textgen {name}" in (command.help or "")
    for parameter in command.params:
        if parameter.param_type_name == "option":
            assert getattr(parameter, "help", None), f"{name} {parameter.name}"


@pytest.mark.parametrize("command", [["sample"], ["evaluate", "corpus.txt"]])
def test_sampling_and_evaluating_load_no_framework(trained, corpus, monkeypatch, command):
    monkeypatch.chdir(corpus.parent)
    code = (
        "import sys; from textgen.cli import program\n"
        "program.main([*sys.argv[2:], '--model', sys.argv[1]], standalone_mode=False)\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert python(code, trained, *command).splitlines()[-1] == "[]"


def test_version_and_help_without_a_command(textgen):
    assert package.__version__ in textgen("--version").stdout
    assert "Commands:" in textgen().stdout


def test_from_a_text_to_new_text_in_a_pipeline(tmp_path, text):
    """A corpus on standard input, a model in the default directory, text through a pipe."""
    options = " ".join(QUICK)
    done = subprocess.run(
        [
            "bash",
            "-o",
            "pipefail",
            "-c",
            f"gzip -c | textgen train - {options} && "
            "textgen sample -n 3 --length 500 | head -c 100",
        ],
        cwd=tmp_path,
        input=text.encode(),
        capture_output=True,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) == 100 and set(done.stdout.decode()) <= set(text)
    lines = done.stderr.decode().splitlines()
    assert lines[0] == "textgen: reading -"
    assert lines[-1] == "next: textgen sample"
    # Nothing of the framework's: every line is one of ours or of the sample.
    ours = r"(textgen: |corpus: |model: |training: |epoch \d|---|done; |next: )"
    sample = "".join(lines[lines.index("--- sample at temperature 0.5 ---") :])
    assert all(re.match(ours, line) or line in sample for line in lines)
    assert sorted(os.listdir(tmp_path / "textgen-model")) == [
        "cache",
        "history.json",
        "manifest.json",
        "model.keras",
        "seeds.json",
        "settings.json",
        "vocabulary.json",
    ]


def test_prepare_then_train_then_settings_tell_what_was_done(textgen, corpus, tmp_path):
    made = textgen(
        "prepare", corpus, "-o", "p", "--maxlen", 12, "--targets", "last", "--format", "json"
    )
    assert made.returncode == 0, made.stderr
    summary = json.loads(made.stdout)
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


def test_both_presets_run(textgen, corpus):
    one = textgen("train", corpus, "--preset", "keras-example", "--epochs", 1, "--model", "a")
    assert one.returncode == 0, one.stderr
    temperatures = re.findall(r"--- sample at temperature (\S+) ---", one.stderr)
    assert temperatures == ["0.2", "0.5", "1", "1.2"]
    assert "LSTM 128" in one.stderr and "windows of 40 characters, targets last" in one.stderr
    two = textgen("train", corpus, "--preset", "min-char-rnn", "--epochs", 1, "--model", "b")
    assert two.returncode == 0, two.stderr
    assert "RNN 100" in two.stderr and "1 streams of 25 characters" in two.stderr


def start_training(tmp_path, corpus):
    process = subprocess.Popen(
        [sys.executable, "-m", "textgen", "train", corpus, *QUICK[:-1], "100000"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    return process, process.stderr


def test_a_training_by_time_ends_in_time(textgen, corpus, tmp_path):
    seconds = 40 if os.environ.get("KERAS_BACKEND") == "jax" else 20  # it compiles for ten
    began = time.monotonic()
    done = textgen("train", corpus, "--time", f"{seconds}s", "--units", 16)
    taken = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    assert 0.75 * seconds < taken < 2 * seconds  # the machine may be busy
    assert f"training: {seconds}s in all" in done.stderr
    history = json.loads((tmp_path / "textgen-model/history.json").read_text())
    losses = [entry["validation_loss"] for entry in history["epochs"]]
    assert len(losses) > 1 and losses[-1] < losses[0]


def test_ctrl_c_keeps_the_best_model(textgen, tmp_path, corpus):
    process, stderr = start_training(tmp_path, corpus)
    for line in stderr:
        if line.startswith("epoch 2/"):
            break
    process.send_signal(signal.SIGINT)
    rest = stderr.read()
    assert process.wait(60) == 130
    assert "stopped; the best model (epoch" in rest and "Traceback" not in rest
    assert textgen("sample").returncode == 0


def test_ctrl_c_in_the_first_epoch_keeps_that_model(textgen, tmp_path, corpus):
    process, stderr = start_training(tmp_path, corpus)
    for line in stderr:
        if line.startswith("training:"):
            break
    process.send_signal(signal.SIGINT)
    rest = stderr.read()
    assert process.wait(60) == 130
    assert "stopped; the best model (epoch 0." in rest
    assert textgen("sample").returncode == 0


def test_ctrl_c_before_training_leaves_nothing(tmp_path, corpus):
    process, stderr = start_training(tmp_path, corpus)
    stderr.readline()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    rest = stderr.read()
    assert process.wait(60) == 130
    assert "Traceback" not in rest
    assert not (tmp_path / "textgen-model/manifest.json").exists()


@pytest.mark.parametrize(("number", "status"), [("SIGTERM", 143), ("SIGINT", 130), ("SIGHUP", 129)])
def test_a_signal_inside_a_callback_ends_the_program_as_well(number, status):
    """Python drops what is raised in a finalizer or in a callback of the garbage collector."""
    code = (
        "import os, signal, sys, time\nfrom textgen import cli\n"
        "class Lost:\n"
        "    def __del__(self):\n"
        f"        os.kill(os.getpid(), signal.{number})\n"
        "        time.sleep(1)\n"
        "@cli.program.command('wait')\n"
        "def wait():\n"
        "    Lost()\n"
        "    time.sleep(60)\n"
        "sys.argv[1:] = ['wait']\ncli.main()"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (status, "", "")
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(("number", "status"), [("SIGTERM", 143), ("SIGINT", 130), ("SIGHUP", 129)])
def test_a_signal_that_an_import_drops_ends_the_program_as_well(tmp_path, corpus, number, status):
    code = (
        "import os, signal, sys\nfrom textgen import cli\n"
        "from textgen.compute import runtime as backend\n"
        "start = backend.start\n"
        "def dropping(*of, **options):\n"
        "    try:\n"
        f"        os.kill(os.getpid(), signal.{number})\n"
        "    except BaseException:\n"
        "        print('dropped', flush=True)\n"
        "    return start(*of, **options)\n"
        "backend.start = dropping\n"
        f"sys.argv[1:] = ['train', {str(corpus)!r}, *{QUICK!r}]\ncli.main()"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (status, "dropped\n"), done.stderr
    assert not (tmp_path / "textgen-model/manifest.json").exists()


@pytest.mark.parametrize("number", ["SIGHUP", "SIGINT"])
def test_a_signal_that_is_ignored_stays_ignored(number):
    """As by nohup, and for a program in the background."""
    code = (
        "import os, signal\nfrom textgen import cli\n"
        f"signal.signal(signal.{number}, signal.SIG_IGN)\n"
        "@cli.program.command('live')\n"
        "def live():\n"
        f"    os.kill(os.getpid(), signal.{number})\n"
        "    from textgen.cli.stopping import StopSignals\n"
        "    stop = StopSignals()\n"
        "    stop.listen(lambda: None)\n"
        f"    os.kill(os.getpid(), signal.{number})\n"
        "    import time; time.sleep(0.2)\n"
        "    print(stop.number)\n"
        "import sys; sys.argv[1:] = ['live']\ncli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nothing.txt"], 1, "nothing.txt: No such file"),
        (["corpus.txt", "--epochs", "many"], 2, "'many' is not a valid integer; see"),
        (["corpus.txt", "--epochs", "-1"], 2, "--epochs must be"),
        (["corpus.txt", "--no-such-option"], 2, "No such option"),
        ([], 2, "no corpus: "),
    ],
)
def test_with_json_lines_the_last_line_after_an_error_is_an_event(
    textgen, corpus, arguments, status, message
):
    for given in (["--log-format", "json", *arguments], [*arguments, "--log-format=json"]):
        done = textgen("train", *given)
        assert (done.returncode, done.stdout) == (status, "")
        event = json.loads(done.stderr.splitlines()[-1])
        assert event.keys() == {"event", "message", "status"}
        assert (event["event"], event["status"]) == ("error", status)
        assert message in event["message"]
    plain = textgen("train", *arguments).stderr.splitlines()[-1]
    assert plain == f"textgen: error: {event['message']}"


@pytest.mark.parametrize(("number", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_with_json_lines_a_signal_before_training_is_an_event(tmp_path, corpus, number, status):
    command = ["train", corpus, *QUICK, "--log-format", "json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "textgen", *command], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert json.loads(process.stderr.readline())["event"] == "corpus_opened"
    process.send_signal(getattr(signal, number))
    lines = [json.loads(line) for line in process.stderr]
    assert process.wait(60) == status
    assert lines[-1] == {"event": "error", "message": f"ended by {number}", "status": status}


def test_the_program_uses_the_arguments_that_it_is_called_with(tmp_path, corpus, monkeypatch):
    """Not those of the Python program that calls it."""
    arguments = ["train", str(corpus), *QUICK, "--model", "m"]
    code = (
        "import sys\nfrom textgen.cli import program\n"
        f"program.main({arguments!r}, standalone_mode=False)"
    )
    command = [sys.executable, "-c", code, "other", "arguments"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "m/settings.json").read_text())["command"] == arguments
    from textgen.distributed import ray_launcher

    seen = []

    def launch(words, count, _on_line):
        seen.append((words, count))
        return 0

    monkeypatch.setattr(ray_launcher, "launch_on_ray", launch)
    arguments = ["train", "p", "--coordinator", "ray", "--processes", "2"]
    with pytest.raises(SystemExit):
        program.main(arguments, standalone_mode=False)
    assert seen == [(arguments, 2)]


def test_sampling_is_repeatable_and_tells_what_it_did(textgen, trained):
    arguments = ["sample", "--model", trained, "--random-seed", 7, "-n", 3, "--length", 40]
    one, two = textgen(*arguments), textgen(*arguments)
    assert one.stdout == two.stdout and one.returncode == 0
    assert textgen(*arguments[:4], 8, *arguments[5:]).stdout != one.stdout
    told = textgen(*arguments, "--format", "jsonl", "--temperature", 0, "--temperature", 1)
    records = [json.loads(line) for line in told.stdout.splitlines()]
    assert [record["temperature"] for record in records] == [0, 0, 0, 1, 1, 1]
    assert all(len(record["text"]) == 40 and record["random_seed"] == 7 for record in records)
    greedy = textgen(*arguments, "--temperature", 0)
    assert greedy.stdout == "".join(f"{r['seed']}{r['text']}\n" for r in records[:3])
    assert textgen(*arguments[:3]).stdout != textgen(*arguments[:3]).stdout


def test_a_trained_model_writes_words_of_its_corpus(textgen, trained, text):
    done = textgen("sample", "--model", trained, "--temperature", 0.3, "--length", 600)
    words = done.stdout.split()[1:-1]
    known = set(text.split())
    assert sum(word in known for word in words) > 0.7 * len(words)


def test_seeds(textgen, trained):
    sample = ["sample", "--model", trained, "--length", 5]
    assert textgen(*sample, "--seed", "The cat").stdout.startswith("The cat")
    assert textgen(*sample, "--seed", "-", stdin="The king\n").stdout.startswith("The king")
    skipped = textgen(*sample, "--seed", "Thé cat", "--unknown", "skip")
    assert skipped.stdout.startswith("Th cat")
    refused = textgen(*sample, "--seed", "Thé cat")
    assert refused.returncode == 1 and "character 3, 'é' (U+00E9)" in refused.stderr


def test_files_of_a_model_directory_belong_together(textgen, trained, trained_on_windows, tmp_path):
    import shutil

    for name in ("model.keras", "vocabulary.json", "settings.json", "history.json", "seeds.json"):
        shutil.copytree(trained, tmp_path / "copy")
        (tmp_path / "copy" / name).unlink()
        done = textgen("sample", "--model", "copy")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"textgen: error: copy/{name}: missing")
        shutil.copy(trained_on_windows / name, tmp_path / "copy")
        mixed = textgen("sample", "--model", "copy")
        if name == "vocabulary.json":  # of the same text: the same file
            assert mixed.returncode == 0
        else:
            assert mixed.returncode == 1 and f"copy/{name}: " in mixed.stderr
        shutil.rmtree(tmp_path / "copy")


BAD = [
    # arguments, exit status, what the line says
    (["train"], 2, "no corpus: `textgen train corpus.txt`, or `textgen train --demo`"),
    (["prepare", "-o", "p"], 2, "no corpus: `textgen prepare corpus.txt -o p"),
    (["prepare", "corpus.txt"], 2, "Missing option '-o'"),
    (["train", "nowhere.txt"], 1, "nowhere.txt: No such file or directory"),
    (["train", "empty.txt"], 1, "the corpus is empty"),
    (["train", "binary"], 1, "binary: byte 0x89 at offset 0 is not utf-8"),
    (["train", "zeros"], 1, "zeros: byte 0x00 at offset 0 is NUL"),
    (["train", "corpus.txt", "latin1.txt"], 1, "looks like cp1252: add --encoding auto"),
    (["prepare", "-", "-", "-o", "p"], 2, "- is named twice and can be read once"),
    (["train", "latin1.txt"], 1, "latin1.txt: byte 0xfc at offset 2 is not utf-8"),
    (["train", "ones.txt"], 1, "one distinct character ('1')"),
    (["train", "short.txt"], 1, "the text is too short: it has"),
    (
        ["train", "corpus.txt", "--validation", "0.001"],
        1,
        " or --validation 0.01 or --validation 0",
    ),
    (["train", "corpus.txt", "--batch-size", "9999"], 1, "or add --batch-size "),
    (["train", "emptydir"], 1, "no file in this directory matches *"),
    (["prepare", "short.txt", "-o", "p"], 1, "give a text of 401 characters or more"),
    (["prepare", "corpus.txt", "-o", "corpus.txt"], 1, "exists and is not a directory"),
    (["prepare", "corpus.txt", "-o", "thesis", "--force"], 1, "is not a prepared corpus"),
    (["prepare", "corpus.txt", "-o", "corpus.txt/p"], 1, "cannot be written"),
    (["prepare", "corpus.txt", "-o", "/proc/p"], 1, "cannot be written"),
    (["train", "corpus.txt", "--model", "thesis"], 1, "is not a model directory"),
    (["train", "corpus.txt", "--model", "corpus.txt"], 1, "is not a model directory"),
    (["train", "corpus.txt", "--model", "/proc/m"], 1, "cannot be written"),
    (["prepare", "corpus.txt", "-o", "p", "--step", "0"], 2, "--step must be a whole number"),
    (["prepare", "corpus.txt", "-o", "p", "--maxlen", "x"], 2, "'x' is not a valid integer"),
    (["prepare", "corpus.txt", "-o", "p", "--encoding", "latin-99"], 2, "--encoding must be"),
    (["prepare", "corpus.txt", "-o", "p", "--min-count", "9999"], 1, "smaller --min-count"),
    (
        ["train", "corpus.txt", "--preset", "gpt"],
        2,
        "--preset must be one of small, medium, large, keras-example",
    ),
    (["train", "corpus.txt", "--units", "big"], 2, "'big' is not a number of units"),
    (["train", "corpus.txt", "--units", "0"], 2, "--units must be a whole number, 1 or more"),
    (["train", "corpus.txt", "--learning-rate", "nan"], 2, "--learning-rate must be a number"),
    (["train", "corpus.txt", "--targets", "last", "--carry-state"], 2, "--carry-state needs"),
    (["train", "corpus.txt", "--no-such"], 2, "No such option"),
    (["train", "corpus.txt", "--time", "soon"], 2, "'soon' is not a time, such as 90s"),
    (["train", "corpus.txt", "--time", "0"], 2, "'0' is not a time, such as 90s"),
    (["train", "corpus.txt", "--time", "1s"], 1, "--time 1s is over before the first step"),
    (["train", "corpus.txt", "--time", "1m", "--epochs", "2"], 2, "--epochs and time exclude"),
    (["evaluate"], 2, "no text: `textgen evaluate held-out.txt`"),
    (["evaluate", "corpus.txt"], 1, "textgen-model: no such model directory"),
    (["sample"], 1, "textgen-model: no such model directory; make one with `textgen train"),
    (["sample", "--model", "thesis"], 1, "no trained model in this directory"),
    (["sample", "--temperature", "-1"], 2, "--temperature must be a number, 0 or more and"),
    (["sample", "--temperature", "nan"], 2, "--temperature must be a number, 0 or more and"),
    (["sample", "--temperature", "warm"], 2, "'warm' is not a valid float"),
    (["sample", "--length", "-1"], 2, "--length must be a whole number, 0 or more"),
    (["sample", "--top-p", "0"], 2, "--top-p must be a number, above 0 and at most 1, not 0.0"),
    (["sample", "--top-p", "2"], 2, "--top-p must be a number, above 0 and at most 1, not 2.0"),
    (["sample", "--top-k", "-1"], 2, "--top-k must be a whole number, 0 or more"),
    (["sample", "--min-p", "nan"], 2, "--min-p must be a number"),
    (["sample", "--context", "both"], 2, "'both' is not one of 'carry', 'window'"),
    (["sample", "--until", ""], 2, "--until must be a text of one or more characters"),
    (["sample", "--seed", "a", "--seeds-from", "-"], 2, "--seed and --seeds-from exclude"),
    (["sample", "-i", "--format", "jsonl"], 2, "--interactive takes seeds as they are typed"),
]


@pytest.fixture
def bad_corpora(tmp_path, corpus):
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "binary").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    (tmp_path / "zeros").write_bytes(bytes(500))
    (tmp_path / "latin1.txt").write_bytes("grün".encode("latin-1") * 100)
    (tmp_path / "ones.txt").write_text("1" * 1000)
    (tmp_path / "short.txt").write_text("too short")
    (tmp_path / "emptydir").mkdir()
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter").write_text("years of work")


def tree(directory):
    """All there is but the cache, which a training that comes to nothing may leave."""
    paths = sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))
    return [path for path in paths if not path.startswith("textgen-model")]


@pytest.mark.parametrize(("arguments", "status", "line"), BAD, ids=lambda value: str(value)[:50])
def test_bad_input_is_one_clear_line(textgen, tmp_path, bad_corpora, arguments, status, line):
    before = tree(tmp_path)
    done = textgen(*arguments)
    *before_it, last = done.stderr.splitlines()
    assert all(re.match("textgen: reading|corpus: |model: |training: ", said) for said in before_it)
    assert last.startswith("textgen: error: ") and line in last
    assert (done.returncode, done.stdout) == (status, "")
    assert tree(tmp_path) == before


def test_a_debug_traceback_for_those_who_ask(textgen, corpus):
    assert "Traceback" in textgen("sample", "--debug").stderr


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


def test_a_closed_pipe_ends_quietly(tmp_path, trained):
    process = subprocess.Popen(
        [sys.executable, "-m", "textgen", "sample", "--model", trained, "--length", "200000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    )
    assert process.stdout is not None and process.stderr is not None
    assert len(process.stdout.read(100)) == 100
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 0


def test_one_hot_files_open_with_numpy(textgen, corpus, tmp_path, text):
    done = textgen("prepare", corpus, "-o", "p", "--one-hot", "--maxlen", 9, "--targets", "last")
    assert done.returncode == 0
    x = np.load(tmp_path / "p/X.npy", mmap_mode="r")
    y = np.load(tmp_path / "p/y.npy", mmap_mode="r")
    characters = sorted(set(text))
    assert x.dtype == y.dtype == np.bool_ and x.shape[1:] == (9, len(characters))
    decoded = "".join(characters[vector.argmax()] for vector in (*x[5], y[5]))
    assert decoded == text[15:25]
