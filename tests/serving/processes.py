"""A server in a separate process, as users start it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_FIRST_LINE = re.compile(r"textgen: serving .+ on (http://\S+)\n")


@dataclass(frozen=True)
class ServerProcess:
    """A server that runs.

    Attributes:
        address: Where, as http://HOST:PORT.
        pid: The number of its process.
    """

    address: str
    pid: int


@contextmanager
def serve_in_process(
    models: Mapping[str, Path],
    *options: str,
    key: str = "",
    program: Sequence[str] = (sys.executable, "-m", "textgen"),
) -> Iterator[ServerProcess]:
    """Run `textgen serve` on a free port, until the block ends; it must end with status 0.

    Args:
        models: Model directories by the names that clients use.
        options: More options.
        key: The key that clients must send; empty for none.
        program: Starts textgen.
    """
    named = [f"{name}={path}" for name, path in models.items()]
    process = subprocess.Popen(
        [*program, "serve", *named, "--port", "0", "--quiet", *options],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **({"TEXTGEN_API_KEY": key} if key else {})},
    )
    assert process.stderr is not None
    try:
        first = process.stderr.readline()
        match = _FIRST_LINE.fullmatch(first)
        assert match, first + process.stderr.read()
        yield ServerProcess(match[1], process.pid)
        process.terminate()
        _, lines = process.communicate(timeout=30)
        assert (process.returncode, lines) == (0, ""), lines
    finally:
        process.kill()
        process.wait()
