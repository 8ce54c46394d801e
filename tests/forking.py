"""textgen in new processes that have imported everything: they start in milliseconds.

Importing TensorFlow takes seconds, and hundreds of tests run the program. So one process imports
what textgen needs and runs nothing; for each call it forks a process, which gets the arguments, the
directory, the environment and the standard streams of that call, and then starts as `python -m
textgen` does. Tests of how the program starts, and those that set variables which packages read
when they are imported, run Python anew.
"""

import atexit
import fcntl
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NoReturn

# These may differ from call to call. All others are as they were when packages were imported.
FREE = ("TEXTGEN_", "PYTEST_CURRENT_TEST", "XDG_STATE_HOME", "TERM")
# Options that choose Keras's backend; several processes train on JAX.
BACKENDS = {"--backend", "--coordinator"}


def program_after(before: str) -> tuple[str, ...]:
    """The words that start textgen in a new Python, after some code in the same process."""
    if not before:
        return sys.executable, "-m", "textgen"
    return sys.executable, "-c", f"{before}\nfrom textgen.__main__ import main\nmain()"


class Fork:
    """A process of textgen, with what the tests use of `subprocess.Popen`.

    Args:
        connection: Where its number and, once it has ended, its status are received.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.stdin: IO[str] | None = None
        self.stderr: IO[str] | None = None
        self.returncode: int | None = None
        self._connection = connection
        connection.settimeout(300)  # the first waits for the imports
        self.pid = int.from_bytes(_receive(connection, 4), "big")

    def poll(self) -> int | None:
        try:
            return self.wait(1e-6)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                data = _receive(self._connection, 4)
            except TimeoutError:
                raise subprocess.TimeoutExpired("textgen", timeout or 0) from None
            self.returncode = int.from_bytes(data, "big", signed=True)
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forks:
    """Runs textgen in forks of one process.

    Args:
        packages: What that process imports.
    """

    def __init__(self, packages: Sequence[str]) -> None:
        self._socket, theirs = socket.socketpair()
        self._environment = dict(os.environ)
        self._log = TemporaryFile()  # noqa: SIM115
        self._forks: list[Fork] = []
        code = "from tests.forking import serve; serve()"
        self._server = subprocess.Popen(
            [sys.executable, "-c", code, str(theirs.fileno()), *packages],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()

    def can_start(self, arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
        """Whether these would import the same: Keras on the same backend, for one."""
        changed = environment.items() ^ self._environment.items()
        return not BACKENDS & {*arguments} and all(name.startswith(FREE) for name, _ in changed)

    def start(
        self,
        arguments: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
        streams: Sequence[int | None],
        before: str = "",
    ) -> Fork:
        """Start `textgen ARGUMENTS` with these as its standard streams; None for a closed one.

        Code that is to run `before`, in that process, may change functions of textgen.
        """
        mine, theirs = socket.socketpair()
        closed = [number for number, stream in enumerate(streams) if stream is None]
        request = json.dumps([arguments, str(cwd), dict(environment), closed, before]).encode()
        size = len(request).to_bytes(4, "big")
        descriptors = [theirs.fileno() if stream is None else stream for stream in streams]
        try:
            socket.send_fds(self._socket, [size], [*descriptors, theirs.fileno()])
            self._socket.sendall(request)
            theirs.close()
            self._forks.append(Fork(mine))
        except (EOFError, OSError):
            self._log.seek(0)
            log = self._log.read().decode()
            raise RuntimeError(f"the process that forks has ended: {log}") from None
        return self._forks[-1]

    def run(
        self,
        arguments: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
        stdin: bytes | None,
        timeout: float,
    ) -> tuple[int, bytes, bytes]:
        """The exit status, standard output and standard error of `textgen ARGUMENTS`.

        Raises:
            subprocess.TimeoutExpired: it took too long, and was killed.
        """
        with TemporaryFile() as given, TemporaryFile() as output, TemporaryFile() as errors:
            given.write(stdin or b"")
            given.seek(0)
            streams = [file.fileno() for file in (given, output, errors)]
            process = self.start(arguments, cwd, environment, streams)
            try:
                status = process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            for file in (output, errors):
                file.seek(0)
            return status, output.read(), errors.read()

    def close(self) -> None:
        for process in self._forks:
            if process.returncode is None:
                process.kill()
        self._socket.close()
        self._server.wait(60)


def _receive(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def serve() -> None:
    """Fork a process for each request until no more can come; in that process, run textgen."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    for package in sys.argv[2:]:
        __import__(package)
    from textgen.__main__ import main

    gc.collect()
    gc.freeze()  # else each process would copy the memory of all objects when it collects garbage
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait
    while True:
        size, descriptors, *_ = socket.recv_fds(connection, 4, 4)
        if not size:
            return
        request = _receive(connection, int.from_bytes(size, "big"))
        arguments, cwd, environment, closed, before = json.loads(request)
        *streams, status = descriptors
        if os.fork() == 0:
            connection.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if _is_program(status, streams):
                _become(arguments, cwd, environment, streams)
                _open(closed)
                try:
                    exec(before, {})
                    main()
                except SystemExit as end:
                    _exit(end.code)
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def _is_program(connection: int, streams: Sequence[int]) -> bool:
    """Fork the program. In the process that waits for it: false once it has ended.

    The program runs while others are started, so another process waits for it.
    """
    with socket.socket(fileno=connection) as status:
        if (number := os.fork()) == 0:
            return True
        for stream in streams:
            os.close(stream)
        status.sendall(number.to_bytes(4, "big"))
        ended = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
        with suppress(OSError):  # nobody wants to know
            status.sendall(ended.to_bytes(4, "big", signed=True))
    return False


def _become(
    arguments: list[str], cwd: str, environment: dict[str, str], streams: Sequence[int]
) -> None:
    """Turn this process into one that starts with these, in a session of its terminal."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    if os.isatty(0):
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["textgen", *arguments]


def _open(closed: Sequence[int]) -> None:
    """Open the standard streams but those that are to be closed, as Python does."""
    for number in closed:
        os.close(number)
    files: list[Any] = [
        None if number in closed else open(number, mode, closefd=False)  # noqa: SIM115
        for number, mode in enumerate("rww")
    ]
    if files[2] is not None:
        files[2].reconfigure(errors="backslashreplace", line_buffering=True)
    sys.stdin, sys.stdout, sys.stderr = files


def _exit(status: Any) -> NoReturn:
    """End as Python does, except that no module is taken apart, which takes a second."""
    streams: list[Any] = [sys.stdout, sys.stderr]
    if status is not None and not isinstance(status, int):
        if sys.stderr is not None:
            sys.stderr.write(f"{status}\n")
        status = 1
    atexit._run_exitfuncs()
    for stream in filter(None, streams):
        stream.flush()
    os._exit(status or 0)
