"""Writes the results of a benchmark: a table to read, JSON to compare."""

import json
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_EXTENSIONS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")  # that speed depends on
_RESULTS = Path(__file__).parent / "results"


def read_rows(name: str) -> list[dict[str, Any]]:
    """The rows that a benchmark wrote last."""
    path = _RESULTS / f"{name}.json"
    rows: list[dict[str, Any]] = json.loads(path.read_bytes())["rows"] if path.exists() else []
    return rows


def write(
    name: str,
    command: str,
    rows: Sequence[dict[str, Any]],
    notes: Sequence[str],
    programs: Sequence[str] = (),
) -> None:
    """Print a table and write it to benchmarks/results/NAME.md and NAME.json.

    Args:
        name: The benchmark's name.
        command: The command that makes these figures.
        rows: One object for each row, all with the same keys.
        notes: Lines below the table.
        programs: Names and versions of programs other than Python that were measured.
    """
    machine = ", ".join((_describe_machine(), *programs))
    columns = list(rows[0])
    cells = [[_format(row[column]) for column in columns] for row in rows]
    lines = [
        f"# {name}",
        "",
        f"    {command}",
        "",
        "| " + " | ".join(columns) + " |",
        "| " + " | ".join("---" for _ in columns) + " |",
        *("| " + " | ".join(row) + " |" for row in cells),
        "",
        *notes,
        "",
        f"Machine: {machine}",
        "",
    ]
    text = "\n".join(lines)
    _RESULTS.mkdir(exist_ok=True)
    (_RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    data = {
        "command": command,
        "machine": machine,
        "rows": list(rows),
        "notes": list(notes),
    }
    (_RESULTS / f"{name}.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    print(text)


def _format(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def describe_processor() -> str:
    """The processor of this machine, and which of its instruction sets speed depends on."""
    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                processor = line.split(":", 1)[1].strip()
            if line.startswith("flags"):
                extensions = [name for name in _EXTENSIONS if name in line.split()]
                processor = f"{processor} ({', '.join(extensions) or 'no avx2'})"
                break
    return processor


def _describe_machine() -> str:
    return f"{describe_processor()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}"


def describe_command(name: str) -> str:
    """The command that is running, with files and directories by their names alone."""
    arguments = (Path(word).name if Path(word).exists() else word for word in sys.argv[1:])
    return shlex.join(["python", "-m", f"benchmarks.{name}", *arguments])
