"""Documentation that cannot go stale: the reference, the README's commands, the layout's arrows."""

import ast
import dataclasses
import importlib.util
import itertools
import json
import math
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from textgen import errors
from textgen.cli import program
from textgen.cli.display.json_lines import EVENT_NAMES
from textgen.text.split import split_position
from textgen.training.automatic import Pace, choose_length, choose_sizes

ROOT = Path(__file__).parent.parent
_GENERATED = ("cli.md", "errors.md")
PAGES = {
    path.name: path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))
    if path.name not in (*_GENERATED, "CHANGELOG.md")  # which has the commands of its versions
}
TUTORIAL = PAGES["tutorial.md"]


def generator(name: str):
    """One of the scripts in docs/ that write a page."""
    specification = importlib.util.spec_from_file_location(name, ROOT / f"docs/generate_{name}.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_cli_reference_is_that_of_the_program():
    written = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    assert written == generator("cli").make_page(), "run `make docs`"


def test_the_manual_page_is_that_of_the_program():
    written = (ROOT / "docs/textgen.1").read_text(encoding="ascii")
    assert written == generator("man").make_page(), "run `make docs`"


def test_the_manual_page_is_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shared = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert shared == {"docs/textgen.1": "share/man/man1/textgen.1"}


def test_the_manual_page_has_every_command_and_option():
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    shown = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-P-cbou", str(ROOT / "docs/textgen.1")],
        capture_output=True,
        encoding="utf-8",
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    for name, command in program.commands.items():
        part = re.split(rf"^   textgen {name}\b.*\n", shown.stdout, flags=re.MULTILINE)[1]
        part = re.split(r"^ {0,3}\S", part, flags=re.MULTILINE)[0]
        for parameter in command.params:
            for option in (*parameter.opts, *parameter.secondary_opts):
                if option.startswith("-"):
                    assert re.search(rf"^ +.*{option}\b", part, re.MULTILINE), (name, option)


def test_the_table_of_errors_is_that_of_the_program():
    written = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    assert written == generator("errors").make_page(), "run `make docs`"


def raised() -> list[tuple[str, str]]:
    """Class and fixed words of every error of ours that the package raises by its class."""
    messages = []
    for path in (ROOT / "textgen").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            call = node.exc if isinstance(node, ast.Raise) else None
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Name)
                and hasattr(errors, call.func.id)
            ):
                words = [getattr(part, "value", None) for part in ast.walk(call)]
                text = "".join(word for word in words if isinstance(word, str))
                messages.append((call.func.id, text))
    return messages


def test_every_error_is_in_the_table_and_only_those():
    messages, catalogue = raised(), errors.load_catalogue()
    assert len(messages) > 60
    for name, text in messages:
        entries = catalogue[getattr(errors, name)]
        if re.search("[a-z]{3}", text):
            assert any(entry.message in text for entry in entries), (name, text)
    everything = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "textgen").rglob("*.py")
    )
    everything = re.sub(r'"\s+f?"', "", everything)
    for entry in itertools.chain.from_iterable(catalogue.values()):
        assert entry.message.startswith("{") or entry.message in everything, entry.message


def shown_commands() -> list[str]:
    """Every call of textgen that the pages, a command's help or the manual page show."""
    helps = [command.help or "" for command in program.commands.values()]
    lines = [line for text in helps for line in text.splitlines()]
    lines += [line for calls in generator("man").EXAMPLES.values() for line in calls]
    for page in PAGES.values():
        lines += [line for line in page.splitlines() if line.startswith("    ")]
        lines += [" ".join(words.split()) for words in re.findall(r"`(textgen [^`]+)`", page)]
    calls = []
    for line in lines:
        for part in re.split(r"\||&&|#|>", line):
            match = re.match(rf"\s*(?:\$ )?textgen ((?:{'|'.join(program.commands)})\b.*)", part)
            # A command that is merely named needs no options.
            if match and " " in (call := match.group(1).strip()) and "--help" not in call:
                calls.append(call)
    return sorted(set(calls))


@pytest.mark.parametrize("call", shown_commands())
def test_every_command_shown_has_options_that_exist(call):
    name, *arguments = shlex.split(call)
    command = program.commands[name]
    command.make_context(name, arguments, resilient_parsing=False)


def test_there_are_commands_to_show():
    assert len(shown_commands()) > 15


def headings(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")], ids=lambda p: p.name
)
def test_links_lead_to_files_and_headings(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        assert not anchor or anchor in headings(path), target


def test_the_scripts_page_has_the_fields_of_every_json_event():
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \|(.*)\|$", PAGES["scripts.md"], re.MULTILINE)
    shown = {name: re.findall(r"`(\w+)`", fields) for name, fields in rows if name != "event"}
    assert shown.keys() == {*EVENT_NAMES.values(), "error"}
    for event, name in EVENT_NAMES.items():
        if name != "progress":
            assert shown[name] == [field.name for field in dataclasses.fields(event)]


def test_the_readme_is_short_and_leads_to_every_page():
    readme = PAGES["README.md"]
    assert len(readme.splitlines()) <= 150
    for path in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{path.name}" in readme, path.name


def test_the_tutorial_shows_the_sizes_that_are_chosen():
    rows = re.findall(
        r"^\| (\d+) (kB|MB) \| (\d+) (s|min|epochs) \| (\d+) \| (\S+) \| (\S+) \| (\S+) \|",
        TUTORIAL,
        re.MULTILINE,
    )
    assert len(rows) == 4
    for size, unit, time, of, *chosen in rows:
        characters = split_position(int(size) * {"kB": 1000, "MB": 1_000_000}[unit], 0.1)
        length = choose_length(characters)
        name, factor = {"epochs": ("epochs", 1), "s": ("time", 1), "min": ("time", 60)}[of]
        assert length[name] == int(time) * factor
        sizes = choose_sizes(characters, length)
        names = ("dropout", "drop_connect", "noise")
        assert chosen == [f"{sizes['units'][0]}", *(f"{sizes[name]:g}" for name in names)]
    (shown,) = re.findall(r"model: LSTM (\d+),", TUTORIAL)
    learned = re.search(r"([\d,]+) for training", TUTORIAL)
    assert learned is not None
    paces = (Pace(), Pace(2.0))  # of the two processors that the page tells of, about
    at_least, at_most = (
        choose_sizes(int(learned[1].replace(",", "")), {"time": 60.0}, pace)["units"]
        for pace in paces
    )
    assert at_least <= (int(shown),) <= at_most
    hour = choose_sizes(characters, {"time": 3600.0})
    assert f"an hour ({hour['units'][0]} units)" in TUTORIAL


def test_the_tutorial_shows_the_times_that_were_measured():
    measured = json.loads((ROOT / "benchmarks/results/training.json").read_text("utf-8"))["rows"]
    rows = 0
    for row in measured:
        if match := re.fullmatch(r"textgen train \(LSTM (\d+)\)", row["what"]):
            seconds, loss = row["seconds"], row["in order"]
            time = f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"
            assert (
                f"| {time} | {match[1]} | {row['passes']:.1f} | {loss:.3f} | "
                f"{loss / math.log(2):.2f} |" in TUTORIAL
            )
            rows += 1
    assert rows == 8
    notes = "".join(json.loads((ROOT / "benchmarks/results/gpu.json").read_text("utf-8"))["notes"])
    (units, loss), *_ = re.findall(r"LSTM (\d+)\)` in 180 s .*: ([\d.]+) nats", notes)
    assert f"reached {float(loss):.3f} in three (`--backend jax`, {units} units," in TUTORIAL
