"""Two processes that train one model together, on this machine or in network namespaces of it."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.distributed.together import (
    QUICK,
    Together,
    epochs,
    losses,
    needs_jax,
    wait_for_checkpoint,
)
from textgen.distributed.communicator import PROCESS_LOST
from textgen.kernels.output import LEAST_TOKENS
from textgen.model import model_dir
from textgen.text.prepare import prepare

pytestmark = [pytest.mark.timeout(600), needs_jax]
LOST = f"textgen: error: {PROCESS_LOST}"
OFTEN_SAVED = ("--model", "model", *QUICK, "--checkpoint-every", "1s")


@pytest.mark.parametrize(
    "options",
    [
        ("--epochs", "2", "--dropout", "0.2", "--drop-connect", "0.1", "--noise", "0.1"),
        ("--epochs", "1", "--targets", "last", "--cell", "gru", "--step", "2"),
        (
            *("--epochs", "1", "--optimizer", "sgd", "--learning-rate", "0.001"),
            *("--clip-norm", "0", "--loss-reduction", "sum", "--validation", "0"),
        ),
    ],
    ids=["carried", "windows", "summed"],
)
def test_two_processes_train_as_one_does_with_the_whole_batch(folder, textgen, options):
    single = textgen(
        "train", "prepared", "--model", "one", *QUICK, *options, "--backend", "jax", timeout=240
    )
    assert single.returncode == 0, single.stderr
    (status, line), (other_status, other_line) = Together(
        folder, "--model", "two", *QUICK, *options
    ).wait()
    assert (status, other_status, other_line) == (0, 0, ""), (line, other_line)
    of_two, of_one = (np.array(losses(folder / name), float) for name in ("two", "one"))
    np.testing.assert_allclose(of_two, of_one, atol=2e-3)
    models = [model_dir.read_model(folder / name).weights for name in ("two", "one")]
    for of_two, of_one in zip(*models, strict=True):
        np.testing.assert_allclose(of_two, of_one, atol=0.02)
    assert "said" in textgen("sample", "--model", "two", "--seed", "said").stdout


def test_two_processes_train_on_subwords(folder, corpus, textgen):
    prepare(corpus, folder / "prepared", force=True, tokens="bpe:60")
    options = ("--epochs", "2", *QUICK)
    single = textgen("train", "prepared", "--model", "one", *options, "--backend", "jax")
    assert single.returncode == 0, single.stderr
    for status, line in Together(folder, "--model", "two", *options).wait():
        assert status == 0, line
    of_two, of_one = (np.array(losses(folder / name), float) for name in ("two", "one"))
    np.testing.assert_allclose(of_two[:, 1], of_one[:, 1], atol=2e-3)
    # Each process divides the loss of a step by the mean length of a token in the whole corpus.
    np.testing.assert_allclose(of_two[:, 0], of_one[:, 0], rtol=0.02)
    models = [model_dir.read_model(folder / name) for name in ("two", "one")]
    assert models[0].record.vocabulary == models[1].record.vocabulary
    assert models[0].record.vocabulary.size == 60 > len(models[0].record.vocabulary.characters)
    for of_two, of_one in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_allclose(of_two, of_one, atol=0.02)


@pytest.mark.parametrize("options", [(), ("--no-carry-state",)], ids=["carried", "windows"])
def test_two_processes_train_on_documents_with_labels(folder, textgen, options):
    for number in range(40):
        path = folder / "texts" / ("questions", "answers")[number % 2] / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"What is {number} and {number}?" if number % 2 else f"{number} it is.")
    prepare(
        str(folder / "texts"),
        folder / "prepared",
        force=True,
        documents="files",
        label_from="folder",
    )
    options = ("--epochs", "2", *QUICK, *options)
    single = textgen("train", "prepared", "--model", "one", *options, "--backend", "jax")
    assert single.returncode == 0, single.stderr
    for status, line in Together(folder, "--model", "two", *options).wait():
        assert status == 0, line
    of_two, of_one = (np.array(losses(folder / name), float) for name in ("two", "one"))
    np.testing.assert_allclose(of_two, of_one, atol=2e-3)
    models = [model_dir.read_model(folder / name) for name in ("two", "one")]
    assert models[0].record.labels == models[1].record.labels is not None
    for of_two, of_one in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_allclose(of_two, of_one, atol=0.02)


def test_two_processes_compute_the_output_layer_of_a_large_vocabulary(folder, textgen):
    """Each of its rows, whose gradients are rounded at random."""
    characters = [chr(0x4E00 + number) for number in range(LEAST_TOKENS)]
    words = ["".join(characters[number : number + 3]) for number in range(0, 300, 3)]
    draw = random.Random(0)
    text = "".join(characters) + "".join(draw.choice(words) for _ in range(1500))
    (folder / "text.txt").write_text(text, encoding="utf-8")
    prepare(str(folder / "text.txt"), folder / "prepared", force=True)
    options = (*QUICK, "--epochs", "1", "--learning-rate", "0.01")
    single = textgen("train", "prepared", "--model", "one", *options, "--backend", "jax")
    assert single.returncode == 0, single.stderr
    for status, line in Together(folder, "--model", "two", *options).wait():
        assert status == 0, line
    ((loss, validation),), ((other, other_validation),) = (
        losses(folder / name) for name in ("one", "two")
    )
    assert loss == pytest.approx(other, abs=0.1) and loss < 6.2  # log(512) is 6.24
    assert validation == pytest.approx(other_validation, abs=0.1)


@pytest.mark.parametrize(("killed", "tokens"), [(0, "characters"), (1, "bpe:60")])
def test_a_process_that_is_killed_ends_all_and_the_same_command_resumes(
    folder, corpus, killed, tokens
):
    prepare(corpus, folder / "prepared", force=True, tokens=tokens)
    options = (*OFTEN_SAVED, "--epochs", "9")
    both = Together(folder, *options)
    wait_for_checkpoint(folder / "model")
    both.processes[killed].kill()
    start = time.monotonic()
    survivor = both.processes[1 - killed]
    line = survivor.communicate(timeout=60)[1].splitlines()[-1]
    assert time.monotonic() - start < 60
    assert survivor.returncode == 1 and line.startswith(LOST)
    both.processes[killed].communicate()
    resumed = Together(folder, *options)
    for status, line in resumed.wait():
        assert status == 0, line
    assert [epoch["epoch"] for epoch in epochs(folder / "model")] == list(range(1, 10))


def test_a_process_that_is_suspended_ends_all(folder):
    both = Together(folder, *OFTEN_SAVED, "--epochs", "400")
    wait_for_checkpoint(folder / "model")
    os.killpg(both.processes[1].pid, signal.SIGSTOP)
    assert both.processes[0].wait(60) == 1
    os.killpg(both.processes[1].pid, signal.SIGCONT)
    for status, line in both.wait(60):
        assert status == 1 and line.startswith(LOST)


def test_a_child_that_the_system_kills_ends_all(folder):
    """Its parent, which the user started, says so."""
    both = Together(folder, *OFTEN_SAVED, "--epochs", "400")
    wait_for_checkpoint(folder / "model")
    (child,) = psutil.Process(both.processes[1].pid).children()
    child.kill()
    (status, line), (other_status, other_line) = both.wait(60)
    assert (status, other_status) == (1, 1) and line.startswith(LOST)
    assert "SIGKILL" in other_line


@pytest.mark.parametrize("which", ["one", "all"])
def test_a_process_that_is_stopped_stops_all_and_they_resume_by_time(folder, which):
    # Two that start together on a busy machine take half of it before the first step.
    options = ("--model", "model", *QUICK, "--time", "45s")
    both = Together(folder, *options, "--checkpoint-every", "1s")
    wait_for_checkpoint(folder / "model")
    if which == "one":
        both.processes[1].send_signal(signal.SIGTERM)
    else:  # as a launcher does: every process, and those that it has started
        for process in both.processes:
            os.killpg(process.pid, signal.SIGTERM)
    assert [status for status, _ in both.wait()] == [143, 143]
    assert model_dir.load(folder / "model").generate("The", length=5)
    assert [status for status, _ in Together(folder, *options).wait()] == [0, 0]


@pytest.mark.parametrize(
    ("options_of", "difference"),
    [
        ({1: ("--units", "13")}, "--units"),
        ({0: ("--batch-size", "6")}, "--batch-size"),
        ({0: ("--learning-rate", "0.01")}, "--learning-rate"),
        ({1: ("--processes", "3")}, "--processes"),
    ],
)
def test_processes_with_other_options(folder, options_of, difference):
    both = Together(folder, "--model", "m", *QUICK, options_of=options_of)
    for status, line in both.wait():
        assert status == 2 and f"process 1 was given a different {difference}" in line
    assert not (folder / "m" / "model.keras").exists()


def in_folders(*folders):
    return [("env", "-C", str(folder)) for folder in folders]


def test_processes_with_other_corpora(folder, textgen):
    (folder / "other.txt").write_text("An other text, of other letters. " * 200)
    assert textgen("prepare", "other.txt", "-o", "other/prepared").returncode == 0
    both = Together(folder, *QUICK, inside=in_folders(folder, folder / "other"))
    for status, line in both.wait():
        assert status == 2 and "process 1 was given a different corpus" in line


def test_damage_is_reported_by_the_process_that_has_it(folder):
    shutil.copytree(folder / "prepared", folder / "other/prepared")
    ids = folder / "other/prepared/ids.npy"
    content = bytearray(ids.read_bytes())
    content[-1] ^= 1
    ids.write_bytes(content)
    first, second = Together(folder, *QUICK, inside=in_folders(folder, folder / "other")).wait()
    assert first == (1, "textgen: error: process 1 could not start; its own message says why")
    assert second[0] == 1 and "ids.npy" in second[1]


def test_a_process_that_cannot_start_lets_the_others_know(folder, trained):
    shutil.copytree(trained, folder / "m")
    first, second = Together(folder, "--model", "m", *QUICK).wait()
    assert first[0] == 1 and "m: " in first[1]
    assert second == (1, "textgen: error: process 0 could not start; its own message says why")


@pytest.mark.skipif(not shutil.which("prlimit"), reason="needs prlimit")
def test_a_full_disk_of_process_0_ends_all(folder):
    options = ("--model", "m", *QUICK, "--epochs", "40")
    first, second = Together(folder, *options, inside=[("prlimit", "--fsize=9000"), ()]).wait(120)
    assert first[0] == 1 and "m: cannot be written" in first[1]
    assert second[0] == 1 and second[1].startswith(LOST)


def test_more_processes_than_rows(folder):
    for status, line in Together(folder, *QUICK, "--batch-size", "1").wait():
        assert status == 2 and "--batch-size" in line and "give 2" in line


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_several_devices_of_one_process(folder, corpus, textgen, cell):
    """As many GPUs would; a batch of 4 rows on 3 devices takes two of them."""
    options = ("--backend", "jax", *QUICK, "--epochs", 1, "--drop-connect", 0.1, "--cell", cell)
    if cell == "gru":
        prepare(str(corpus), folder / "prepared", force=True, documents="lines")
    for count in (1, 2, 3):
        flags = f"--xla_force_host_platform_device_count={count}"
        done = textgen("train", "prepared", "--model", f"m{count}", *options, XLA_FLAGS=flags)
        assert done.returncode == 0, done.stderr
    for name in ("m2", "m3"):
        np.testing.assert_allclose(losses(folder / name), losses(folder / "m1"), atol=2e-3)


# A processor that says it is a GPU: its LSTM, and steps that begin ahead of losses.
ON_A_GPU = """
from textgen.compute.backend import Device

from textgen.cli import main
from textgen.compute.backends.jax import JaxBackend

JaxBackend.first_gpu = classmethod(lambda _: Device("cuda", "a GPU"))
main()
"""


@pytest.mark.parametrize(("devices", "documents"), [(1, "none"), (2, "none"), (2, "lines")])
def test_what_a_gpu_with_jax_runs(folder, corpus, devices, documents):
    prepare(str(corpus), folder / "prepared", force=True, documents=documents)
    enough_for_two = ("--batch-size", "64")
    options = ("train", "prepared", "--backend", "jax", *QUICK, "--epochs", "2", *enough_for_two)
    for name, program in (("plain", ("-m", "textgen")), ("gpu", ("-c", ON_A_GPU))):
        flags = f"--xla_force_host_platform_device_count={devices if name == 'gpu' else 1}"
        done = subprocess.run(
            [sys.executable, *program, *options, "--drop-connect", "0.1", "--model", name],
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "KERAS_BACKEND": "jax", "XLA_FLAGS": flags},
        )
        assert done.returncode == 0, done.stderr
    assert "on a GPU (jax, float32, textgen's own LSTM" in done.stderr
    np.testing.assert_allclose(losses(folder / "gpu"), losses(folder / "plain"), atol=2e-3)


@contextmanager
def two_hosts():
    """Two network namespaces, by the commands that run a program in them, and their cable."""
    names = [f"textgen-{os.getpid()}-{number}" for number in range(2)]
    # What is in these directories hides what is in /etc.
    directories = [Path("/etc/netns", name) for name in names]

    def ip(*words):
        subprocess.run(["ip", *words], check=True, capture_output=True)

    try:
        for name in names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ends = [f"tg{os.getpid()}{letter}" for letter in "ab"]
        ip("link", "add", ends[0], "netns", names[0], "type", "veth", "peer", "name", ends[1])
        ip("link", "set", ends[1], "netns", names[1])
        for number, (name, end) in enumerate(zip(names, ends, strict=True), 1):
            directories[number - 1].mkdir(parents=True)
            own_name = f"10.97.0.{number} {socket.gethostname()}\n"
            hosts = directories[number - 1] / "hosts"
            hosts.write_text(f"127.0.0.1 localhost\n{own_name}")
            ip("-n", name, "addr", "add", f"10.97.0.{number}/24", "dev", end)
            ip("-n", name, "link", "set", end, "up")
        yield (
            [("ip", "netns", "exec", name) for name in names],
            lambda state: ip("-n", names[1], "link", "set", ends[1], state),
        )
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        for directory in directories:
            shutil.rmtree(directory, ignore_errors=True)


def may_have_namespaces():
    if os.geteuid() or not shutil.which("ip"):
        return False
    name = f"textgen-try-{os.getpid()}"
    added = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True)
    subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
    return added.returncode == 0


@pytest.mark.skipif(not may_have_namespaces(), reason="needs network namespaces: be root")
def test_two_hosts_of_which_one_is_cut_off(folder):
    options = (*OFTEN_SAVED, "--epochs", "9")
    with two_hosts() as (inside, set_cable):
        address = "10.97.0.1:23456"
        both = Together(folder, *options, address=address, inside=inside)
        wait_for_checkpoint(folder / "model")
        set_cable("down")
        start = time.monotonic()
        for status, line in both.wait(60):
            assert status == 1 and line.startswith(LOST)
        assert time.monotonic() - start < 60
        set_cable("up")
        for status, line in Together(folder, *options, address=address, inside=inside).wait():
            assert status == 0, line
    assert [epoch["epoch"] for epoch in epochs(folder / "model")] == list(range(1, 10))
