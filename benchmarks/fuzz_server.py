"""Thousands of requests that no client should send, to a server that must stay as it is.

They are those of tests/serving/fuzzing.py: wrong fields, damaged bytes, other methods and paths,
clients that leave or send slowly. An answer of 500 and above, an answer that does not end, or
anything that is left in the server's process ends the run with status 1.

    python -m benchmarks.fuzz_server [--requests 20000] [--random-seed 0]
"""

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks import report
from tests.serving.fuzzing import OPTIONS, Fuzzer, Resources
from tests.serving.processes import serve_in_process
from tests.serving.serving import save_models

_WARM_UP = 500  # requests after which everything is loaded and allocated
_MORE_BYTES = 50_000_000


def main() -> None:
    """Send the requests and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--random-seed", type=int, default=0)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        serve_in_process(save_models(Path(folder)), *OPTIONS) as server,
    ):
        fuzzer = Fuzzer(server.address, options.random_seed)
        start = time.monotonic()
        fuzzer.run(range(_WARM_UP))
        resources = Resources(server.address, server.pid)
        fuzzer.run(range(_WARM_UP, options.requests))
        seconds = time.monotonic() - start
        more = resources.check(_MORE_BYTES)
    rows = [{"status": status, "answers": count} for status, count in sorted(fuzzer.counts.items())]
    notes = [
        f"{seconds:.0f} seconds without an error of the server, random seed {options.random_seed}; "
        "`none`: the client left, or the server closed the connection.",
        f"The process then had no more threads and files than before, and {more / 1e6:.1f} MB more "
        "memory.",
    ]
    report.write("fuzz_server", report.describe_command("fuzz_server"), rows, notes)


if __name__ == "__main__":
    main()
