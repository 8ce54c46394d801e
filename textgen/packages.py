"""Packages that are not installed: which one a failed import lacks, and what installs it."""

import importlib.metadata
import importlib.util
import platform
import sys

from textgen.errors import TrainingError

REPORT_PACKAGES = ("jinja2", "matplotlib")  # what writes HTML pages

# The extra of `keras-textgen` that installs a package (pyproject.toml). Others need no extra.
_EXTRAS = {
    "jax": "jax",
    "torch": "torch",
    "ray": "ray",
    "onnx": "export",
    "tf2onnx": "export",
    "onnxruntime": "export",
    "ai_edge_litert": "export",
    "starlette": "serve",
    "uvicorn": "serve",
    "pydantic": "serve",
    "prometheus_client": "serve",
    "threadpoolctl": "serve",
}


def is_installed(package: str) -> bool:
    """Whether Python finds a package, without importing it.

    Example:
        >>> is_installed("numpy")
        True
    """
    return importlib.util.find_spec(package) is not None


def describe_missing(package: str) -> str:
    """What a message says about a package that is not installed.

    pip then leaves `keras-textgen` itself as it is and adds the packages that it lacks.

    Example:
        >>> describe_missing("matplotlib")
        'matplotlib is not installed: pip install keras-textgen'
        >>> describe_missing("jax")
        "jax is not installed: pip install 'keras-textgen[jax]'"
    """
    target = requirement(package)
    target = f"'{target}'" if "[" in target else target
    return f"{package} is not installed: pip install {target}"


def requirement(package: str) -> str:
    """What pip must install to get a package in a version that textgen works with.

    Example:
        >>> requirement("numpy"), requirement("jax")
        ('keras-textgen', 'keras-textgen[jax]')
    """
    extra = _EXTRAS.get(package)
    return f"keras-textgen[{extra}]" if extra else "keras-textgen"


def require_installed(*packages: str) -> None:
    """Check that packages are installed, before work that would be lost without them.

    Raises:
        ModuleNotFoundError: one of them is not.
    """
    for package in packages:
        if not is_installed(package):
            raise ModuleNotFoundError(describe_missing(package), name=package)


def find_missing_package(error: BaseException) -> str | None:
    """Find the package whose absence made an import fail.

    Returns:
        Its name; None if pip would not install what is missing: the error is of another kind, the
        package is installed and lacks a module, or the module is part of Python or textgen.

    Example:
        >>> find_missing_package(ModuleNotFoundError(name="matplotlib.figure"))  # doctest: +SKIP
        'matplotlib'
    """
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    package = error.name.partition(".")[0]
    if package == "textgen" or package in sys.stdlib_module_names or is_installed(package):
        return None
    return package


def incompatible(package: str, what: str) -> TrainingError:
    """The error for a package whose undocumented parts are not what textgen needs.

    Args:
        package: Its name, as pip has it, or "Python".
        what: What is missing or different.
    """
    if package == "Python":
        return TrainingError(
            f"Python {platform.python_version()} does not work with this version of textgen: "
            f"{what}; use Python 3.11 to 3.13"
        )
    return TrainingError(
        f"{package} {importlib.metadata.version(package)} does not work with this version of "
        f"textgen: {what}; pip install '{requirement(package)}' installs one that does"
    )
