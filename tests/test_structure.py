"""The rules of the code's structure: which folder may use which, and how long things may be."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "textgen").rglob("*.py"))

# A folder may import from those on the lines above it, and from itself.
FLOORS = [
    ("errors",),
    ("packages",),
    ("compilation", "private_names"),
    ("settings",),
    ("storage",),
    ("text",),
    ("kernels",),
    ("sampling",),
    ("model",),
    ("distributed",),
    ("compute",),
    ("training",),
    ("analysis",),
    ("exporting",),
    ("serving",),
    ("cli",),
    ("api",),
]

# Where an import of Keras may be written, and where a backend may be named.
KERAS = {"compute", "distributed", "training", "model", "exporting"}
BACKENDS = {"distributed", "exporting"}
# In compute/, code for one backend is in these, and in modules of layers/ that begin with its name.
COMPUTE_BACKENDS = ROOT / "textgen/compute/backends"
BACKEND_LAYERS = ROOT / "textgen/compute/layers"
# Lists of choices, packages that can be missing, and what --help says about them.
NAMES_BACKENDS = {
    "textgen/packages.py",
    "textgen/settings/choices.py",
}

PARAMETERS = 6
# Functions with more parameters, and why.
MANY_PARAMETERS = {
    "textgen.kernels.passes.forward": "compiled code takes arrays, no objects",
    "textgen.kernels.passes.backward": "compiled code takes arrays, no objects",
    "textgen.kernels.reading.read": "compiled code takes arrays, no objects",
    "textgen.kernels.writing.run": "compiled code takes arrays, no objects",
    "textgen.kernels.softmax.losses": "compiled code takes arrays, no objects",
    "textgen.kernels.softmax.kernel_gradients": "compiled code takes arrays, no objects",
    "textgen.analysis.evaluation.evaluate": "what a user may choose, by keyword",
    "textgen.analysis.label_comparison.compare_labels": "what a user may choose, by keyword",
    "textgen.api.train": "what a user may choose about a training, by keyword",
    "textgen.exporting.exporter.export": "what a user may choose, by keyword",
    "textgen.text.prepare.prepare": "what a user may choose, by keyword",
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def folder(module: str) -> str:
    return module.split(".")[1]


def floor(module: str) -> int:
    return next(number for number, names in enumerate(FLOORS) if folder(module) in names)


def imports(tree: ast.AST) -> set[str]:
    """The modules that a tree imports; of `from package import name`, both."""
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return modules


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_one_way(path):
    module = module_of(path)
    if module in ("textgen", "textgen.__main__"):
        return
    for name in imports(parsed(path)):
        if not name.startswith("textgen.") or not is_module(name):
            continue
        same = folder(name) == folder(module)
        assert same or floor(name) < floor(module), f"{module} imports {name}"


def test_no_exception_is_left_that_nothing_needs():
    assert {name_of(path) for path in MODULES} >= NAMES_BACKENDS
    for name in NAMES_BACKENDS:
        assert names_backends(ROOT / name), name


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_frameworks_are_imported_in_their_folders(path):
    heavy = {name.split(".")[0] for name in imports(parsed(path))}
    heavy &= {"keras", "tensorflow", "jax", "torch"}
    inside = path.parent.relative_to(ROOT / "textgen").parts[:1]
    if not inside or inside[0] not in KERAS:
        assert not heavy


def names_backends(path: Path) -> bool:
    """Whether code names a backend in a string or an import; docstrings and comments may."""
    tree = parsed(path)
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documentation
    ]
    named = {"tensorflow", "jax", "torch"}
    return bool(named & set(texts) or named & {name.split(".")[0] for name in imports(tree)})


def is_of_one_backend(path: Path) -> bool:
    return path.is_relative_to(COMPUTE_BACKENDS) or (
        path.parent == BACKEND_LAYERS and path.name.startswith(("tensorflow_", "jax_", "torch_"))
    )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_backends_are_named_in_their_folders(path):
    inside = path.parent.relative_to(ROOT / "textgen").parts[:1]
    if name_of(path) in NAMES_BACKENDS or (inside and inside[0] in BACKENDS):
        return
    assert is_of_one_backend(path) or not names_backends(path), "belongs into compute/backends/"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_are_short_and_say_what_they_are_for(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    docstring = ast.get_docstring(parsed(path)) or ""
    assert docstring
    assert lines <= 450
    # "Long because ..." in the docstring of a module of more than 300 lines.
    assert lines <= 300 or "Long because" in docstring


def long_signatures() -> dict[str, int]:
    """Functions with more than six parameters, but for commands of click, and how many each has."""
    counts = {}
    for path in MODULES:
        for parent in ast.walk(parsed(path)):
            for node in ast.iter_child_nodes(parent):
                if not isinstance(node, ast.FunctionDef) or (
                    node.name == "command" and "cli" in path.parts
                ):
                    continue
                arguments = [
                    *node.args.posonlyargs,
                    *node.args.args,
                    *node.args.kwonlyargs,
                ]
                number = len(arguments) - (
                    isinstance(parent, ast.ClassDef) and arguments[0].arg in ("self", "cls")
                    if arguments
                    else 0
                )
                if number > PARAMETERS:
                    holder = f"{parent.name}." if isinstance(parent, ast.ClassDef) else ""
                    counts[f"{module_of(path)}.{holder}{node.name}"] = number
    return counts


def test_functions_have_at_most_six_parameters():
    assert long_signatures().keys() == MANY_PARAMETERS.keys()
