"""How processes find each other, and what is said where they do not."""

import importlib.util
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.distributed.together import QUICK, free_address, needs_jax, start
from textgen.compute import runtime
from textgen.distributed.cluster import Cluster
from textgen.distributed.joining import describe_missing
from textgen.errors import UsageError

pytestmark = pytest.mark.timeout(600)
TRAIN = (sys.executable, "-m", "textgen", "train", "prepared")


def place(process, address):
    return ("--coordinator", address, "--processes", "2", "--process", str(process))


@needs_jax
@pytest.mark.parametrize("process", [0, 1])
def test_ctrl_c_while_others_are_waited_for(folder, process):
    waiting = start(folder, *TRAIN, *place(process, free_address()))
    time.sleep(5)
    waiting.send_signal(signal.SIGINT)
    assert "Traceback" not in waiting.communicate(timeout=20)[1]
    assert waiting.returncode == 130


@needs_jax
@pytest.mark.parametrize("process", [0, 1])
def test_others_that_are_not_there(folder, textgen, process):
    address = free_address()
    began = time.monotonic()
    done = textgen("train", "prepared", *place(process, address), "--wait", "3s", KERAS_BACKEND="")
    assert done.returncode == 1 and time.monotonic() - began < 40
    line = done.stderr.splitlines()[-1]
    assert "did not find each other" in line and address in line and "within 3 seconds" in line


@needs_jax
@pytest.mark.parametrize(
    ("process", "fact"), [(0, "cannot listen at port {}"), (1, "did not find each other")]
)
def test_a_port_that_is_taken_or_does_not_answer(folder, textgen, process, fact):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        cluster = place(process, f"127.0.0.1:{port}")
        done = textgen("train", "prepared", *cluster, "--wait", "3s", KERAS_BACKEND="")
    assert done.returncode == 1 and fact.format(port) in done.stderr.splitlines()[-1]


def launched_by_slurm(number, port):
    return {
        "SLURM_JOB_ID": str(port),  # the port follows from it
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_NTASKS": "2",
        "SLURM_PROCID": str(number),
        "SLURM_LOCALID": str(number),
    }


def launched_by_open_mpi(number, port):
    return {
        "OMPI_MCA_orte_hnp_uri": f"{port * 2**12}.0;tcp://127.0.0.1:34911",
        "OMPI_COMM_WORLD_SIZE": "2",
        "OMPI_COMM_WORLD_RANK": str(number),
        "OMPI_COMM_WORLD_LOCAL_RANK": str(number),
    }


def launched_by_mpich(number, _port):
    return {"PMI_SIZE": "2", "PMI_RANK": str(number)}


@needs_jax
@pytest.mark.parametrize("variables", [launched_by_slurm, launched_by_open_mpi, launched_by_mpich])
def test_processes_that_a_launcher_started(folder, variables):
    """What SLURM and MPI tell the processes that they start is in their environment."""
    address = free_address()
    port = int(address.rpartition(":")[2])
    coordinator = address if variables is launched_by_mpich else "auto"
    options = ("--coordinator", coordinator, "--model", "m", *QUICK, "--epochs", "1")
    processes = [start(folder, *TRAIN, *options, **variables(number, port)) for number in (0, 1)]
    errors = [process.communicate(timeout=240)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    assert "epoch 1" in errors[0] and errors[1] == ""


@needs_jax
@pytest.mark.skipif(not shutil.which("mpirun"), reason="needs an MPI")
def test_processes_that_mpirun_started(folder):
    version = subprocess.run(["mpirun", "--version"], capture_output=True, text=True, check=True)
    anyone = ("--allow-run-as-root", "--oversubscribe") if "Open MPI" in version.stdout else ()
    options = ("--coordinator", free_address(), "--model", "m", *QUICK, "--epochs", "1")
    launcher = start(folder, "mpirun", *anyone, "-n", "2", *TRAIN, *options)
    error = launcher.communicate(timeout=240)[1]
    assert launcher.returncode == 0 and "done; the best model" in error, error


@needs_jax
def test_auto_without_a_launcher(folder, textgen):
    done = textgen("train", "prepared", "--coordinator", "auto", KERAS_BACKEND="")
    assert done.returncode == 2 and "neither SLURM nor Open MPI" in done.stderr


@needs_jax
@pytest.mark.parametrize(
    ("arguments", "fact"),
    [
        (("corpus.txt", *place(0, "127.0.0.1:1")), "prepared corpus"),
        (("prepared", *place(0, "127.0.0.1:1"), "--backend", "tensorflow"), "--backend jax"),
        (("prepared", "--processes", 2), "--coordinator"),
        (("--resume", *place(0, "127.0.0.1:1")), "also to resume"),
    ],
)
def test_wrong_use_is_refused_before_anyone_is_waited_for(folder, textgen, arguments, fact):
    done = textgen("train", *arguments, KERAS_BACKEND="")
    assert done.returncode == 2 and fact in done.stderr.splitlines()[-1]


@pytest.mark.skipif(importlib.util.find_spec("jax") is not None, reason="JAX is installed")
def test_without_jax(folder, textgen, corpus):
    done = textgen("train", corpus, *place(0, "127.0.0.1:1"), "--backend", "jax")
    assert "jax is not installed" in done.stderr


def test_a_backend_that_cannot_train_in_several_processes(monkeypatch):
    with pytest.raises(UsageError, match="JAX.*torch"):
        runtime.check("torch", Cluster("auto"))
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.delitem(sys.modules, "keras", raising=False)  # which would not read it any more
    with pytest.raises(UsageError, match="JAX.*torch"):
        runtime.check(None, Cluster("auto"))


def test_the_line_about_missing_processes_names_the_address_and_the_time():
    assert "at host0:80 within 7 seconds" in describe_missing(Cluster("host0:80", 2, 0, wait=7))
    assert "as they were started" in describe_missing(Cluster("auto"))
