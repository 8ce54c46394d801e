"""Processes that train together: real ones, on this machine or in network namespaces of it."""

import importlib.util
import os
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

from textgen.compute import runtime
from textgen.distributed.cluster import Cluster
from textgen.distributed.communicator import PROCESS_LOST
from textgen.errors import UsageError
from textgen.model import model_dir
from textgen.model.paths import checkpoint_path
from textgen.training.budget import ByEpochs, ByTime, HeardClock

pytestmark = pytest.mark.timeout(600)
needs_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="pip install 'keras-textgen[jax]'"
)
QUICK = (
    *("--units", "12", "--embedding", "6", "--maxlen", "10", "--batch-size", "4"),
    *("--random-seed", "5", "--sample-length", "20"),
)


def address():
    """A port of this machine where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"


class Together:
    """Processes of one training, each started as a user would.

    Args:
        folder: Where they run.
        count: How many.
        each: Arguments that all are given.
        own: Arguments that one is given beside, by its number.
        at: The coordinator's address.
        inside: Commands to start them by, such as `ip netns exec`.
    """

    def __init__(self, folder, count, *each, own=None, at=None, inside=None):
        at = at or address()
        self.all = []
        for number in range(count):
            place = ("--coordinator", at, "--processes", str(count), "--process", str(number))
            command = [*(inside[number] if inside else ()), sys.executable, "-m", "textgen"]
            self.all.append(
                subprocess.Popen(
                    [*command, "train", "prepared", *place, *each, *((own or {}).get(number, ()))],
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    start_new_session=True,
                    env={**os.environ, "KERAS_BACKEND": ""},
                )
            )

    def ended(self, timeout=240):
        """Exit status and last line of each."""
        told = [one.communicate(timeout=timeout) for one in self.all]
        assert not any(out for out, _ in told)
        return [
            (one.returncode, (err.splitlines() or [""])[-1])
            for one, (_, err) in zip(self.all, told, strict=True)
        ]


@pytest.fixture
def folder(tmp_path, corpus, textgen):
    assert textgen("prepare", corpus, "-o", "prepared").returncode == 0
    return tmp_path


def losses(directory):
    record = model_dir.read_model(directory).record
    epochs = record.history["epochs"]
    return [[one["loss"], one["validation_loss"]] for one in epochs]


def begun(directory):
    """Wait until there is a checkpoint to go on from."""
    deadline = time.monotonic() + 120
    while not checkpoint_path(directory).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@needs_jax
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
    alone = textgen(
        "train", "prepared", "--model", "one", *QUICK, *options, "--backend", "jax", timeout=240
    )
    assert alone.returncode == 0, alone.stderr
    both = Together(folder, 2, "--model", "two", *QUICK, *options)
    (status, last), (other, nothing) = both.ended()
    assert (status, other, nothing) == (0, 0, ""), (last, nothing)
    ours, theirs = (np.array(losses(folder / name), float) for name in ("two", "one"))
    np.testing.assert_allclose(ours, theirs, atol=2e-3)
    one, two = (model_dir.read_model(folder / name).weights for name in ("one", "two"))
    for ours, theirs in zip(two, one, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=0.02)
    assert "said" in textgen("sample", "--model", "two", "--seed", "said").stdout


@needs_jax
@pytest.mark.parametrize("killed", [0, 1])
def test_one_that_is_killed_ends_all_and_the_same_command_goes_on(folder, killed):
    options = ("--model", "model", *QUICK, "--epochs", "9", "--checkpoint-every", "1s")
    both = Together(folder, 2, *options)
    begun(folder / "model")
    both.all[killed].kill()
    began = time.monotonic()
    left = both.all[1 - killed].communicate(timeout=60)[1].splitlines()[-1]
    assert time.monotonic() - began < 60
    assert both.all[1 - killed].returncode == 1 and left.startswith(
        f"textgen: error: {PROCESS_LOST}"
    )
    both.all[killed].communicate()
    again = Together(folder, 2, *options)
    time.sleep(1)
    for status, last in again.ended():
        assert status == 0, last
    epochs = model_dir.read_model(folder / "model").record.history["epochs"]
    assert [one["epoch"] for one in epochs] == list(range(1, 10))


@needs_jax
def test_one_that_is_suspended_or_whose_own_process_the_system_kills(folder):
    """Not killed as a whole: what watches the one that trains lives on."""
    options = ("--model", "model", *QUICK, "--epochs", "400", "--checkpoint-every", "1s")
    both = Together(folder, 2, *options)
    begun(folder / "model")
    os.killpg(both.all[1].pid, signal.SIGSTOP)
    assert both.all[0].wait(60) == 1
    os.killpg(both.all[1].pid, signal.SIGCONT)
    for status, last in both.ended(60):
        assert status == 1 and PROCESS_LOST in last
    again = Together(folder, 2, *options)
    shown = again.all[0].stderr
    assert shown is not None and any(line.startswith("resuming: ") for line in shown)
    (trains,) = psutil.Process(again.all[1].pid).children()
    trains.kill()
    (status, last), (other, own) = again.ended(60)
    assert (status, other) == (1, 1) and PROCESS_LOST in last
    assert "the process that trained was ended by SIGKILL" in own


@needs_jax
@pytest.mark.parametrize("who", ["one", "all"])
def test_one_that_is_stopped_stops_all_and_they_go_on_by_time(folder, who):
    # Two that begin together on a busy machine take half of it before the first step.
    options = ("--model", "model", *QUICK, "--time", "45s")
    both = Together(folder, 2, *options, "--checkpoint-every", "1s")
    begun(folder / "model")
    if who == "one":
        both.all[1].send_signal(signal.SIGTERM)
    else:  # as a launcher does: every process, and those that it has started
        for one in both.all:
            os.killpg(one.pid, signal.SIGTERM)
    assert [status for status, _ in both.ended()] == [143, 143]
    assert model_dir.load(folder / "model").generate("The", length=5)
    assert [status for status, _ in Together(folder, 2, *options).ended()] == [0, 0]


@needs_jax
@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({1: ("--units", "13")}, "process 1 has another --units than process 0"),
        ({0: ("--batch-size", "6")}, "process 1 has another --batch-size than process 0"),
        ({0: ("--learning-rate", "0.01")}, "process 1 has another --learning-rate than process 0"),
        ({1: ("--processes", "3")}, "process 1 has another --processes than process 0"),
    ],
)
def test_processes_that_were_asked_different_things(folder, own, said):
    for status, last in Together(folder, 2, "--model", "m", *QUICK, own=own).ended():
        assert status == 2 and said in last
    assert not (folder / "m" / "model.keras").exists()


@needs_jax
def test_processes_with_other_corpora(folder, textgen):
    (folder / "other.txt").write_text("An other text, of other letters. " * 200)
    assert textgen("prepare", "other.txt", "-o", "other/prepared").returncode == 0
    inside = [("env", "-C", str(folder)), ("env", "-C", str(folder / "other"))]
    for status, last in Together(folder, 2, *QUICK, inside=inside).ended():
        assert status == 2 and "process 1 has another corpus than process 0" in last


@needs_jax
def test_damage_is_told_by_the_process_that_has_it(folder):
    shutil.copytree(folder / "prepared", folder / "other/prepared")
    ids = folder / "other/prepared/ids.npy"
    content = bytearray(ids.read_bytes())
    content[-1] ^= 1
    ids.write_bytes(content)
    inside = [("env", "-C", str(folder)), ("env", "-C", str(folder / "other"))]
    first, second = Together(folder, 2, *QUICK, inside=inside).ended()
    assert first == (1, "textgen: error: process 1 could not start and says why")
    assert second[0] == 1 and "ids.npy: changed after it was written" in second[1]


@needs_jax
def test_one_that_cannot_begin_lets_the_others_know(folder, trained):
    shutil.copytree(trained, folder / "m")
    first, second = Together(folder, 2, "--model", "m", *QUICK).ended()
    assert first[0] == 1 and "m: " in first[1]
    assert second == (1, "textgen: error: process 0 could not start and says why")


@needs_jax
@pytest.mark.skipif(not shutil.which("prlimit"), reason="needs prlimit")
def test_a_full_disk_of_process_0_ends_all(folder):
    options = ("--model", "m", *QUICK, "--epochs", "40")
    both = Together(folder, 2, *options, inside=[("prlimit", "--fsize=9000"), ()])
    first, second = both.ended(120)
    assert first[0] == 1 and "m: cannot be written" in first[1]
    assert second[0] == 1 and second[1].startswith(f"textgen: error: {PROCESS_LOST}")


@needs_jax
def test_several_devices_of_one_process(folder, textgen):
    """As many GPUs would; a batch of 4 rows on 3 devices takes two of them."""
    common = ("--backend", "jax", *QUICK, "--epochs", 1, "--drop-connect", 0.1)
    for count in (1, 2, 3):
        flags = f"--xla_force_host_platform_device_count={count}"
        done = textgen("train", "prepared", "--model", f"m{count}", *common, XLA_FLAGS=flags)
        assert done.returncode == 0, done.stderr
    one = losses(folder / "m1")
    for name in ("m2", "m3"):
        np.testing.assert_allclose(losses(folder / name), one, atol=2e-3)


@needs_jax
@pytest.mark.parametrize("devices", [1, 2])
def test_what_a_gpu_with_jax_runs(folder, devices):
    """All of it on a processor that says it is one: its LSTM, and steps begun ahead of losses."""
    said = """
from textgen.cli import main
from textgen.compute import runtime

runtime._first_gpu = lambda _: "a GPU"
main()
"""
    enough_for_two = ("--batch-size", "64")
    common = ("train", "prepared", "--backend", "jax", *QUICK, "--epochs", "2", *enough_for_two)
    for name, start in (("plain", ("-m", "textgen")), ("gpu", ("-c", said))):
        flags = f"--xla_force_host_platform_device_count={devices if name == 'gpu' else 1}"
        done = subprocess.run(
            [sys.executable, *start, *common, "--drop-connect", "0.1", "--model", name],
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "KERAS_BACKEND": "", "XLA_FLAGS": flags},
        )
        assert done.returncode == 0, done.stderr
    assert "on a GPU (jax, float32, textgen's own LSTM" in done.stderr
    np.testing.assert_allclose(losses(folder / "gpu"), losses(folder / "plain"), atol=2e-3)


@needs_jax
@pytest.mark.parametrize("process", [0, 1])
def test_ctrl_c_while_others_are_waited_for(folder, process):
    place = ("--coordinator", address(), "--processes", "2", "--process", str(process))
    one = subprocess.Popen(
        [sys.executable, "-m", "textgen", "train", "prepared", *place],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "KERAS_BACKEND": ""},
    )
    time.sleep(5)
    one.send_signal(signal.SIGINT)
    assert "Traceback" not in one.communicate(timeout=20)[1]
    assert one.returncode == 130


@needs_jax
def test_more_processes_than_rows(folder):
    for status, last in Together(folder, 2, *QUICK, "--batch-size", "1").ended():
        assert status == 2 and "--batch-size must be a multiple of 2" in last and "give 2" in last


@needs_jax
def test_others_that_are_not_there(folder, textgen):
    at = address()
    for process in (0, 1):
        place = ("--coordinator", at, "--processes", 2, "--process", process)
        began = time.monotonic()
        done = textgen("train", "prepared", *place, "--wait", "3s", KERAS_BACKEND="")
        assert done.returncode == 1 and time.monotonic() - began < 40
        assert (
            f"the processes did not find each other at {at} within 3 seconds"
            in (done.stderr.splitlines()[-1])
        )


@needs_jax
def test_a_port_that_is_taken_or_whose_owner_says_nothing(folder, textgen):
    with socket.create_server(("127.0.0.1", 0)) as other:
        at = f"127.0.0.1:{other.getsockname()[1]}"
        for process, told in (
            (0, "process 0 cannot listen at port"),
            (1, f"the processes did not find each other at {at} within 3 seconds"),
        ):
            place = ("--coordinator", at, "--processes", 2, "--process", process)
            done = textgen("train", "prepared", *place, "--wait", "3s", KERAS_BACKEND="")
            assert done.returncode == 1 and told in done.stderr.splitlines()[-1]


@needs_jax
@pytest.mark.parametrize("launcher", ["slurm", "ompi", "mpich"])
def test_processes_that_a_launcher_started(folder, launcher):
    """What SLURM and MPI tell the processes that they start is in their environment."""
    place = address()
    port = int(place.rpartition(":")[2])
    place = place if launcher == "mpich" else "auto"
    said = {
        "slurm": lambda number: {
            "SLURM_JOB_ID": str(port),  # the port follows from it
            "SLURM_STEP_NODELIST": "localhost",
            "SLURM_NTASKS": "2",
            "SLURM_PROCID": str(number),
            "SLURM_LOCALID": str(number),
        },
        "ompi": lambda number: {
            "OMPI_MCA_orte_hnp_uri": f"{port * 2**12}.0;tcp://127.0.0.1:34911",
            "OMPI_COMM_WORLD_SIZE": "2",
            "OMPI_COMM_WORLD_RANK": str(number),
            "OMPI_COMM_WORLD_LOCAL_RANK": str(number),
        },
        "mpich": lambda number: {"PMI_SIZE": "2", "PMI_RANK": str(number)},
    }[launcher]
    command = [sys.executable, "-m", "textgen", "train", "prepared", "--coordinator", place]
    both = [
        subprocess.Popen(
            [*command, "--model", "m", *QUICK, "--epochs", "1"],
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "KERAS_BACKEND": "", **said(number)},
        )
        for number in (0, 1)
    ]
    told = [one.communicate(timeout=240)[1] for one in both]
    assert [one.returncode for one in both] == [0, 0], told
    assert "epoch 1" in told[0] and told[1] == ""


@needs_jax
@pytest.mark.skipif(not shutil.which("mpirun"), reason="needs an MPI")
def test_processes_that_mpirun_started(folder):
    told = subprocess.run(["mpirun", "--version"], capture_output=True, text=True, check=True)
    anyone = ["--allow-run-as-root", "--oversubscribe"] if "Open MPI" in told.stdout else []
    train = ["-m", "textgen", "train", "prepared", "--coordinator", address(), "--model", "m"]
    done = subprocess.run(
        ["mpirun", *anyone, "-n", "2", sys.executable, *train, *QUICK, "--epochs", "1"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "KERAS_BACKEND": ""},
    )
    assert done.returncode == 0 and "done; the best model" in done.stderr, done.stderr


@needs_jax
def test_auto_without_a_launcher(folder, textgen):
    done = textgen("train", "prepared", "--coordinator", "auto", KERAS_BACKEND="")
    assert done.returncode == 2 and "started by neither SLURM nor Open MPI" in done.stderr


def test_wrong_use_is_refused_before_anyone_is_waited_for(folder, textgen, corpus):
    place = ("--coordinator", "127.0.0.1:1", "--processes", 2, "--process", 0)
    done = textgen("train", corpus, *place, "--backend", "jax")
    if importlib.util.find_spec("jax") is None:
        assert "jax is not installed" in done.stderr
        return
    assert done.returncode == 2 and "train on a prepared corpus" in done.stderr
    done = textgen("train", "prepared", *place, "--backend", "tensorflow")
    assert done.returncode == 2 and "train on JAX, not on tensorflow" in done.stderr
    done = textgen("train", "prepared", "--processes", 2)
    assert done.returncode == 2 and "want a --coordinator" in done.stderr
    done = textgen("train", "--resume", *place, KERAS_BACKEND="")
    assert done.returncode == 2 and "and name it alone, also to resume" in done.stderr


def test_the_heard_clock_is_that_of_process_0():
    """Both go by what process 0 says, and end where the other one is asked to."""
    said = np.zeros((2, 6))

    def exchange(*mine):
        said[1] = mine
        return said

    said[0] = 0, 3, 0.4, False, False, False
    stops = [False]
    late = ByTime(time.monotonic() - 100, report=1)  # over long ago, by this process's clock
    clock = HeardClock(late, exchange, lambda: stops[0], lambda: True)
    assert clock.done(7) == 0.4 and not clock.over(7)
    said[0] = 0, 1, 0.5, False, True, True
    clock.stepped()
    clock.stepped()
    assert not clock.report_due(7)  # heard at every third step
    clock.stepped()
    assert clock.report_due(7) and clock.done(7) == 0.5 and clock.keep_due
    clock.reported(1.0)
    assert [clock.report_due(7), clock.stopped] == [False, False]
    said[0] = 0, 1, 1.0, True, False, False
    stops[0] = True
    clock.stepped()
    assert [clock.over(7), clock.stopped] == [True, True] and clock.state()["report"] == 1.0
    exact = HeardClock(ByEpochs(10, 2), exchange, lambda: False, lambda: False)
    assert exact.done(5) == 0.25 and exact.report_due(10) and not exact.over(19)


def test_a_backend_that_cannot(monkeypatch):
    with pytest.raises(UsageError, match="train on JAX, not on torch"):
        runtime.check("torch", Cluster("auto"))
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.delitem(sys.modules, "keras", raising=False)  # which would not read it any more
    with pytest.raises(UsageError, match="train on JAX, not on torch"):
        runtime.check(None, Cluster("auto"))


@contextmanager
def two_hosts():
    """Two network namespaces with a cable between them."""
    names = [f"textgen-{os.getpid()}-{number}" for number in range(2)]
    hosts = [Path("/etc/netns", name) for name in names]  # what is in it hides what is in /etc

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
            hosts[number - 1].mkdir(parents=True)
            own = f"10.97.0.{number} {socket.gethostname()}\n"
            (hosts[number - 1] / "hosts").write_text(f"127.0.0.1 localhost\n{own}")
            ip("-n", name, "addr", "add", f"10.97.0.{number}/24", "dev", end)
            ip("-n", name, "link", "set", end, "up")
        yield (
            [("ip", "netns", "exec", name) for name in names],
            lambda how: ip("-n", names[1], "link", "set", ends[1], how),
        )
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        for one in hosts:
            shutil.rmtree(one, ignore_errors=True)


def may_have_namespaces():
    if os.geteuid() or not shutil.which("ip"):
        return False
    name = f"textgen-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True)
    subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
    return made.returncode == 0


@needs_jax
@pytest.mark.skipif(not may_have_namespaces(), reason="needs network namespaces: be root")
def test_two_hosts_of_which_one_is_cut_off(folder):
    options = ("--model", "model", *QUICK, "--epochs", "9", "--checkpoint-every", "1s")
    with two_hosts() as (inside, cable):
        at = "10.97.0.1:23456"
        both = Together(folder, 2, *options, at=at, inside=inside)
        begun(folder / "model")
        cable("down")
        began = time.monotonic()
        for status, last in both.ended(60):
            assert status == 1 and last.startswith(f"textgen: error: {PROCESS_LOST}")
        assert time.monotonic() - began < 60
        cable("up")
        for status, last in Together(folder, 2, *options, at=at, inside=inside).ended():
            assert status == 0, last
    epochs = model_dir.read_model(folder / "model").record.history["epochs"]
    assert [one["epoch"] for one in epochs] == list(range(1, 10))
