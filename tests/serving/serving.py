"""A server in a thread of the tests, with real connections, and small models for it."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from tests.analysis.models import LABELS, MERGES, random_model, save_model
from textgen.serving.server import Listening, TextServer
from textgen.settings import CorpusConfig, Mix, ServeConfig

CONTINUOUS = CorpusConfig(documents="none")
DOCUMENTS = CorpusConfig(documents="lines")


@dataclass
class Running:
    """A server that runs.

    Attributes:
        server: The server.
        client: Sends it requests.
        lines: What it wrote.
        status: Its exit status, once it has ended.
    """

    server: TextServer
    client: httpx.Client
    lines: list[str]
    status: list[int] = field(default_factory=list)

    def post(self, path: str = "/v1/completions", **body: Any) -> httpx.Response:
        return self.client.post(path, json=body)

    def texts(self, **body: Any) -> list[str]:
        """The texts of a completion."""
        answer = self.post(**body)
        assert answer.status_code == 200, answer.text
        return [choice["text"] for choice in answer.json()["choices"]]


@contextmanager
def serve(
    models: Mapping[str, Path | Mix],
    limits: ServeConfig | None = None,
    *,
    key: str | None = None,
    origins: Sequence[str] = (),
) -> Iterator[Running]:
    """A server on a free port, until the block ends."""
    lines = list[str]()
    listening = Listening(port=0, key=key, origins=tuple(origins))
    server = TextServer(models, listening, limits or ServeConfig(), lines.append, lines.append)
    headers = [(b"Authorization", f"Bearer {key}".encode())] if key else []
    with httpx.Client(base_url=server.address, headers=headers, timeout=60) as client:
        running = Running(server, client, lines)
        ready = threading.Event()
        thread = threading.Thread(target=lambda: running.status.append(server.run(ready.set)))
        thread.start()
        try:
            assert ready.wait(120)  # the first one may have to compile
            yield running
        finally:
            client.close()
            server.stop()
            thread.join(30)
            assert not thread.is_alive()


def save_models(folder: Path) -> dict[str, Path]:
    """A model of continuous text, one of documents with labels, and one with subwords."""
    letters = random_model(CONTINUOUS)
    letters = replace(letters, record=replace(letters.record, seeds=("abc", "feed", "bad\n")))
    models = {
        "letters": letters,
        "titles": random_model(DOCUMENTS, labels=LABELS),
        "words": random_model(CONTINUOUS, merges=MERGES),
    }
    return {name: save_model(model, folder / name) for name, model in models.items()}
