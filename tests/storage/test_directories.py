"""Directories that are complete or absent, whatever happens in between."""

import ctypes
import errno
import fcntl
import os
import signal
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.storage.kinds import KIND, OTHER, read_both, run_script
from textgen import storage
from textgen.errors import OutputError


def test_a_directory_appears_complete_or_not_at_all(tmp_path):
    target = tmp_path / "made"
    with (
        pytest.raises(RuntimeError),
        storage.create_directory(target, KIND, force=False) as directory,
    ):
        (directory / "half").write_text("")
        raise RuntimeError
    assert os.listdir(tmp_path) == []
    with (
        pytest.raises(OutputError, match="made: cannot be written: No space left on device"),
        storage.create_directory(target, KIND, force=False),
    ):
        raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == []
    with storage.create_directory(target, KIND, force=False) as directory:
        (directory / "whole").write_text("")
        assert not target.exists()
        storage.write_manifest(directory, KIND, {})
    assert sorted(os.listdir(target)) == ["manifest.json", "whole"]
    assert os.listdir(tmp_path) == ["made"]


def test_what_cannot_be_renamed_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for target in (Path(), Path("/")):
        with pytest.raises(OutputError, match="cannot be replaced; name a directory in it"):
            storage.check_target(target, KIND, force=True)


def test_what_exists_is_replaced_only_by_force_and_only_by_its_own_kind(tmp_path):
    target = tmp_path / "made"
    target.mkdir()
    with storage.create_directory(target, KIND, force=False) as directory:  # empty: may be filled
        storage.write_manifest(directory, KIND, {})
    with (
        pytest.raises(OutputError, match="--force"),
        storage.create_directory(target, KIND, force=False),
    ):
        pass
    with storage.create_directory(target, KIND, force=True) as directory:
        storage.write_manifest(directory, KIND, {})
        (directory / "second").write_text("")
    assert (target / "second").exists()
    with (
        pytest.raises(OutputError, match="is not a other"),
        storage.create_directory(target, OTHER, force=True),
    ):
        pass
    precious = tmp_path / "thesis"
    precious.mkdir()
    (precious / "chapter").write_text("")
    with pytest.raises(OutputError), storage.create_directory(precious, KIND, force=True):
        pass
    file = tmp_path / "file"
    file.write_text("")
    with (
        pytest.raises(OutputError, match="not a directory"),
        storage.create_directory(file, KIND, force=True),
    ):
        pass


WRITE = """
import os, pathlib, shutil, signal, sys
from textgen import storage
from tests.storage.kinds import KIND

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def kill_between_two_renames():
    # Without renameat2 there is a moment without a target.
    import ctypes
    ctypes.CDLL = lambda *_, **__: object()
    rename = pathlib.Path.rename
    def rename_or_kill(path, target):
        if target.name == "made" and not target.exists():
            kill()
        return rename(path, target)
    pathlib.Path.rename = rename_or_kill

def kill_after_the_exchange():
    # The old directory is about to be removed.
    shutil.rmtree = kill

with storage.create_directory(pathlib.Path("made"), KIND, force=True) as directory:
    storage.write_manifest(directory, KIND, {})
    exec(sys.argv[1])
"""


@pytest.mark.parametrize(
    ("moment", "is_there", "is_new"),
    [
        ("kill()", True, False),
        ("kill_between_two_renames()", False, False),
        ("kill_after_the_exchange()", True, True),
    ],
)
def test_what_a_killed_process_was_writing_is_removed(tmp_path, moment, is_there, is_new):
    target = tmp_path / "made"
    (tmp_path / ".made.notes").mkdir()  # the user's
    with storage.create_directory(target, KIND, force=False) as directory:
        (directory / "old").write_text("")
        storage.write_manifest(directory, KIND, {})
    assert run_script(WRITE, tmp_path, moment).wait() == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 3 and target.exists() == is_there
    with (
        pytest.raises(OutputError, match="made: exists"),
        storage.create_directory(target, KIND, force=False),
    ):
        pass
    assert sorted(os.listdir(tmp_path)) == [".made.notes", "made"]
    assert (target / "old").exists() != is_new


def test_what_another_process_is_writing_stays(tmp_path):
    target = tmp_path / "made"
    other = run_script(WRITE, tmp_path, "print(flush=True); sys.stdin.read()")
    other.stdout.readline()
    with (
        pytest.raises(OutputError, match="made: exists"),
        storage.create_directory(target, KIND, force=False) as directory,
    ):
        assert len(os.listdir(tmp_path)) == 2  # the other's and this one's
        storage.write_manifest(directory, KIND, {})
        other.communicate()  # it was first, and is not replaced unasked
        assert other.returncode == 0
    assert os.listdir(tmp_path) == ["made"]


def test_where_directories_cannot_be_locked(tmp_path, monkeypatch):
    """As on NFS: no process removes a directory."""
    leftover = tmp_path / ".made.textgen-abc"
    leftover.mkdir()

    def fail(*_):
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr("fcntl.flock", fail)
    for _ in range(2):
        with storage.create_directory(tmp_path / "made", KIND, force=True) as directory:
            storage.write_manifest(directory, KIND, {})
    storage.remove_leftovers(tmp_path, ["made"])
    assert sorted(os.listdir(tmp_path)) == [leftover.name, "made"]


def returns(function):
    """Whether a function returns within some seconds, in a thread that may wait forever."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    thread.join(10)
    return not thread.is_alive()


def test_no_lock_of_another_program_on_the_parent_is_waited_for(tmp_path):
    """A directory that everybody writes to can be locked by anybody."""

    def write():
        for _ in range(2):
            with storage.create_directory(tmp_path / "made", KIND, force=True) as directory:
                storage.write_manifest(directory, KIND, {})
        storage.remove_leftovers(tmp_path, ["made"])

    parent = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(parent, fcntl.LOCK_EX)
        assert returns(write)
    finally:
        os.close(parent)
    assert os.listdir(tmp_path) == ["made"]  # and no lock file is left there


WRITE_OFTEN = """
import ctypes, json, pathlib, sys
from textgen import storage
from textgen.storage.temporary import remove_temporary_directories, temporary_directory
from tests.storage.kinds import KIND
how, count, text = sys.argv[1:]
target = pathlib.Path("made").absolute()
if how == "two steps":
    ctypes.CDLL = lambda *_, **__: object()  # without renameat2
for number in range(int(count)):
    if how == "whole":
        with storage.create_directory(target, KIND, force=True) as directory:
            storage.write_manifest(directory, KIND, {})
        continue
    remove_temporary_directories(target)
    with temporary_directory(target) as directory:
        for name in "ab":
            (directory / name).write_text(f"{text} {number}")
        files = {name: storage.describe_file(directory / name) for name in "ab"}
        manifest = {"textgen": KIND.name, "version": KIND.version, "files": files}
        (directory / "manifest.json").write_text(json.dumps(manifest))
        storage.replace_directory(directory, target)
"""


def test_a_reader_finds_a_whole_directory_at_any_moment(tmp_path):
    assert run_script(WRITE_OFTEN, tmp_path, "exchange", 1, "first").wait(30) == 0
    process = run_script(WRITE_OFTEN, tmp_path, "exchange", 500, "more")
    texts = set()
    while process.poll() is None:
        assert (tmp_path / "made").exists()
        both = read_both(tmp_path / "made")
        assert both["a"] == both["b"]
        texts.add(both["a"])
    assert process.returncode == 0 and len(texts) > 50
    assert os.listdir(tmp_path) == ["made"]


@pytest.mark.parametrize("how", ["whole", "exchange", "two steps"])
def test_writers_of_one_directory_do_not_disturb_each_other(tmp_path, how):
    """Each writes one, removes what others left, and replaces the last one."""
    count = 20 if how == "whole" else 200
    processes = [run_script(WRITE_OFTEN, tmp_path, how, count, writer) for writer in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    assert os.listdir(tmp_path) == ["made"]
    if how != "whole":
        assert read_both(tmp_path / "made")["a"].endswith(" 199")


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, None])
def test_where_names_cannot_be_exchanged(tmp_path, monkeypatch, code):
    def renameat2(*_):
        ctypes.set_errno(code)
        return -1

    library = SimpleNamespace(**({} if code is None else {"renameat2": renameat2}))
    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: library)
    for text in ("one", "two"):
        with storage.create_directory(tmp_path / "made", KIND, force=True) as directory:
            storage.write_manifest(directory, KIND, {})
            (directory / text).write_text("")
    assert sorted(os.listdir(tmp_path / "made")) == ["manifest.json", "two"]
    assert os.listdir(tmp_path) == ["made"]


def test_a_link_to_a_directory_stays_one(tmp_path):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "made"
    link.symlink_to("disk")
    for force in (False, True):
        with storage.create_directory(link, KIND, force=force) as directory:
            storage.write_manifest(directory, KIND, {})
            (directory / str(force)).write_text("")
    assert link.is_symlink() and sorted(os.listdir(tmp_path)) == ["disk", "made"]
    assert sorted(os.listdir(tmp_path / "disk")) == ["True", "manifest.json"]
