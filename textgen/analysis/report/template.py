"""Templates of HTML filled in.

Knows jinja2; knows nothing of what is filled in, but that it was learned from, or written by,
anyone: all of it is escaped, except what the template itself calls safe.
"""

import math
from typing import Any


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
        "visible": visible,
        "listed": _listed,
        "shown": shown,
        "bits": lambda loss: loss / math.log(2),
        "duration": duration,
    }
    return environment.get_template(name).render(**values)


def visible(text: str) -> str:
    """A single character by a name where nothing would be seen."""
    names = {" ": "space", "\n": "line end", "\t": "tab", "\ufffd": "unknown"}
    return names.get(text, text if text.isprintable() else f"U+{ord(text):04X}")


def shown(name: str) -> str:
    """A file's or model's name that can be written: what is no character is U+FFFD."""
    return "".join(one if one.isprintable() else "\ufffd" for one in name)


def percent(share: float) -> str:
    """A share for people: 100% and 0% are exact.

    Example:
        >>> percent(1.0), percent(0.99999), percent(0.4)
        ('100%', '99.9%', '40.0%')
    """
    if share in (0, 1):
        return f"{share:.0%}"
    return f"{min(max(share, 0.001), 0.999):.1%}"


def _listed(value: Any) -> str:
    """A setting's value for people."""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def duration(seconds: float) -> str:
    """A time for people."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,} min {rest} s" if minutes else f"{rest} s"
