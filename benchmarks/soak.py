"""Trainings killed and resumed, disks filled, files damaged and attacks, for a given time.

Every resumed training must end with the weights of one that was never interrupted, every sample in
between must find a whole model, every damaged or false file must be refused in one line or be in
order. The first loss ends the run with status 1.

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
    chance = random.Random(options.random_seed)
    counts: Counter[str] = Counter()
    began = time.monotonic()

    def over() -> bool:
        if options.kills:
            return counts["kills"] >= int(options.kills)
        return time.monotonic() - began > 60 * float(options.minutes)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "corpus.txt").write_text(nursery_text(), encoding="utf-8")
        whole = folder / "whole"
        _finish(folder, [*_TRAIN, "--model", "whole"])
        while not over():
            _killed_and_resumed(folder, whole, chance, counts)
            _attacks(folder, whole, counts)
            _damage(folder, whole, chance, counts)
            print(dict(counts), flush=True)
    rows = [{"what": what, "times": times} for what, times in counts.items()]
    if counts["resumed trainings"] < counts["kills"] / 3:
        raise SystemExit("too few trainings went on from a checkpoint")
    minutes = (time.monotonic() - began) / 60
    notes = [f"{minutes:.0f} minutes without a loss, random seed {options.random_seed}."]
    report.write("soak", report.command("soak"), rows, notes)


def _weights(directory: Path) -> list[bytes]:
    return [array.tobytes() for array in model_dir.read_model(directory).weights]


def _start(folder: Path, arguments: list[str], bytes_at_most: int = 0) -> subprocess.Popen[str]:
    def limit() -> None:
        if bytes_at_most:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_at_most, bytes_at_most))

    return subprocess.Popen(
        [sys.executable, "-m", "textgen", "train", *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
    )


def _finish(folder: Path, arguments: list[str]) -> None:
    process = _start(folder, arguments)
    told = process.communicate()[1]
    if process.returncode:
        raise SystemExit(f"a training ended with status {process.returncode}: {told}")


def _killed_and_resumed(
    folder: Path, whole: Path, chance: random.Random, counts: Counter[str]
) -> None:
    """One training, killed or out of disk some times, then finished and compared."""
    directory = folder / "model"
    shutil.rmtree(directory, ignore_errors=True)
    arguments = [*_TRAIN, "--model", "model"]
    for _ in range(chance.randint(3, 8)):
        kept = checkpoint_path(directory)
        full = kept.exists() and chance.random() < 0.2
        process = _start(folder, arguments, kept.stat().st_size // 2 if full else 0)
        assert process.stderr is not None
        if full:
            told = process.communicate()[1]
            if "Traceback" in told or "cannot be written" not in told:
                raise SystemExit(f"a full disk was not survived: {told}")
            counts["full disks survived"] += 1
            continue
        begun = chance.random() < 0.8
        if begun:
            begun = any(line.startswith("training:") for line in process.stderr)
            while not kept.exists() and process.poll() is None:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 1))
        else:
            time.sleep(chance.uniform(0, 6))
        if (directory / storage.MANIFEST).exists():
            model_dir.load(directory).generate("The", length=20, random_seed=1)
            counts["samples in the middle of a training"] += 1
        process.kill()
        counts["resumed trainings"] += "resuming: " in process.communicate()[1]
        if process.returncode >= 0:
            break  # it came to its end, now or before
        counts["kills"] += 1
        counts["kills in the middle of a training"] += begun
    finished = (directory / storage.MANIFEST).exists() and not checkpoint_path(directory).exists()
    if not finished:
        _finish(folder, arguments)
    if _weights(directory) != _weights(whole):
        shutil.copytree(directory, Path(tempfile.gettempdir()) / "soak-lost", dirs_exist_ok=True)
        raise SystemExit("a resumed training ended with other weights; see soak-lost")
    counts["resumed trainings with the same weights"] += 1


def _attacks(folder: Path, whole: Path, counts: Counter[str]) -> None:
    """The attacks that the tests build, each as a real file."""
    for change in test_untrusted.ATTACKS:
        copy = test_untrusted.attacked(whole, folder, change)
        try:
            model_dir.load(copy)
        except TextgenError:
            counts["attacks refused"] += 1
        else:
            raise SystemExit(f"an attack was not refused: {change}")


def _damage(folder: Path, whole: Path, chance: random.Random, counts: Counter[str]) -> None:
    """Files with some bytes changed, with a manifest that agrees with them."""
    kept = folder / "kept.npz"
    shutil.rmtree(folder / "other", ignore_errors=True)
    process = _start(folder, [*_TRAIN, "--model", "other"])
    while process.poll() is None and not checkpoint_path(folder / "other").exists():
        time.sleep(0.05)
    process.kill()
    process.communicate()
    shutil.copy(checkpoint_path(folder / "other"), kept)
    for _ in range(_INPUTS):
        kind = chance.choice(["model", "prepared", "checkpoint"])
        try:
            if kind == "checkpoint":
                damaged = folder / "damaged.npz"
                damaged.write_bytes(_spoiled(kept.read_bytes(), chance))
                checkpoint.read_checkpoint(damaged)
            elif kind == "model":
                copy = test_untrusted.fresh(whole, folder)
                path = chance.choice([one for one in copy.iterdir() if one.is_file()])
                path.write_bytes(_spoiled(path.read_bytes(), chance))
                if path.name != storage.MANIFEST:
                    test_untrusted.sign(copy, MODEL_KIND)
                test_untrusted.use_model(copy)
            else:
                copy = test_untrusted.fresh(cache_path(whole), folder)
                path = chance.choice([one for one in copy.iterdir() if one.is_file()])
                path.write_bytes(_spoiled(path.read_bytes(), chance))
                if path.name != storage.MANIFEST:
                    test_untrusted.sign(copy, prepared.PREPARED_KIND)
                prepared.open_prepared(copy)
        except TextgenError:
            counts["damaged inputs refused"] += 1
        else:
            counts["damaged inputs that were valid all the same"] += 1


def _spoiled(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 5)):
        if changed and chance.random() < 0.8:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        else:
            del changed[chance.randrange(len(changed) + 1) :]
    return bytes(changed)


if __name__ == "__main__":
    main()
