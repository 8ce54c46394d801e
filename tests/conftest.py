"""What tests share: a small text, small trained models, a way to run textgen."""

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("suite", deadline=None, max_examples=60)
settings.load_profile("suite")

RELEASED = Path(__file__).parent / "released/0.1.0"
FRAMEWORKS = ("keras", "tensorflow", "jax", "torch")
IMPORT = re.compile(rf"^(import|from) ({'|'.join(FRAMEWORKS)}|tests.compute.here)\b", re.MULTILINE)

# The tests do not depend on the user's environment.
for name in ("TEXTGEN_MODEL", "TEXTGEN_DEBUG"):
    os.environ.pop(name, None)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-framework",
        action="store_true",
        help="leave out tests that need a framework, and fail where another imports one",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--no-framework"):
        forbid_frameworks()


def forbid_frameworks() -> None:
    """Make `import keras` fail, in this process and in those that it starts."""
    if loaded := sorted(sys.modules.keys() & set(FRAMEWORKS)):
        raise pytest.UsageError(f"--no-framework: {', '.join(loaded)} is loaded already")
    directory = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, directory)
    for name in FRAMEWORKS:
        code = f"raise RuntimeError('{name} is imported in a test that should need no framework')"
        Path(directory, f"{name}.py").write_text(code, encoding="utf-8")
    sys.path.insert(0, directory)
    path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([directory, *([path] if path else [])])


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if config.getoption("--no-framework") and collection_path.suffix == ".py":
        code = collection_path.read_text(encoding="utf-8")
        return bool(IMPORT.search(code)) or None
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--no-framework"):
        items[:] = [item for item in items if not item.get_closest_marker("framework")]
    # The longest tests come first, which keeps all processors busy to the end.
    items.sort(key=lambda item: "/training/" not in item.nodeid)


Run = Callable[..., subprocess.CompletedProcess[str]]


def nursery_text(lines: int = 220) -> str:
    """A text with words, line ends and a rhythm that a small network learns something of."""
    who = ("the cat", "a dog", "my aunt", "the king", "one owl")
    does = ("sat on", "ran to", "sang of", "looked at")
    what = ("the mat", "a hill", "the moon", "an egg", "the sea", "our door", "ten men")
    return "".join(
        f"{who[n % 5].capitalize()} {does[n * n % 4]} {what[(n * 3 + n // 7) % 7]}"
        f"{'!' if n % 6 == 0 else '.'}\n"
        for n in range(lines)
    )


@pytest.fixture(scope="session")
def text() -> str:
    return nursery_text()


@pytest.fixture
def corpus(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def textgen(tmp_path: Path) -> Run:
    """Runs the program as a user does: its own process, in an empty directory."""

    def run(
        *arguments: str | Path,
        stdin: str | bytes | None = None,
        timeout: float = 120,
        through: Sequence[str] = (),
        **extra: str,
    ) -> subprocess.CompletedProcess[str]:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [*through, sys.executable, "-m", "textgen", *map(str, arguments)],
            cwd=tmp_path,
            input=data,
            stdin=None if data is not None else subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            env={**os.environ, **extra},
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    return run


@pytest.fixture(scope="session")
def trained(pytestconfig, tmp_path_factory: pytest.TempPathFactory, text: str) -> Path:
    """A model directory that is trained for a few seconds, once; tests must not change it.

    With --no-framework it is a released one.
    """
    if pytestconfig.getoption("--no-framework"):
        return RELEASED / "model"
    from textgen.api import train

    folder = tmp_path_factory.mktemp("trained")
    path = folder / "corpus.txt"
    path.write_text(text, encoding="utf-8")
    train(
        path,
        model=folder / "model",
        units=48,
        embedding=16,
        maxlen=20,
        batch_size=8,
        epochs=20,
        noise=0,  # a network that has learned with noise multiplies differences by rounding
        weight_decay=0.01,
        sample_length=40,
    )
    return folder / "model"


@pytest.fixture(scope="session")
def trained_on_windows(pytestconfig, tmp_path_factory: pytest.TempPathFactory, text: str) -> Path:
    """The same with one target per window, one-hot input and two layers."""
    if pytestconfig.getoption("--no-framework"):
        return RELEASED / "model-windows"
    from textgen.api import train

    folder = tmp_path_factory.mktemp("windows")
    path = folder / "corpus.txt"
    path.write_text(text, encoding="utf-8")
    train(
        path,
        model=folder / "model",
        units=(24, 20),
        embedding=0,
        maxlen=12,
        targets="last",
        epochs=12,
        batch_size=32,
        sample_length=0,
    )
    return folder / "model"
