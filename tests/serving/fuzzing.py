"""Requests that no client should send, and many that clients do send, in random order.

Each is made from its number and a random seed, so a failure can be repeated. A server must answer
every one of them, or close the connection, within a bounded time and without failing itself;
after all of them it must be as it was before.
"""

import json
import random
import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil

from textgen.serving.requests import ChatRequest, CompletionRequest

# Short times, so that a request that never arrives completely does not take long.
OPTIONS = (
    *("--header-timeout", "1s", "--keep-alive", "1s", "--max-length", "300", "--rows", "8"),
    *("--max-prompt", "500", "--max-request", "50000", "--max-waiting", "64"),
)
_PATIENCE = 20  # seconds until an answer must have ended
_CLIENTS = 12
_ALLOWED = {100, 200, 204, 400, 403, 404, 405, 408, 413, 415, 429, 431}
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")

_NUMBERS: list[Any] = [0, 1, -1, 2, 3, 7, 20, 21, 299, 300, 301, 2**31, 2**63, -(2**63), 2**64]
_NUMBERS += [10**400, 0.0, -0.0, 0.5, 1.0, 1e-320, 1e-9, 1e9, 1e308, float("nan"), float("inf")]
_TEXTS = [
    "",
    "a",
    "abc",
    "\n",
    "Q",
    "abcQ",
    "\0",
    "\ud800",
    "\udc00\ud800",
    "\U0001f600",
    "a\u0301",
]
_TEXTS += ["genre=horror", "horror", "=", "(", "(a*)*b", "a" * 499, "a" * 600, "ab" * 30_000]
_FIELDS = [*CompletionRequest.model_fields, *ChatRequest.model_fields, "suffix", "logit_bias"]
_FIELDS += ["user", "tools", "response_format", "frequency_penalty"]
_PATHS = ["/", "/health", "/metrics", "/openapi.json", "/v1/models", "/v1/models/letters", "*"]
_PATHS += ["/v1/models/none", "/v1/models/../letters", "/v1/models/%2e%2e/%00", "/v1/completions"]
_PATHS += ["/v1/completions/", "/v1//completions", "/v1/chat/completions", "//etc/passwd", "/%ff"]
_PATHS += ["/../../etc/passwd", "/?a=%zz", "http://other/v1/models"]
_PATHS += ["/tokenize", "/detokenize", "/tokenizer_info?model=letters"]
_METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PATCH", "G ET"]
_TYPES = ["application/json", "application/json; charset=utf-16", "text/plain", "", "a" * 9_000]


class Fuzzer:
    """Sends requests to a server and checks what it answers.

    Args:
        address: The server, as http://HOST:PORT, started with `OPTIONS`.
        random_seed: Another number gives other requests.

    Attributes:
        counts: How many answers had each status; `none` for connections that were closed.
    """

    def __init__(self, address: str, random_seed: int = 0):
        parts = urlsplit(address)
        self._address, self._host = (parts.hostname or "", parts.port or 0), parts.netloc
        self._random_seed = random_seed
        self.counts: Counter[str] = Counter()

    def run(self, requests: Sequence[int]) -> None:
        """Send the requests of some numbers, several at a time.

        Raises:
            AssertionError: an answer is not as it must be; the message has the request.
        """
        with ThreadPoolExecutor(_CLIENTS) as clients:
            for status in clients.map(self._send, requests):
                self.counts[status] += 1

    def _send(self, number: int) -> str:
        generator = random.Random(f"{self._random_seed} {number}")
        send: Callable[[random.Random, bytes], bytes] = generator.choices(
            [self._exchange, self._leave, self._send_slowly], [90, 9, 1]
        )[0]
        request = self._make(generator)
        try:
            answer = send(generator, request)
        except TimeoutError:
            raise AssertionError(f"request {number} hangs: {request[:2_000]!r}") from None
        statuses = [int(status) for status in _STATUS.findall(answer)]
        about = f"request {number}: {request[:2_000]!r}\n{answer[:2_000]!r}"
        assert _ALLOWED.issuperset(statuses), about
        assert b"server_error" not in answer, about
        if not statuses:
            assert not answer or send != self._exchange, about
            return "none"
        if statuses[0] >= 400 and send == self._exchange and not request.startswith(b"HEAD"):
            body = answer.partition(b"\r\n\r\n")[2]
            assert b'{"error":{"message":"' in body, about
        return str(statuses[0])

    def _make(self, generator: random.Random) -> bytes:
        """The bytes of a request."""
        make = generator.choices([_make_text_request, _make_any_request, _make_raw], [60, 20, 20])[
            0
        ]
        request = make(generator, self._host)
        if generator.random() < 0.1:
            request = _damage(generator, request)
        return request

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._address, timeout=_PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _exchange(self, generator: random.Random, request: bytes) -> bytes:
        """Send a request and read until the server closes the connection."""
        with self._connect() as connection:
            with suppress(ConnectionError):  # refused before its end; there may be an answer
                connection.sendall(request)
            return _read_all(connection)

    def _leave(self, generator: random.Random, request: bytes) -> bytes:
        """Leave after a part of the request, or of its answer."""
        answer = b""
        with self._connect() as connection:
            try:
                if generator.random() < 0.3:
                    connection.sendall(request[: generator.randrange(len(request) + 1)])
                else:
                    connection.sendall(request)
                    answer = connection.recv(generator.choice([1, 200, 5_000]))
            except ConnectionError:
                return b""
            if generator.random() < 0.5:  # a reset instead of an end
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            else:
                with suppress(OSError):  # the server has left, too
                    connection.shutdown(socket.SHUT_WR)
        return answer

    def _send_slowly(self, generator: random.Random, request: bytes) -> bytes:
        """Send a byte at a time until the server has had enough."""
        with self._connect() as connection:
            end = time.monotonic() + 3
            with suppress(ConnectionError):
                for place in range(len(request)):
                    connection.sendall(request[place : place + 1])
                    time.sleep(generator.choice([0.0, 0.01, 0.05]))
                    if time.monotonic() > end:
                        break
            return _read_all(connection)


class Resources:
    """What a server's process uses, to be compared with what it used before.

    Args:
        address: The server.
        pid: Its process.
    """

    def __init__(self, address: str, pid: int):
        self._address, self._process = address, psutil.Process(pid)
        self._text = self._write()
        self._threads, self._files = self._process.num_threads(), self._process.num_fds()
        self._bytes = self._process.memory_info().rss

    def check(self, more_bytes: int) -> int:
        """Check that nothing is left of requests.

        Args:
            more_bytes: How much more memory the process may use.

        Returns:
            How much more it uses.
        """
        end = time.monotonic() + _PATIENCE
        while (left := self._leftovers()) and time.monotonic() < end:
            time.sleep(0.1)
        assert not left, left
        assert self._write() == self._text
        more: int = self._process.memory_info().rss - self._bytes
        assert more < more_bytes, f"{more:,} bytes"
        return more

    def _leftovers(self) -> list[str]:
        metrics = httpx.get(f"{self._address}/metrics").text
        busy = re.findall(
            r'textgen_(?:active|waiting)_texts\{.*\} (?!0\.0).+|.*status="5.*', metrics
        )
        threads, files = self._process.num_threads(), self._process.num_fds()
        # Threads for work that would block the event loop, which asyncio keeps.
        kept = min(32, (psutil.cpu_count() or 1) + 4)
        if threads > self._threads + kept:
            busy.append(f"{threads} threads, before {self._threads}")
        if files > self._files + 1:
            busy.append(f"{files} files, before {self._files}")
        return busy

    def _write(self) -> str:
        body = {"model": "letters", "prompt": "abc", "max_tokens": 200, "seed": 1}
        answer = httpx.post(f"{self._address}/v1/completions", json=body, timeout=_PATIENCE)
        return str(answer.json()["choices"][0]["text"])


def _read_all(connection: socket.socket) -> bytes:
    parts, end = list[bytes](), time.monotonic() + _PATIENCE
    with suppress(ConnectionError):
        while part := connection.recv(65_536):
            parts.append(part)
            if time.monotonic() > end:
                raise TimeoutError
    return b"".join(parts)


def _make_text_request(generator: random.Random, host: str) -> bytes:
    """A request for texts, right or with some wrong fields."""
    path = generator.choice(["/v1/completions", "/v1/completions", "/v1/chat/completions"])
    model = generator.choice(["letters", "titles", "words"])
    body: dict[str, Any] = {"model": model, "max_tokens": generator.randrange(60)}
    if path.endswith("chat/completions"):
        body["messages"] = [{"role": "user", "content": generator.choice(["abc", "bad", ""])}]
    else:
        body["prompt"] = generator.choice(
            ["abc", ["ab", "fed"], [1, 2, 3], [[1], [2, 3]], "", None]
        )
        body["echo"], body["logprobs"] = generator.choice([(False, None), (True, 1), (False, 20)])
    body["stream"] = generator.random() < 0.5
    for name in generator.sample(_FIELDS, generator.choice([0, 0, 1, 2, 4])):
        body[name] = _make_value(generator)
    # Python's JSON has NaN, infinities and halves of surrogate pairs.
    content = json.dumps(body, ensure_ascii=generator.random() < 0.9).encode(errors="surrogatepass")
    return _post(path, content, host)


def _make_value(generator: random.Random, depth: int = 0) -> Any:
    """A value of JSON."""
    kind = generator.randrange(7 if depth < 3 else 3)
    if kind == 0:
        return generator.choice([None, True, False])
    if kind == 1:
        return generator.choice(_NUMBERS)
    if kind == 2:
        return generator.choice(_TEXTS)
    if kind == 3:
        return generator.randrange(300)
    if kind == 4:
        return generator.random()
    values = [_make_value(generator, depth + 1) for _ in range(generator.choice([0, 1, 2, 30]))]
    if kind == 5:
        return values
    return {generator.choice(_TEXTS)[:50]: value for value in values}


def _make_any_request(generator: random.Random, host: str) -> bytes:
    """A request with another method, path, type or body."""
    method, path = generator.choice(_METHODS), generator.choice(_PATHS)
    bodies = [b"", b"{", b"null", b"[]", b'{"prompt": "abc"}', b"[" * 20_000, b'{"a":' * 9_000]
    bodies += [b'{"model": "letters", "model": "titles", "max_tokens": 3}', b"\xff\xfe\0", b"1e999"]
    bodies += [generator.randbytes(200), b'"' + b"\\u0000" * 5_000 + b'"', b"a" * 60_000]
    body = generator.choice(bodies)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {generator.choice([host, host, '', 'other'])}"]
    lines += ["Connection: close", f"Content-Length: {len(body)}"]
    lines += [f"Content-Type: {generator.choice(_TYPES)}"]
    if generator.random() < 0.3:
        headers = [
            "Origin: null",
            "Origin: http://other",
            "Authorization: Bearer \xe9",
            "X:" + "a" * 70_000,
        ]
        headers += [
            "Expect: 100-continue",
            "Upgrade: websocket\r\nConnection: upgrade",
            "Range: bytes=0-",
        ]
        headers += ["Accept-Encoding: gzip", "Content-Encoding: gzip", "Cookie: " + "a=b; " * 900]
        lines.append(generator.choice(headers))
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _make_raw(generator: random.Random, host: str) -> bytes:
    """What is no request, or more than one."""
    good = _post("/v1/completions", b'{"model": "letters", "max_tokens": 3}', host)
    start = f"POST /v1/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    head = start.encode()
    size = generator.choice(
        [b"-1", b"+5", b"5, 5", b"0x5", b"", b"9" * 400, b"1_0", b"5\r\nContent-Length: 6"]
    )
    chunk = generator.choice([b"5", b"-5", b"fffffffffffffffff", b"g", b"", b"5;" + b"a" * 70_000])
    return generator.choice(
        [
            b"\r\n\r\n",
            b"\0" * 50,
            generator.randbytes(generator.randrange(1, 3_000)),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + generator.randbytes(200),  # TLS
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET /health\r\n\r\n",
            b"GET /health HTTP/1.0\r\n\r\n",
            b"GET /health HTTP/9.9\r\n\r\n",
            b"GET /" + b"a" * 80_000 + b" HTTP/1.1\r\n\r\n",
            b"GET /health HTTP/1.1\r\n" + b"a: b\r\n" * 3_000 + b"\r\n",
            b"GET /health HTTP/1.1\r\nHost: a\r\n b\r\nno colon\r\n: empty\r\n\r\n",
            good.replace(b"\r\n", b"\n"),
            good + good,
            good.replace(b"Connection: close\r\n", b"") * 5,
            head + b"Content-Length: " + size + b"\r\n\r\n{}   ",
            head + b"Content-Length: 30\r\n\r\n{}",
            head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"\r\n{}   \r\n0\r\n\r\n",
            head + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            head + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            head + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 2_000 + b"0\r\n\r\n",
            head
            + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
            + b"a: b\r\n" * 100
            + b"\r\n",
        ]
    )


def _post(path: str, body: bytes, host: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    head += f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _damage(generator: random.Random, request: bytes) -> bytes:
    """Some bytes replaced, removed, repeated or added."""
    changed = bytearray(request)
    for _ in range(generator.choice([1, 1, 3, 20])):
        place = generator.randrange(len(changed) + 1)
        size = generator.choice([1, 1, 2, 10, 100])
        part = changed[place : place + size]
        changed[place : place + size] = generator.choice(
            [b"", generator.randbytes(len(part)), part * 2, part + generator.randbytes(size)]
        )
    return bytes(changed)
