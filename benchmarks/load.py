"""Clients of `textgen serve` that are cheap, since they share the processor with the server.

A client keeps the bytes that arrive and when they do; they are parsed after the measurement.
"""

import asyncio
import bisect
import json
import re
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_END_OF_STREAM = b"data: [DONE]\n\n\r\n0\r\n\r\n"
_EVENT = re.compile(rb"data: ({.*?})\n\n")
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_FEW_BYTES = 4096  # that a client takes that reads nothing


class Event(NamedTuple):
    """A part of an answer: an event of a stream, or all of another answer.

    Attributes:
        arrived: When it was complete.
        characters: The characters of its text.
        bytes: How many it took, without the framing of HTTP.
    """

    arrived: float
    characters: int
    bytes: int


@dataclass
class Answer:
    """An answer, as it arrived.

    Attributes:
        sent: When its request was sent.
        times: When its parts arrived.
        parts: The parts.
        is_complete: Whether nothing is missing.
    """

    sent: float
    times: list[float] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)
    is_complete: bool = False

    @property
    def seconds(self) -> float:
        """From the request to the last byte."""
        return self.times[-1] - self.sent

    def events(self) -> list[Event]:
        """What has arrived.

        Raises:
            SystemExit: it is an error.
        """
        raw = b"".join(self.parts)
        head, _, body = raw.partition(b"\r\n\r\n")
        if raw and not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"the server answered {raw[:400]!r}")
        if not _is_stream(head):
            return [Event(self.times[-1], _count_characters(body), len(body))] if body else []
        ends = list(accumulate(map(len, self.parts)))
        return [
            Event(
                self.times[bisect.bisect_left(ends, match.end())],
                _count_characters(match[1]),
                match.end() - match.start(),
            )
            for match in _EVENT.finditer(raw)
        ]


class Client(asyncio.Protocol):
    """A connection that sends a request, and the same one again when it is answered.

    Args:
        body: The request.
        on_answer: Called with each complete answer.
        repeats: Whether to send it again; else the connection is closed.

    Attributes:
        answer: The one that is arriving.
        has_ended: Is done when the connection is closed.
    """

    transport: asyncio.Transport

    def __init__(
        self, body: dict[str, Any], on_answer: Callable[[Answer], object], *, repeats: bool
    ):
        content = json.dumps(body).encode()
        self._request = (
            b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(content), content)
        )
        self._on_answer, self._repeats = on_answer, repeats
        self._tail = b""
        self.answer = Answer(time.perf_counter())  # with the time to connect
        self.has_ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        answer = self.answer
        answer.times.append(time.perf_counter())
        answer.parts.append(data)
        if not self._is_complete(data):
            return
        answer.is_complete = True
        self._on_answer(answer)
        if self._repeats:
            self.answer, self._tail = Answer(time.perf_counter()), b""
            self.transport.write(self._request)
        else:
            self.transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        self.has_ended.set_result(None)

    def _is_complete(self, data: bytes) -> bool:
        if _is_stream(self.answer.parts[0]):
            self._tail = (self._tail + data)[-len(_END_OF_STREAM) :]
            return self._tail == _END_OF_STREAM
        head, separator, body = b"".join(self.answer.parts).partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        return bool(separator) and length is not None and len(body) >= int(length[1])


async def connect(
    address: str,
    body: dict[str, Any],
    on_answer: Callable[[Answer], object] = lambda _answer: None,
    *,
    repeats: bool = False,
    reads: bool = True,
) -> Client:
    """Connect a client, which sends its request at once.

    Args:
        address: The server's, as http://HOST:PORT.
        body, on_answer, repeats: As for `Client`.
        reads: Whether it reads the answer.
    """
    parts, loop = urlsplit(address), asyncio.get_running_loop()
    connection = socket.socket()
    connection.setblocking(False)
    if not reads:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _FEW_BYTES)
    client = Client(body, on_answer, repeats=repeats)
    await loop.sock_connect(connection, (parts.hostname, parts.port))
    await loop.create_connection(lambda: client, sock=connection)
    if not reads:
        client.transport.pause_reading()
    return client


async def leave(clients: Sequence[Client]) -> None:
    """Close the connections of clients, whatever they are waiting for."""
    for client in clients:
        client.transport.abort()
    await asyncio.gather(*(client.has_ended for client in clients))


async def fetch(address: str, path: str) -> str:
    """The body of the answer to a GET."""
    parts = urlsplit(address)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    try:
        answer = await reader.read()
    finally:
        writer.close()
    return answer.partition(b"\r\n\r\n")[2].decode()


def _is_stream(head: bytes) -> bool:
    return b"\r\ncontent-type: text/event-stream" in head


def _count_characters(body: bytes) -> int:
    return sum(len(choice["text"]) for choice in json.loads(body)["choices"])
