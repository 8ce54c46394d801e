"""A text as a source."""

import io

from textgen.text.sources import Source


def source(text: str) -> Source:
    return Source("text", lambda: io.BytesIO(text.encode()))
