"""What an installation promises: where packages are missing, each command works or names them.

`make test-install` also makes environments, for the wheel and every Python from 3.11 to 3.13 that
the machine has. That fetches gigabytes, so `make test` leaves it out.
"""

import gzip
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.analysis.models import MERGES, random_model, save_model
from tests.serving.processes import serve_in_process
from textgen import packages
from textgen.settings import CorpusConfig

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
RELEASED = ROOT / "tests/released/0.1.0/model"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Training and pages need these packages; a server that only generates text does without them.
HEAVY = {"tensorflow", "keras", "numba", "jinja2", "matplotlib"}
SERVING = (ROOT / "docs/serving.md").read_text(encoding="utf-8")
ALL = "pip install keras-textgen"
LIGHT = [
    "sample --model model --length 20",
    "evaluate corpus.txt --model model",
    "inspect corpus.txt --model model",
    "novelty --model model corpus.txt",
    "prepare corpus.txt -o prepared --one-hot --force",
    "compare --model model --model other corpus.txt",
    "export --model model -o exported --format numpy --force",
    "export --model model -o page.html --format html --force",
    "completion bash",
]
VERSIONS = ("3.11", "3.12", "3.13")

WITHOUT = """\
import sys
for name in sys.argv.pop(1).split(","):
    sys.modules[name] = None  # importing it then fails as if it were not installed
module, _, name = sys.argv.pop(1).partition(":")
getattr(__import__(module, fromlist=[name]), name)()
"""


@pytest.fixture
def folder(tmp_path, text):
    """A directory with what the commands of these tests read."""
    for name in ("model", "other"):
        shutil.copytree(RELEASED, tmp_path / name)
    (tmp_path / "corpus.txt").write_text(text, encoding="utf-8")
    (tmp_path / "logs.gz").write_bytes(gzip.compress(text.encode()))
    return tmp_path


@pytest.fixture
def without(folder):
    """Runs a command, as its installed script does, in a process that lacks packages."""

    def run(packages, command):
        script = PROJECT["scripts"]["textgen"]
        return subprocess.run(
            [sys.executable, "-c", WITHOUT, ",".join(packages), script, *command.split()],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, "KERAS_BACKEND": "", "PYTHONPATH": str(ROOT)},
        )

    return run


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~!;, ]", line)[0] for line in requirements}


def light_line() -> str:
    """The line of the README for a server that only generates text."""
    (line,) = re.findall(r"^ +(pip install --no-deps \. && pip install .+)", README, re.MULTILINE)
    return str(line)


def test_the_readme_installs_all_packages_but_the_heavy_ones():
    required = names(PROJECT["dependencies"])
    assert required >= HEAVY
    assert set(light_line().split("pip install ")[2].split()) == required - HEAVY


def container_commands() -> list[str]:
    """The commands of the container file."""
    (file,) = re.findall(r"^```dockerfile\n(.*?)^```$", SERVING, re.MULTILINE | re.DOTALL)
    return [line[4:] for line in file.replace("\\\n", "").splitlines() if line.startswith("RUN ")]


def test_the_container_has_all_packages_that_serving_needs():
    _, first, second, *_ = container_commands()
    installed = {*first.split()[-2:], *second.split("--no-compile ")[1].split()} - {"/source"}
    serve = names(PROJECT["optional-dependencies"]["serve"])
    assert installed == (names(PROJECT["dependencies"]) - HEAVY) | serve


@pytest.mark.parametrize("command", LIGHT)
def test_commands_that_need_no_heavy_package(without, command):
    done = without(HEAVY, command)
    assert (done.returncode, "error" in done.stderr) == (0, False), done.stderr


@pytest.mark.parametrize(
    ("missing", "command", "says"),
    [
        ("matplotlib", "report --model model", f"matplotlib is not installed: {ALL}"),
        ("jinja2", "report --model model", f"jinja2 is not installed: {ALL}"),
        (
            "matplotlib",
            "compare --model model --model other -o new",
            f"matplotlib is not installed: {ALL}",
        ),
        ("jinja2", "compare --model model --model other -o new", f"jinja2 is not installed: {ALL}"),
        ("keras", "train corpus.txt --model new", f"keras is not installed: {ALL}"),
        ("numba", "train corpus.txt --model new", f"numba is not installed: {ALL}"),
        ("tensorflow", "train corpus.txt --model new", f"tensorflow is not installed: {ALL}"),
        (
            "tensorflow",
            "train corpus.txt --model new --backend tensorflow",
            f"tensorflow is not installed: {ALL}",
        ),
        (
            "jax",
            "train corpus.txt --model new --backend jax",
            "jax is not installed: pip install 'keras-textgen[jax]'",
        ),
        (
            "torch",
            "train corpus.txt --model new --backend torch",
            "torch is not installed: pip install 'keras-textgen[torch]'",
        ),
        (
            "keras",
            "export --model model -o new --format saved-model",
            f"keras is not installed: {ALL}",
        ),
        (
            "tensorflow",
            "export --model model -o new --format saved-model",
            f"tensorflow is not installed: {ALL}",
        ),
        ("onnx", "export --model model -o new --format onnx", "needs onnx,"),
        (
            "ai_edge_litert",
            "export --model model -o new --format litert",
            "needs ai_edge_litert,",
        ),
        ("numpy", "sample --model model", f"numpy is not installed: {ALL}"),
        ("h5py", "sample --model model", f"h5py is not installed: {ALL}"),
        ("rich", "compare --model model --model other", f"rich is not installed: {ALL}"),
        ("click", "sample --model model", f"click is not installed: {ALL}"),
        ("cloup", "--help", f"cloup is not installed: {ALL}"),
    ],
)
def test_a_missing_package_is_named_in_one_line(without, folder, missing, command, says):
    done = without([missing], command)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    *before, line = done.stderr.splitlines()
    assert line.startswith("textgen: error: ") and says in line, line
    assert all(note.startswith(("textgen: reading ", "corpus: ", "        ")) for note in before)
    assert not (folder / "new/model.keras").exists() and not (folder / "new").is_file()


def test_with_debug_the_traceback_is_shown(without):
    done = without(["matplotlib"], "report --model model --debug")
    assert done.returncode == 1 and "Traceback" in done.stderr and "matplotlib" in done.stderr


def test_a_module_that_an_installed_package_lacks_is_not_called_missing(without):
    # A damaged or incompatible installation: installing the same again would not help.
    done = without(["jinja2.environment", "jinja2.loaders"], "report --model model")
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1 and "jinja2 is not installed" not in line and "jinja2." in line


def test_every_optional_package_is_installed_by_its_extra():
    for extra, requirements in PROJECT["optional-dependencies"].items():
        for name in names(requirements) if extra in ("jax", "torch", "export") else ():
            assert f"pip install 'keras-textgen[{extra}]'" in packages.describe_missing(
                name.replace("-", "_")
            )
    assert "'keras-textgen[ray]'" in packages.describe_missing("ray")
    for name in names(PROJECT["dependencies"]):
        assert packages.describe_missing(name).endswith(ALL)


@pytest.mark.parametrize("cap", ["", ",<99"])
def test_the_lowest_versions_that_make_installs_are_those_of_the_project(tmp_path, cap):
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    capped = re.sub(r'^( *"[a-z0-9-]+>=[0-9.]+)[^"]*"', rf'\1{cap}"', text, flags=re.MULTILINE)
    (tmp_path / "pyproject.toml").write_text(capped, encoding="utf-8")
    recipe = subprocess.run(
        ["make", "--no-print-directory", "-nf", ROOT / "Makefile", "test-lowest"],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    (line,) = re.findall(r"^(sed .+) > \S+$", recipe.stdout, re.MULTILINE)
    done = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, encoding="utf-8")
    lowest = {
        re.sub(r">=([0-9.]+).*", r"==\1", requirement) for requirement in PROJECT["dependencies"]
    }
    assert lowest <= set(done.stdout.split())


def find_python(version: str) -> str | None:
    """An interpreter of this version that can make environments."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    candidates = [
        sys.executable,
        shutil.which(f"python{version}"),
        *map(str, pyenv.glob(f"versions/{version}.*/bin/python")),
    ]
    code = "import sys, ensurepip, venv; print('{}.{}'.format(*sys.version_info))"
    for path in filter(None, candidates):
        done = subprocess.run([path, "-c", code], capture_output=True, encoding="utf-8")
        if done.stdout.strip() == version:
            return path
    return None


class Environment:
    """An empty virtual environment outside the checkout, and a directory to work in."""

    def __init__(self, python: str, path: Path, folder: Path) -> None:
        subprocess.run([python, "-m", "venv", path], check=True)
        self.path, self.folder = path, folder

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a shell's line with the environment activated."""
        mine = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "KERAS_BACKEND", "TEXTGEN_MODEL")
        environment = {name: value for name, value in os.environ.items() if name not in mine}
        environment["PATH"] = f"{self.path / 'bin'}:{os.environ['PATH']}"
        environment["PIP_NO_COMPILE"] = "1"  # of all that pip installs little is imported
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
        )

    def succeed(self, line: str) -> str:
        """Run a line that must succeed; its standard output."""
        done = self.run(line)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def fail(self, line: str) -> str:
        """Run a line that must fail with one line of an error; that line."""
        done = self.run(line)
        assert (done.returncode, done.stdout) == (1, ""), line
        assert "Traceback" not in done.stderr
        return done.stderr.splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout."""
    directory = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--quiet", "--no-deps", str(ROOT), "-w", str(directory)], check=True
    )
    (path,) = directory.glob("*.whl")
    return path


@pytest.mark.install
def test_the_wheel_has_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    files = {name for name in names if not re.match(r"[^/]+\.(dist-info|data)/", name)}
    package = ROOT / "textgen"
    sources = {path.relative_to(ROOT).as_posix() for path in package.rglob("*") if path.is_file()}
    assert files == {path for path in sources if "__pycache__" not in path}
    suffixes = {Path(name).suffix for name in files}
    assert suffixes >= {".py", ".html", ".css", ".js", ".toml", ".typed"}
    data = [name for name in names if ".data/" in name]
    assert [name.split("/", 1)[1] for name in data] == ["data/share/man/man1/textgen.1"]


@pytest.mark.install
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_wheel_in_an_empty_environment(version, wheel, folder):
    python = find_python(version)
    if python is None:
        pytest.skip(f"this machine has no Python {version}")
    mine = "{}.{}".format(*sys.version_info)
    is_light = version == mine and any(find_python(other) for other in VERSIONS if other != mine)
    with tempfile.TemporaryDirectory() as place:  # pytest would keep the gigabytes
        environment = Environment(python, Path(place) / "environment", folder)

        # With the packages that generating text needs.
        environment.succeed(light_line().replace(" . ", f" {shlex.quote(str(wheel))} ", 1))
        location = environment.succeed("python -c 'import textgen; print(textgen.__file__)'")
        assert location.startswith(place)
        files = [path for path in Path(place).rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in files) < 200e6
        for command in LIGHT:
            environment.succeed(f"textgen {command}")
        lines = {
            environment.fail(f"textgen {command}")
            for command in (
                "report --model model",
                "compare --model model --model other -o new.html",
                "train corpus.txt",
            )
        }
        expected = "textgen: error: {} is not installed: " + ALL
        assert lines == {expected.format("jinja2"), expected.format("keras")}
        says = environment.fail("textgen export --model model -o new --format onnx")
        assert says.endswith("pip install 'keras-textgen[export]'")
        if is_light:  # all other tests run with the other packages for this version
            return

        # With what the message says.
        environment.succeed(ALL)
        environment.succeed("pip check")
        environment.succeed("textgen report --model model")
        (block,) = re.findall(r"## Quick start\n\n((?:    .+\n)+)\n", README)
        first = [line.strip() for line in block.splitlines()]
        assert len(first) == 4 and first[0] == "textgen train corpus.txt"
        for line in first:
            # By itself a training takes half a minute or more, which has to suffice for its start.
            output = environment.succeed(line.replace("train", "train --epochs 1"))
            assert output.strip() or "textgen train" in line
        assert sum(int(line.split(maxsplit=1)[0]) for line in output.splitlines()) == 100


@pytest.mark.install
@pytest.mark.timeout(900)
def test_the_container_is_small_and_serves_models(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    environment = tmp_path / "textgen"
    python = find_python("3.12") or sys.executable
    for command in container_commands():
        line = re.sub(r"(?<!\S)/textgen", str(environment), command)
        line = re.sub(r"^python ", f"{python} ", line).replace(" /source ", f" {ROOT} ")
        line = re.sub(r"^pip ", f"{sys.executable} -m pip --disable-pip-version-check ", line)
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert sum(path.stat().st_size for path in environment.rglob("*") if path.is_file()) < 125e6
    words = save_model(random_model(CorpusConfig(documents="none"), merges=MERGES), tmp_path / "b")
    program = [str(environment / "bin/textgen")]
    with serve_in_process({"letters": RELEASED, "words": words}, program=program) as server:
        for model, prompt in (("letters", "The"), ("words", "abba")):
            body = {"model": model, "prompt": prompt, "max_tokens": 30}
            answer = httpx.post(f"{server.address}/v1/completions", json=body)
            assert len(answer.json()["choices"][0]["text"]) == 30, answer.text
