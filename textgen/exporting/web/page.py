"""The web page: one HTML file with the interface and, unless a server generates, the model.

The file is safe to open whatever the model holds. Its policy allows the page's own scripts, by
their hashes, and no connection; the model is data, which cannot end the element that it is in; and
the interface shows what a model wrote, its labels and its name as text, never as HTML.
"""

import base64
import hashlib
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import textgen
from textgen.exporting.web.bundle import engine_script, join_modules

FOLDER = Path(__file__).parent / "page"
# Each module comes after those that it imports.
MODULES = (
    "elements.js",
    "messages.js",
    "texts.js",
    "bars.js",
    "text_view.js",
    "cursor.js",
    "inspector.js",
    "candidates.js",
    "settings.js",
    "source_local.js",
    "source_server.js",
    "follow.js",
    "writing.js",
    "page.js",
)

_FIELD = re.compile(r"\{\{ (\w+) \}\}")
# No pictures, fonts or frames from anywhere. The worker is a blob that the page makes of its
# scripts; the engine's matrix products are WebAssembly.
_POLICY = (
    "default-src 'none'; script-src {scripts} 'wasm-unsafe-eval'; worker-src blob:; "
    "style-src {style}; img-src data:; connect-src {connections}; base-uri 'none'; "
    "form-action 'none'"
)
_LOCAL = "Made with textgen. The model runs on this device: nothing that you type leaves it."
_SERVED = "Made with textgen. The models run on the server that this page comes from."


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        html: Its HTML.
        policy: Its Content-Security-Policy, which is also in the HTML.
    """

    html: str
    policy: str


def model_page(model: str, name: str) -> str:
    """A page that generates with a model that is in it.

    Args:
        model: The content of a model file, as `write_model_file` returns it.
        name: The model's name, for the title.

    Returns:
        The page's HTML. It makes no requests, so it works from a disk.

    Example:
        >>> page = model_page('{"name": "</script>"}', "tales & more")
        >>> "<title>tales &amp; more</title>" in page
        True
        >>> r'{"name": "\\u003c/script>"}' in page
        True
    """
    data = [
        _data("text/plain", "worker", _read("worker.js")),
        _data("application/json", "textgen-model", _escape_json(model)),
    ]
    return _fill(name, {"engine": engine_script()}, data, _LOCAL).html


def server_page() -> Page:
    """A page that generates with the models of the server that it comes from.

    Returns:
        The page, which connects to its own server only.

    Example:
        >>> "connect-src 'self'" in server_page().policy
        True
    """
    return _fill("textgen", {}, (), _SERVED)


def _fill(title: str, scripts: dict[str, str], data: Sequence[str], footer: str) -> Page:
    """The page with more scripts, by the ids of their elements, and with data."""
    theme, style = _read("theme.js"), _read("page.css")
    main = join_modules((name, _read(name)) for name in MODULES)
    policy = _POLICY.format(
        scripts=" ".join(map(_hash, (theme, *scripts.values(), main))),
        style=_hash(style),
        connections="'none'" if scripts else "'self'",
    )
    elements = [
        f'<script id="{name}">{_check(script)}</script>' for name, script in scripts.items()
    ]
    values = {
        "policy": policy,
        "version": textgen.__version__,
        "title": html.escape(title),
        "style": style,
        "theme": _check(theme),
        "footer": footer,
        "data": "\n".join([*elements, *data]),
        "main": _check(main),
    }
    return Page(_FIELD.sub(lambda match: values[match[1]], _read("page.html")), policy)


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _data(kind: str, name: str, content: str) -> str:
    """An element with data, which a browser does not run."""
    return f'<script type="{kind}" id="{name}">{_check(content)}</script>'


def _check(script: str) -> str:
    """The content of a script element, which must not end it."""
    if re.search(r"</script|<!--", script, re.IGNORECASE):
        raise ValueError("a script of the page ends its element")
    return script


def _escape_json(text: str) -> str:
    """JSON without characters that mean something in HTML, or that end a line in JavaScript.

    JSON has them in strings only, where each can be written as an escape.
    """
    for character in "<\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _hash(script: str) -> str:
    """The hash of an element's content in a Content-Security-Policy."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
