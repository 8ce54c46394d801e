"""Documentation that cannot go stale: the reference, the README's commands, the layout's arrows."""

import ast
import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from textgen.cli import program

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_cli_reference_is_that_of_the_program():
    specification = importlib.util.spec_from_file_location("cli", ROOT / "docs/generate_cli.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    written = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    assert written == module.reference(), "run `make docs`"


def shown_commands() -> list[str]:
    """Every call of textgen in an indented block of the README or a command's help."""
    texts = [README, *(command.help or "" for command in program.commands.values())]
    lines = [line for text in texts for line in text.splitlines() if line.startswith("    ")]
    lines += [line for text in texts[1:] for line in text.splitlines()]
    calls = []
    for line in lines:
        for part in re.split(r"\||&&|#|>", line):
            match = re.match(r"\s*(?:\$ )?textgen ((?:train|sample|prepare|evaluate)\b.*)", part)
            if match:
                calls.append(match.group(1).strip())
    return sorted(set(calls))


@pytest.mark.parametrize("call", shown_commands())
def test_every_command_shown_has_options_that_exist(call):
    name, *arguments = shlex.split(call)
    command = program.commands[name]
    command.make_context(name, arguments, resilient_parsing=False)


def test_there_are_commands_to_show():
    assert len(shown_commands()) > 15


# A module may import those on lower floors, and those of its own package.
FLOORS = [
    ("textgen.errors",),
    ("textgen.config", "textgen.storage"),
    ("textgen.vocabulary", "textgen.windows", "textgen.corpus"),
    ("textgen.sampling",),
    ("textgen.prepared",),
    ("textgen.model",),
    ("textgen.model_dir",),
    ("textgen.evaluation",),
    ("textgen.training",),
    ("textgen.cli",),
]


def floor(module: str) -> int | None:
    for number, names in enumerate(FLOORS):
        if any(module == name or module.startswith(f"{name}.") for name in names):
            return number
    return None


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("textgen.")}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "textgen").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_imports_point_one_way(path):
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    if module in ("textgen", "textgen.__main__"):
        return
    own = floor(module)
    assert own is not None, f"{module} has no floor: give it one above"
    for name in imports(path):
        other = floor(name)
        if other is None:  # textgen.__version__ and the like
            continue
        same_package = module.split(".")[1] == name.split(".")[1]
        assert other < own or same_package, f"{module} imports {name}"


def test_only_model_and_training_import_keras():
    for path in (ROOT / "textgen").rglob("*.py"):
        if path.name == "model.py" or path.parent.name == "training":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert name.split(".")[0] not in ("keras", "tensorflow", "jax", "torch"), path


def test_every_module_says_what_it_knows_and_what_it_does_not():
    for path in (ROOT / "textgen").rglob("*.py"):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert docstring, path
        if path.name not in ("__init__.py", "__main__.py"):
            assert path.parent.name == "cli" or "nothing" in docstring, path
