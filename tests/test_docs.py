"""Documentation that cannot go stale: the reference, the README's commands, the layout's arrows."""

import ast
import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from textgen import errors
from textgen.cli import program

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def generator(name: str):
    """One of the scripts in docs/ that write a page."""
    specification = importlib.util.spec_from_file_location(name, ROOT / f"docs/generate_{name}.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_cli_reference_is_that_of_the_program():
    written = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    assert written == generator("cli").reference(), "run `make docs`"


def test_the_table_of_errors_is_that_of_the_program():
    written = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    assert written == generator("errors").table(), "run `make docs`"


def raised() -> list[tuple[str, str]]:
    """Class and fixed words of every error of ours that the package raises by its class."""
    found = []
    for path in (ROOT / "textgen").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            made = node.exc if isinstance(node, ast.Raise) else None
            if (
                isinstance(made, ast.Call)
                and isinstance(made.func, ast.Name)
                and hasattr(errors, made.func.id)
            ):
                words = [getattr(one, "value", None) for one in ast.walk(made)]
                text = "".join(word for word in words if isinstance(word, str))
                found.append((made.func.id, text))
    return found


def test_every_error_is_in_the_table_and_only_those():
    messages = raised()
    assert len(messages) > 60
    for name, text in messages:
        known = getattr(errors, name).known
        if re.search("[a-z]{3}", text):
            assert any(one.says in text for one in known), (name, text)
    everything = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "textgen").rglob("*.py")
        if path.name != "errors.py"
    )
    everything = re.sub(r'"\s+f?"', "", everything)
    for kind in vars(errors).values():
        for one in getattr(kind, "known", ()):
            assert one.says.startswith("{") or one.says in everything, one.says


def shown_commands() -> list[str]:
    """Every call of textgen in an indented block of the README or a command's help."""
    texts = [README, *(command.help or "" for command in program.commands.values())]
    lines = [line for text in texts for line in text.splitlines() if line.startswith("    ")]
    lines += [line for text in texts[1:] for line in text.splitlines()]
    calls = []
    for line in lines:
        for part in re.split(r"\||&&|#|>", line):
            match = re.match(rf"\s*(?:\$ )?textgen ((?:{'|'.join(program.commands)})\b.*)", part)
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
    ("textgen.reporting",),
    ("textgen.training",),
    ("textgen.exporting",),
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


def test_only_model_training_and_exporting_import_keras():
    for path in (ROOT / "textgen").rglob("*.py"):
        if path.name == "model.py" or path.parent.name in ("training", "exporting"):
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
