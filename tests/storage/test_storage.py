"""Directories that are whole or absent, whatever happens in between."""

import ctypes
import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from textgen import storage
from textgen.errors import OutputError, PreparedError

KIND = storage.DirectoryKind("test directory", 1, PreparedError, "make it anew")
OTHER = storage.DirectoryKind("other directory", 1, PreparedError, "make it anew")


def write(**files):
    return {name: lambda path, data=data: path.write_text(data) for name, data in files.items()}


def read(directory):
    found = storage.read_files(directory, KIND, ["a", "b"])
    return {name: content.decode() for name, content in found.items()}


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    storage.write_atomic(path, b"old")

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "flush", full)
    with pytest.raises(OSError, match="No space"):
        storage.write_atomic(path, b"new")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]


def test_files_have_ordinary_rights(tmp_path):
    storage.write_atomic(tmp_path / "file", b"")
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~mask


def test_new_directory_appears_whole_or_not_at_all(tmp_path):
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


def test_what_cannot_be_renamed_is_told_before_the_work(tmp_path, monkeypatch):
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


def made_by_a_process(tmp_path, when_made, when_renamed="pass", when_exchanged="pass"):
    """Make a directory in another process, which does something in the block, something in the
    place of a rename while there is no target, or something after the exchange of two names."""
    script = f"""
import os, pathlib, signal, sys
from textgen import storage
from tests.storage.test_storage import KIND
rename = pathlib.Path.rename
def at_the_end(path, target):
    if target.name == "made" and not target.exists():
        {when_renamed}
    return rename(path, target)
pathlib.Path.rename = at_the_end
exchange = storage._exchange
def exchanged(one, other):
    done = {when_renamed!r} == "pass" and exchange(one, other)
    {when_exchanged}
    return done
storage._exchange = exchanged
with storage.create_directory(pathlib.Path("made"), KIND, force=True) as directory:
    storage.write_manifest(directory, KIND, {{}})
    {when_made}
"""
    return subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def test_what_a_killed_process_was_making_is_taken_away(tmp_path):
    target = tmp_path / "made"
    (tmp_path / ".made.notes").mkdir()  # the user's own
    with storage.create_directory(target, KIND, force=False) as directory:
        (directory / "old").write_text("")
        storage.write_manifest(directory, KIND, {})
    kill = "os.kill(os.getpid(), signal.SIGKILL)"
    for moments, exists, replaced in (
        ((kill,), True, False),
        (("pass", kill), False, False),  # where names cannot be exchanged
        (("pass", "pass", kill), True, True),
    ):
        assert made_by_a_process(tmp_path, *moments).wait() == -signal.SIGKILL
        assert len(os.listdir(tmp_path)) == 3 and target.exists() == exists
        with (
            pytest.raises(OutputError, match="made: exists"),
            storage.create_directory(target, KIND, force=False),
        ):
            pass
        assert sorted(os.listdir(tmp_path)) == [".made.notes", "made"]
        assert (target / "old").exists() != replaced


def test_what_another_process_is_making_stays(tmp_path):
    target = tmp_path / "made"
    other = made_by_a_process(tmp_path, "print(flush=True); sys.stdin.read()")
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
    """As on NFS: nobody's directory is taken away."""
    left = tmp_path / ".made.textgen-abc"
    left.mkdir()

    def none(*_):
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr("fcntl.flock", none)
    for _ in range(2):
        with storage.create_directory(tmp_path / "made", KIND, force=True) as directory:
            storage.write_manifest(directory, KIND, {})
    storage.remove_leftovers(tmp_path, ["made"])
    assert sorted(os.listdir(tmp_path)) == [left.name, "made"]


def in_time(function):
    """Whether a function returns within some seconds, in a thread that may wait forever."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    thread.join(10)
    return not thread.is_alive()


def test_no_lock_of_another_program_on_the_parent_is_waited_for(tmp_path):
    """A directory that everybody writes to can be locked by anybody."""

    def make():
        for _ in range(2):
            with storage.create_directory(tmp_path / "made", KIND, force=True) as directory:
                storage.write_manifest(directory, KIND, {})
        storage.remove_leftovers(tmp_path, ["made"])

    parent = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(parent, fcntl.LOCK_EX)
        assert in_time(make)
    finally:
        os.close(parent)
    assert os.listdir(tmp_path) == ["made"]  # and no lock file is left there


WRITER = """
import json, pathlib, sys
from textgen import storage
from tests.storage.test_storage import KIND
how, count, text = sys.argv[1:]
target = pathlib.Path("made").absolute()
if how == "two steps":
    storage._exchange = lambda *_: False
for number in range(int(count)):
    if how == "whole":
        with storage.create_directory(target, KIND, force=True) as directory:
            storage.write_manifest(directory, KIND, {})
        continue
    storage._sweep_made(target)
    with storage._temporary_directory(target) as directory:
        for name in "ab":
            (directory / name).write_text(f"{text} {number}")
        files = {name: storage.describe_file(directory / name) for name in "ab"}
        manifest = {"textgen": KIND.name, "version": KIND.version, "files": files}
        (directory / "manifest.json").write_text(json.dumps(manifest))
        storage.replace_directory(directory, target)
"""


def writer(tmp_path, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, *map(str, arguments)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def test_a_reader_finds_a_whole_directory_at_any_moment(tmp_path):
    assert writer(tmp_path, "exchange", 1, "first").wait(30) == 0
    process = writer(tmp_path, "exchange", 500, "more")
    found = set()
    while process.poll() is None:
        assert (tmp_path / "made").exists()
        both = read(tmp_path / "made")
        assert both["a"] == both["b"]
        found.add(both["a"])
    assert process.returncode == 0 and len(found) > 50
    assert os.listdir(tmp_path) == ["made"]


@pytest.mark.parametrize("how", ["whole", "exchange", "two steps"])
def test_writers_of_one_directory_do_not_disturb_each_other(tmp_path, how):
    """Each makes its own, sweeps away what others left, and puts it in the place of the last."""
    count = 20 if how == "whole" else 200
    processes = [writer(tmp_path, how, count, number) for number in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    assert os.listdir(tmp_path) == ["made"]
    if how != "whole":
        assert read(tmp_path / "made")["a"].endswith(" 199")


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


def test_a_strangers_unfinished_commit_opens_nothing_else(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_text("mine")
    listed = {"a": storage.describe_file(outside / "a"), "fifo": {"bytes": 0, "sha256": ""}}

    def left(directory):
        directory.mkdir()
        storage.write_manifest(directory, KIND, listed)
        return directory / ".pending"

    left(tmp_path / "first").symlink_to(outside)
    pending = left(tmp_path / "second")
    pending.mkdir()
    os.mkfifo(pending / "fifo")
    (pending / "a").symlink_to(outside / "a")
    (pending / "other").symlink_to("/dev/zero")
    os.mkfifo(left(tmp_path / "third"))
    left(tmp_path / "fourth").mkdir()
    for manifest, directory in zip(
        (None, None, None, "[" * 100_000), ("first", "second", "third", "fourth"), strict=True
    ):
        if manifest:
            (tmp_path / directory / "manifest.json").write_text(manifest)
        storage.commit(tmp_path / directory, KIND, write(b="new"))
        assert sorted(os.listdir(tmp_path / directory)) == ["b", "manifest.json"]
    assert os.listdir(outside) == ["a"]


@pytest.mark.parametrize("unchanged", [(), ("b",)])
@pytest.mark.parametrize("at", range(40))
def test_a_commit_killed_anywhere_leaves_one_set_or_the_other(tmp_path, monkeypatch, at, unchanged):
    """Every step that changes the disk fails once, as a kill would: nothing is tidied up after."""
    directory = tmp_path / "model"
    storage.commit(directory, KIND, write(a="old", b="old"))
    new = {"a": "new", "b": "old" if unchanged else "new"}
    changes = {name: new[name] for name in new if name not in unchanged}
    steps = 0

    class Killed(BaseException):
        pass

    def step():
        nonlocal steps
        steps += 1
        if steps > at:
            raise Killed

    def counted(function):
        def call(*arguments, **options):
            step()
            return function(*arguments, **options)

        return call

    monkeypatch.setattr("pathlib.Path.replace", counted(os.replace))
    monkeypatch.setattr(os, "fsync", counted(os.fsync))
    monkeypatch.setattr(shutil, "rmtree", counted(shutil.rmtree))
    finished = True
    try:
        storage.commit(directory, KIND, write(**changes), unchanged)
    except Killed:
        finished = False
    monkeypatch.undo()
    assert read(directory) in ({"a": "old", "b": "old"}, new)
    if finished:
        assert read(directory) == new
        assert not (directory / ".pending").exists()
    storage.commit(directory, KIND, write(a="newer", b="newer"))
    assert read(directory) == {"a": "newer", "b": "newer"}
    assert sorted(p for p in os.listdir(directory) if not p.startswith(".m")) == [
        "a",
        "b",
        "manifest.json",
    ]


def test_a_commit_that_fails_is_tidied_up(tmp_path):
    directory = tmp_path / "model"
    storage.commit(directory, KIND, write(a="old", b="old"))

    def full(_path):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        storage.commit(directory, KIND, {"a": full, **write(b="new")})
    assert read(directory) == {"a": "old", "b": "old"}
    assert sorted(os.listdir(directory)) == ["a", "b", "manifest.json"]


def test_changed_and_missing_files_are_named(tmp_path):
    directory = tmp_path / "model"
    storage.commit(directory, KIND, write(a="first", b="second"))
    (directory / "a").write_text("FIRST")
    with pytest.raises(PreparedError, match="a: changed after it was written; make it anew"):
        read(directory)
    (directory / "a").write_text("fir")
    with pytest.raises(PreparedError, match="a: truncated or changed"):
        read(directory)
    (directory / "a").unlink()
    with pytest.raises(PreparedError, match="a: missing"):
        read(directory)


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"textgen": 1}',
        '{"textgen": "test directory", "version": 1, "files": []}',
        '{"textgen": "test directory", "version": 1, "files": {"a": {"bytes": "1", "sha256": 1}}}',
        "[" * 100_000,
        "\ud800".encode("utf-8", "surrogatepass"),
    ],
)
def test_damaged_manifests_are_refused(tmp_path, manifest):
    path = tmp_path / "manifest.json"
    path.write_bytes(manifest if isinstance(manifest, bytes) else manifest.encode())
    with pytest.raises(PreparedError):
        storage.read_manifest(tmp_path, KIND)


def test_another_version_and_another_kind_are_told(tmp_path):
    storage.write_manifest(tmp_path, OTHER, {})
    with pytest.raises(PreparedError, match="is a other directory, not a test directory"):
        storage.read_manifest(tmp_path, KIND)
    (tmp_path / "manifest.json").write_text(
        json.dumps({"textgen": KIND.name, "version": 7, "files": {}})
    )
    with pytest.raises(PreparedError, match="layout 7, this one reads 1"):
        storage.read_manifest(tmp_path, KIND)
