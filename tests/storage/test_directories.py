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


def create(target, *, force=False, kind=KIND, **files):
    """Create a directory with a manifest and some files."""
    with storage.create_directory(target, kind, force=force) as directory:
        for name, text in files.items():
            (directory / name).write_text(text)
        storage.write_manifest(directory, kind, {})


@pytest.fixture
def target(tmp_path):
    return tmp_path / "target"


def test_a_directory_appears_when_it_is_complete(tmp_path, target):
    with storage.create_directory(target, KIND, force=False) as directory:
        (directory / "file").write_text("")
        assert not target.exists()
        storage.write_manifest(directory, KIND, {})
    assert sorted(os.listdir(target)) == ["file", "manifest.json"]
    assert os.listdir(tmp_path) == ["target"]


def test_a_directory_that_fails_leaves_nothing(tmp_path, target):
    with (
        pytest.raises(RuntimeError),
        storage.create_directory(target, KIND, force=False) as directory,
    ):
        (directory / "half").write_text("")
        raise RuntimeError
    with (
        pytest.raises(OutputError, match="target: cannot be written: No space left on device"),
        storage.create_directory(target, KIND, force=False),
    ):
        raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_renamed_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (Path(), Path("/")):
        with pytest.raises(OutputError, match="cannot be replaced"):
            storage.check_target(path, KIND, force=True)


def test_an_empty_directory_may_be_filled(target):
    target.mkdir()
    create(target)
    assert os.listdir(target) == ["manifest.json"]


def test_a_directory_is_replaced_only_by_force(target):
    create(target, first="")
    with pytest.raises(OutputError, match="--force"):
        create(target)
    create(target, force=True, second="")
    assert sorted(os.listdir(target)) == ["manifest.json", "second"]


def test_a_directory_is_replaced_only_by_one_of_its_kind(tmp_path, target):
    create(target)
    with pytest.raises(OutputError, match=OTHER.name):
        create(target, force=True, kind=OTHER)
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter").write_text("")
    with pytest.raises(OutputError, match=KIND.name):
        create(thesis, force=True)
    with pytest.raises(OutputError, match="not a directory"):
        create(thesis / "chapter", force=True)
    assert os.listdir(thesis) == ["chapter"]


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
        if target.name == "target" and not target.exists():
            kill()
        return rename(path, target)
    pathlib.Path.rename = rename_or_kill

def kill_after_the_exchange():
    # The old directory is about to be removed.
    shutil.rmtree = kill

with storage.create_directory(pathlib.Path("target"), KIND, force=True) as directory:
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
def test_what_a_killed_process_was_writing_is_removed(tmp_path, target, moment, is_there, is_new):
    (tmp_path / ".target.notes").mkdir()  # the user's
    create(target, old="")
    assert run_script(WRITE, tmp_path, moment).wait() == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 3 and target.exists() == is_there
    with pytest.raises(OutputError, match="target: exists"):
        create(target)
    assert sorted(os.listdir(tmp_path)) == [".target.notes", "target"]
    assert (target / "old").exists() != is_new


def test_what_another_process_is_writing_stays(tmp_path, target):
    other = run_script(WRITE, tmp_path, "print(flush=True); sys.stdin.read()")
    other.stdout.readline()
    with (
        pytest.raises(OutputError, match="target: exists"),
        storage.create_directory(target, KIND, force=False) as directory,
    ):
        assert len(os.listdir(tmp_path)) == 2  # the other's and this one's
        storage.write_manifest(directory, KIND, {})
        other.communicate()  # it was first, and is not replaced unasked
        assert other.returncode == 0
    assert os.listdir(tmp_path) == ["target"]


def test_where_directories_cannot_be_locked(tmp_path, target, monkeypatch):
    """As on NFS: no process removes a directory."""
    leftover = tmp_path / ".target.textgen-abc"
    leftover.mkdir()

    def fail(*_):
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr("fcntl.flock", fail)
    for _ in range(2):
        create(target, force=True)
    storage.remove_leftovers(tmp_path, ["target"])
    assert sorted(os.listdir(tmp_path)) == [leftover.name, "target"]


def returns(function):
    """Whether a function returns within some seconds, in a thread that may wait forever."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    thread.join(10)
    return not thread.is_alive()


def test_no_lock_of_another_program_on_the_parent_is_waited_for(tmp_path, target):
    """A directory that everybody writes to can be locked by anybody."""

    def write():
        for _ in range(2):
            create(target, force=True)
        storage.remove_leftovers(tmp_path, ["target"])

    parent = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(parent, fcntl.LOCK_EX)
        assert returns(write)
    finally:
        os.close(parent)
    assert os.listdir(tmp_path) == ["target"]  # and no lock file is left there


WRITE_OFTEN = """
import ctypes, json, pathlib, sys
from textgen import storage
from textgen.storage.temporary import remove_temporary_directories, temporary_directory
from tests.storage.kinds import KIND
how, count, text = sys.argv[1:]
target = pathlib.Path("target").absolute()
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


def test_a_reader_finds_a_whole_directory_at_any_moment(tmp_path, target):
    assert run_script(WRITE_OFTEN, tmp_path, "exchange", 1, "first").wait(30) == 0
    process = run_script(WRITE_OFTEN, tmp_path, "exchange", 500, "more")
    texts = set()
    while process.poll() is None:
        assert (target).exists()
        both = read_both(target)
        assert both["a"] == both["b"]
        texts.add(both["a"])
    assert process.returncode == 0 and len(texts) > 50
    assert os.listdir(tmp_path) == ["target"]


@pytest.mark.parametrize("how", ["whole", "exchange", "two steps"])
def test_writers_of_one_directory_do_not_disturb_each_other(tmp_path, target, how):
    """Each writes one, removes what others left, and replaces the last one."""
    count = 20 if how == "whole" else 200
    processes = [run_script(WRITE_OFTEN, tmp_path, how, count, writer) for writer in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    assert os.listdir(tmp_path) == ["target"]
    if how != "whole":
        assert read_both(target)["a"].endswith(" 199")


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, None])
def test_where_names_cannot_be_exchanged(tmp_path, target, monkeypatch, code):
    def renameat2(*_):
        ctypes.set_errno(code)
        return -1

    library = SimpleNamespace(**({} if code is None else {"renameat2": renameat2}))
    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: library)
    for text in ("one", "two"):
        create(target, force=True, **{text: ""})
    assert sorted(os.listdir(target)) == ["manifest.json", "two"]
    assert os.listdir(tmp_path) == ["target"]


def test_a_link_to_a_directory_stays_one(tmp_path, target):
    (tmp_path / "disk").mkdir()
    target.symlink_to("disk")
    for force in (False, True):
        create(target, force=force, **{str(force): ""})
    assert target.is_symlink() and sorted(os.listdir(tmp_path)) == ["disk", "target"]
    assert sorted(os.listdir(tmp_path / "disk")) == ["True", "manifest.json"]
