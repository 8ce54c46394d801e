"""HTML from the templates of this folder; values are escaped unless a template says `safe`."""

import math
from typing import Any

from textgen.analysis.formatting import duration, percent, printable_name, visible_token


def render(name: str, /, **values: Any) -> str:
    """A template of this folder, filled in."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("textgen.analysis.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "visible": visible_token,
        "listed": _format_setting,
        "printable": printable_name,
        "bits": lambda loss: loss / math.log(2),
        "duration": duration,
    }
    return environment.get_template(name).render(**values)


def _format_setting(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
