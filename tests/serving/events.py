"""Reads streams of server-sent events."""

import json
from typing import Any

import httpx


def read_events(answer: httpx.Response) -> list[dict[str, Any]]:
    """The events of a stream, without [DONE] at its end."""
    parts = answer.text.split("\n\n")
    assert parts.pop() == ""
    assert all(part.startswith("data: ") for part in parts)
    assert parts[-1] == "data: [DONE]"
    return [json.loads(part.removeprefix("data: ")) for part in parts[:-1]]
