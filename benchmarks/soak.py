"""Trainings killed and resumed, disks filled, files damaged and attacks, for a given time.

Every resumed training must end with the weights of one that was never interrupted. Every sample
must find a complete model. Every damaged or false file must be refused in one line, or be valid.
The first failure ends the run with status 1.

    python -m benchmarks.soak [--minutes 15] [--kills 100]
"""

import argparse
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks import report
from tests import test_untrusted
from tests.conftest import nursery_text
from textgen import storage
from textgen.errors import TextgenError
from textgen.model import model_dir
from textgen.model.paths import MODEL_KIND, cache_path, checkpoint_path
from textgen.text import prepared
from textgen.training import checkpoint

_TRAIN = [
    *("corpus.txt", "--units", "12", "--embedding", "4", "--maxlen", "10", "--batch-size", "4"),
    *("--dropout", "0.2", "--drop-connect", "0.1", "--epochs", "25", "--sample-length", "20"),
    *("--checkpoint-every", "0.3s"),
]
_INPUTS = 200  # damaged files between two trainings


def main() -> None:
    """Soak and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--kills", type=int, default=0, help="end after so many kills instead")
    parser.add_argument("--random-seed", type=int, default=0)
    options = parser.parse_args()
    generator = random.Random(options.random_seed)
    counts: Counter[str] = Counter()
    start = time.monotonic()

    def is_done() -> bool:
        if options.kills:
            return counts["kills"] >= int(options.kills)
        return time.monotonic() - start > 60 * float(options.minutes)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "corpus.txt").write_text(nursery_text(), encoding="utf-8")
        reference = folder / "reference"
        _finish(folder, [*_TRAIN, "--model", "reference"])
        while not is_done():
            _kill_and_resume(folder, reference, generator, counts)
            _attack(folder, reference, counts)
            _damage(folder, reference, generator, counts)
            print(dict(counts), flush=True)
    rows = [{"what": what, "times": times} for what, times in counts.items()]
    if counts["resumed trainings"] < counts["kills"] / 3:
        raise SystemExit("too few trainings resumed from a checkpoint")
    minutes = (time.monotonic() - start) / 60
    notes = [f"{minutes:.0f} minutes without a failure, random seed {options.random_seed}."]
    report.write("soak", report.describe_command("soak"), rows, notes)


def _read_weights(directory: Path) -> list[bytes]:
    return [array.tobytes() for array in model_dir.read_model(directory).weights]


def _start(folder: Path, arguments: list[str], file_limit: int = 0) -> subprocess.Popen[str]:
    def set_limit() -> None:
        if file_limit:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

    return subprocess.Popen(
        [sys.executable, "-m", "textgen", "train", *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=set_limit,
    )


def _finish(folder: Path, arguments: list[str]) -> None:
    process = _start(folder, arguments)
    errors = process.communicate()[1]
    if process.returncode:
        raise SystemExit(f"a training ended with status {process.returncode}: {errors}")


def _kill_and_resume(
    folder: Path, reference: Path, generator: random.Random, counts: Counter[str]
) -> None:
    """Kill a training or fill its disk several times, then finish it and compare its weights."""
    directory = folder / "model"
    shutil.rmtree(directory, ignore_errors=True)
    arguments = [*_TRAIN, "--model", "model"]
    for _ in range(generator.randint(3, 8)):
        saved = checkpoint_path(directory)
        is_full = saved.exists() and generator.random() < 0.2
        process = _start(folder, arguments, saved.stat().st_size // 2 if is_full else 0)
        assert process.stderr is not None
        if is_full:
            errors = process.communicate()[1]
            if "Traceback" in errors or "cannot be written" not in errors:
                raise SystemExit(f"a full disk was not survived: {errors}")
            counts["full disks survived"] += 1
            continue
        is_training = generator.random() < 0.8
        if is_training:
            is_training = any(line.startswith("training:") for line in process.stderr)
            while not saved.exists() and process.poll() is None:
                time.sleep(0.01)
            time.sleep(generator.uniform(0, 1))
        else:
            time.sleep(generator.uniform(0, 6))
        if (directory / storage.MANIFEST).exists():
            model_dir.load(directory).generate("The", length=20, random_seed=1)
            counts["samples in the middle of a training"] += 1
        process.kill()
        counts["resumed trainings"] += "resuming: " in process.communicate()[1]
        if process.returncode >= 0:
            break  # it had ended
        counts["kills"] += 1
        counts["kills in the middle of a training"] += is_training
    has_model = (directory / storage.MANIFEST).exists()
    if not has_model or checkpoint_path(directory).exists():
        _finish(folder, arguments)
    if _read_weights(directory) != _read_weights(reference):
        shutil.copytree(directory, Path(tempfile.gettempdir()) / "soak-failed", dirs_exist_ok=True)
        raise SystemExit("a resumed training ended with other weights; see soak-failed")
    counts["resumed trainings with the same weights"] += 1


def _attack(folder: Path, reference: Path, counts: Counter[str]) -> None:
    """Open a model with each of the attacks that the tests build."""
    for change in test_untrusted.ATTACKS:
        copy = test_untrusted.attacked(reference, folder, change)
        try:
            model_dir.load(copy)
        except TextgenError:
            counts["attacks refused"] += 1
        else:
            raise SystemExit(f"an attack was not refused: {change}")


def _damage(folder: Path, reference: Path, generator: random.Random, counts: Counter[str]) -> None:
    """Change some bytes of a file, make the manifest agree with it, and open it."""
    saved = folder / "saved.npz"
    shutil.rmtree(folder / "other", ignore_errors=True)
    process = _start(folder, [*_TRAIN, "--model", "other"])
    while process.poll() is None and not checkpoint_path(folder / "other").exists():
        time.sleep(0.05)
    process.kill()
    process.communicate()
    shutil.copy(checkpoint_path(folder / "other"), saved)
    for _ in range(_INPUTS):
        kind = generator.choice(["model", "prepared", "checkpoint"])
        try:
            if kind == "checkpoint":
                damaged = folder / "damaged.npz"
                damaged.write_bytes(_spoil(saved.read_bytes(), generator))
                checkpoint.read_checkpoint(damaged)
            elif kind == "model":
                copy = test_untrusted.fresh(reference, folder)
                path = generator.choice([path for path in copy.iterdir() if path.is_file()])
                path.write_bytes(_spoil(path.read_bytes(), generator))
                if path.name != storage.MANIFEST:
                    test_untrusted.sign(copy, MODEL_KIND)
                test_untrusted.use_model(copy)
            else:
                copy = test_untrusted.fresh(cache_path(reference), folder)
                path = generator.choice([path for path in copy.iterdir() if path.is_file()])
                path.write_bytes(_spoil(path.read_bytes(), generator))
                if path.name != storage.MANIFEST:
                    test_untrusted.sign(copy, prepared.PREPARED_KIND)
                prepared.open_prepared(copy)
        except TextgenError:
            counts["damaged inputs refused"] += 1
        else:
            counts["damaged inputs that were still valid"] += 1


def _spoil(content: bytes, generator: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(generator.randint(1, 5)):
        if changed and generator.random() < 0.8:
            changed[generator.randrange(len(changed))] = generator.randrange(256)
        else:
            del changed[generator.randrange(len(changed) + 1) :]
    return bytes(changed)


if __name__ == "__main__":
    main()
