"""The engine as one file: its modules joined, with the WebAssembly that they use."""

import base64
import re
from collections.abc import Iterable
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
    "loading.js",
)
EXPORTS = ("load", "Model")

_HEADER = """\
// Generates text with a model that `textgen export` wrote, in browsers and in Node:
//
//     const model = await load("model.json");
//     for await (const token of model.generate({ seed: "To be" })) write(token.text);
//
// `load` and the methods of `Model`, near the end, say what else there is. The modules of the
// engine follow, each after those that it uses.
"""
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
    return f"{_HEADER}\n{_engine()}\nexport {{ {', '.join(EXPORTS)} }};\n"


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


def join_modules(modules: Iterable[tuple[str, str]]) -> str:
    r"""ES modules in one scope, without their imports and exports.

    Args:
        modules: The name and the source of each, after those that it imports. No two may define
            the same name.

    Example:
        >>> first = ("a.js", "export const a = 1;")
        >>> second = ("b.js", 'import { a } from "./a.js";\nf(a);')
        >>> print(join_modules([first, second]))
        // a.js
        <BLANKLINE>
        const a = 1;
        <BLANKLINE>
        // b.js
        <BLANKLINE>
        f(a);
        <BLANKLINE>
    """
    return "\n".join(
        f"// {name}\n\n{_EXPORT.sub('', _IMPORT.sub('', source)).strip()}\n"
        for name, source in modules
    )


def _engine() -> str:
    """All modules of the engine in one scope."""
    return join_modules((name, _read(name)) for name in MODULES)


def _read(name: str) -> str:
    return _wasm_module() if name == _WASM else (FOLDER / "engine" / name).read_text("utf-8")


def _wasm_module() -> str:
    """kernels.wasm as a module."""
    content = base64.b64encode((FOLDER / "kernels.wasm").read_bytes()).decode()
    return f'/** kernels.wasm in base64. */\nexport const KERNELS_WASM =\n  "{content}";\n'
