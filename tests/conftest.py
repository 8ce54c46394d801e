"""What tests share: a small text, small trained models, a way to run textgen."""

import atexit
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.forking import Fork, Forks, program_after
from textgen.model import starters

if TYPE_CHECKING:
    from playwright.sync_api import Browser

settings.register_profile("suite", deadline=None, max_examples=60)
settings.load_profile("suite")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
RELEASED = Path(__file__).parent / "released/0.1.0"
FRAMEWORKS = ("keras", "tensorflow", "jax", "torch")
IMPORT = re.compile(rf"^(import|from) ({'|'.join(FRAMEWORKS)}|tests.compute.here)\b", re.MULTILINE)
# What forked processes find imported.
LIGHT = (
    *("textgen.analysis.evaluation", "textgen.analysis.report", "textgen.model.model_dir"),
    *("textgen.text.prepare", "jinja2", "matplotlib.figure", "rich.progress"),
)
TRAINING = ("textgen.compute.backends.tensorflow", "textgen.training.pipeline")

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
    if not hasattr(config, "workerinput"):  # not in each of several processes
        command = [sys.executable, "-m", "tests.precompile"]
        subprocess.run(command, check=True, cwd=Path(__file__).parent.parent)
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
Make = Callable[[Path], None]


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
def without_starters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a text with a starter, to offer it where no network is chosen, takes seconds."""
    monkeypatch.setattr(starters, "_DIRECTORY", Path("nowhere"))


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """The Chromium that is installed."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("CI runs this test: install Chromium")
        pytest.skip("no Chromium here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield started
        started.close()


@pytest.fixture(scope="session")
def forks(pytestconfig: pytest.Config) -> Iterator[Forks | None]:
    """Starts processes of textgen quickly, where that is safe."""
    if sys.platform != "linux":
        yield None
        return
    # The other frameworks start threads when they are imported, which no fork has.
    on_tensorflow = os.environ.get("KERAS_BACKEND", "tensorflow") in ("", "tensorflow")
    imports_keras = on_tensorflow and not pytestconfig.getoption("--no-framework")
    forks = Forks([*LIGHT, *TRAINING] if imports_keras else LIGHT)
    yield forks
    forks.close()


@pytest.fixture
def textgen(tmp_path: Path, request: pytest.FixtureRequest) -> Run:
    """Runs the program as a user does: its own process, in an empty directory.

    It is a fork of a process that has imported everything. With `anew`, through another program,
    or with other variables than TEXTGEN_…, Python starts it.
    """

    def run(
        *arguments: str | Path,
        stdin: str | bytes | None = None,
        timeout: float = 120,
        through: Sequence[str] = (),
        anew: bool = False,
        **extra: str,
    ) -> subprocess.CompletedProcess[str]:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        words = [str(argument) for argument in arguments]
        environment = {**os.environ, **extra}
        forks = None if anew or through else request.getfixturevalue("forks")
        if forks is not None and forks.can_start(words, environment):
            status, out, err = forks.run(words, tmp_path, environment, data, timeout)
        else:
            done = subprocess.run(
                [*through, sys.executable, "-m", "textgen", *words],
                cwd=tmp_path,
                input=data,
                stdin=None if data is not None else subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                env=environment,
            )
            status, out, err = done.returncode, done.stdout, done.stderr
        return subprocess.CompletedProcess(words, status, out.decode(), err.decode())

    return run


Start = Callable[..., Fork | subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path, forks: Forks | None) -> Start:
    """Starts the program in an empty directory; tests read its standard error and send signals.

    Code of Python that is to run `before` it runs in its process.
    """

    def begin(
        *arguments: str | Path, stdin: bool = False, before: str = ""
    ) -> Fork | subprocess.Popen[str]:
        words = [str(argument) for argument in arguments]
        given = subprocess.PIPE if stdin else subprocess.DEVNULL
        if forks is None or not forks.can_start(words, os.environ):
            return subprocess.Popen(
                [*program_after(before), *words],
                cwd=tmp_path,
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        reading, writing = os.pipe()
        theirs, mine = os.pipe()
        with Path(os.devnull).open("w") as nowhere:
            streams = (theirs, nowhere.fileno(), writing)
            process = forks.start(words, tmp_path, os.environ, streams, before)
        os.close(writing)
        os.close(theirs)
        process.stderr, process.stdin = os.fdopen(reading), os.fdopen(mine, "w")
        if not stdin:
            process.stdin.close()
        return process

    return begin


def make_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Make) -> Path:
    """A folder that one of the processes which run these tests fills, for all of them."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (folder / "whole").touch()
    return folder


def train_on(text: str, **options: Any) -> Make:
    """Writes a text and trains a model on it, in a folder."""

    def make(folder: Path) -> None:
        from textgen.api import train

        (folder / "corpus.txt").write_text(text, encoding="utf-8")
        train(folder / "corpus.txt", model=folder / "model", **options)

    return make


@pytest.fixture(scope="session")
def trained(pytestconfig, tmp_path_factory: pytest.TempPathFactory, text: str) -> Path:
    """A model directory that is trained for a few seconds, once; tests must not change it.

    With --no-framework it is a released one.
    """
    if pytestconfig.getoption("--no-framework"):
        return RELEASED / "model"
    make = train_on(
        text,
        units=48,
        embedding=16,
        maxlen=20,
        batch_size=8,
        epochs=20,
        noise=0,  # a network that has learned with noise multiplies differences by rounding
        weight_decay=0.01,
        sample_length=40,
    )
    return make_once(tmp_path_factory, "trained", make) / "model"


@pytest.fixture(scope="session")
def trained_on_windows(pytestconfig, tmp_path_factory: pytest.TempPathFactory, text: str) -> Path:
    """The same with one target per window, one-hot input and two layers."""
    if pytestconfig.getoption("--no-framework"):
        return RELEASED / "model-windows"
    make = train_on(
        text,
        units=(24, 20),
        embedding=0,
        maxlen=12,
        targets="last",
        epochs=12,
        batch_size=32,
        sample_length=0,
    )
    return make_once(tmp_path_factory, "trained-on-windows", make) / "model"
