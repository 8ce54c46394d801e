"""The engine as one file: its modules joined, with the WebAssembly that they use."""

import base64
import re
from pathlib import Path

FOLDER = Path(__file__).parent
# Each module comes after those that it imports.
MODULES = (
    "random.js",
    "weights.js",
    "plain_kernels.js",
    "kernels_wasm.js",
    "kernels.js",
    "cells.js",
    "network.js",
    "vocabulary.js",
    "decoding.js",
    "subwords.js",
    "labels.js",
    "options.js",
    "stopping.js",
    "text.js",
    "generation.js",
    "model.js",
)
EXPORTS = ("load", "Model")

_WASM = "kernels_wasm.js"  # the only module that is not a file
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(async )?(function|class|const)\b)", re.MULTILINE)


def engine_module() -> str:
    """The engine as one ES module, which exports `load` and `Model`.

    It runs in browsers and in Node from version 18, and needs no other file.

    Example:
        >>> engine_module().splitlines()[-1]
        'export { load, Model };'
    """
    return f"{_engine()}\nexport {{ {', '.join(EXPORTS)} }};\n"


def engine_script() -> str:
    """The engine as a classic script, which defines `textgen` with `load` and `Model`.

    It can be a script of a page, or the beginning of a worker.

    Example:
        >>> engine_script().splitlines()[-1]
        '})();'
    """
    return (
        "globalThis.textgen = (() => {\n"
        f'"use strict";\n{_engine()}\n'
        f"return {{ {', '.join(EXPORTS)} }};\n"
        "})();\n"
    )


def _engine() -> str:
    """All modules in one scope."""
    return "\n".join(f"// {name}\n\n{_join(name)}" for name in MODULES)


def _join(name: str) -> str:
    """A module without its imports and exports."""
    source = _wasm_module() if name == _WASM else (FOLDER / "engine" / name).read_text("utf-8")
    return _EXPORT.sub("", _IMPORT.sub("", source)).strip() + "\n"


def _wasm_module() -> str:
    """kernels.wasm as a module."""
    content = base64.b64encode((FOLDER / "kernels.wasm").read_bytes()).decode()
    return f'/** kernels.wasm in base64. */\nexport const KERNELS_WASM =\n  "{content}";\n'
