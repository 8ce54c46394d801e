"""Everything that a client can ask for, send or leave unread has a bound."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from tests.serving.serving import serve
from textgen.settings import ServeConfig

LIMITS = ServeConfig(
    max_length=5_000_000,
    max_request=2_000,
    max_waiting=0,
    rows=2,
    max_connections=6,
    time_limit=1.0,
    header_timeout=0.4,
    keep_alive=0.4,
)
LONG = {"model": "letters", "prompt": "abc", "max_tokens": 5_000_000}


@pytest.fixture(scope="module")
def narrow(served_models):
    """A server with low limits."""
    with serve({"letters": served_models["letters"]}, LIMITS) as running:
        yield running


def connect(running) -> socket.socket:
    url = running.client.base_url
    return socket.create_connection((url.host, url.port), timeout=20)


def read_all(connection: socket.socket) -> bytes:
    data = b""
    while part := connection.recv(65536):
        data += part
    return data


def head(length: int | str, **more: str) -> bytes:
    lines = ["POST /v1/completions HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    lines += [f"Content-Length: {length}"] if length != "" else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def body_of(data: bytes) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(data.partition(b"\r\n\r\n")[2])
    return body


def wait_until(condition, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def gauge(running, name: str) -> float:
    text = running.client.get("/metrics").text
    return float(next(line for line in text.splitlines() if line.startswith(name)).split()[-1])


def is_idle(running) -> bool:
    return gauge(running, "textgen_active_texts{") == gauge(running, "textgen_waiting_texts{") == 0


def test_a_large_body_is_refused_before_it_is_read(narrow):
    with closing(connect(narrow)) as connection:
        connection.sendall(head(2_001))
        answer = read_all(connection)  # which ends: the connection is closed
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert body_of(answer)["error"]["type"] == "invalid_request_error"


def test_a_large_body_in_chunks_is_refused_while_it_is_read(narrow):
    with closing(connect(narrow)) as connection:
        connection.sendall(head("", Transfer_Encoding="chunked"))
        for _ in range(25):
            connection.sendall(b"64\r\n" + b" " * 100 + b"\r\n")
        assert read_all(connection).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("length", ["-1", "x", "9" * 30])
def test_a_length_that_is_none_is_refused(narrow, length):
    with closing(connect(narrow)) as connection:
        connection.sendall(head(length))
        assert read_all(connection)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 413")


def test_a_request_that_does_not_arrive_is_ended(narrow):
    start = time.monotonic()
    with closing(connect(narrow)) as connection:
        assert read_all(connection).startswith(b"HTTP/1.1 408 ")
    with closing(connect(narrow)) as connection:
        connection.sendall(head(100)[:-2])
        assert read_all(connection).startswith(b"HTTP/1.1 408 ")
    with closing(connect(narrow)) as connection:
        connection.sendall(head(100) + b"{")
        assert read_all(connection).startswith(b"HTTP/1.1 408 ")
    assert 1 < time.monotonic() - start < 10


def test_an_idle_connection_is_closed(narrow):
    with closing(connect(narrow)) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        start = time.monotonic()
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")
        assert 0.2 < time.monotonic() - start < 10


def test_a_head_without_end_is_refused(narrow):
    with closing(connect(narrow)) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: ")
        with pytest.raises(OSError):
            for _ in range(1000):
                connection.sendall(b"a" * 65536)
            raise OSError(read_all(connection)[:12])


def test_a_head_without_end_is_refused_while_a_request_is_answered(narrow):
    body = json.dumps({**LONG, "stream": True}).encode()
    with closing(connect(narrow)) as connection:
        connection.sendall(head(len(body)) + body)
        connection.recv(100)
        with pytest.raises(OSError):
            connection.sendall(b"GET /health HTTP/1.1\r\nX: " + b"a" * 50_000_000)
    wait_until(lambda: is_idle(narrow))


def test_what_is_no_http_is_an_error(narrow):
    with closing(connect(narrow)) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n")
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 400 ") and b"\r\nx-frame-options: DENY\r\n" in answer
    assert body_of(answer)["error"]["type"] == "invalid_request_error"


def test_more_connections_than_allowed_are_refused(narrow):
    narrow.client.close()
    narrow.client = type(narrow.client)(base_url=narrow.server.address, timeout=60)
    connections = [connect(narrow) for _ in range(LIMITS.max_connections)]
    try:
        with closing(connect(narrow)) as connection:
            assert read_all(connection).startswith(b"HTTP/1.1 429 ")
    finally:
        for connection in connections:
            connection.close()
    assert narrow.client.get("/health").status_code == 200


def test_more_texts_than_may_wait_are_refused(narrow):
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(narrow.post, **LONG) for _ in range(2)]
        wait_until(
            lambda: gauge(narrow, "textgen_active_texts{") + gauge(narrow, "textgen_waiting") == 2
        )
        answer = narrow.post(**LONG)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["error"]["type"] == "rate_limit_error"
        for future in running:
            assert future.result().status_code in (200, 503)
    wait_until(lambda: is_idle(narrow))


def test_a_request_with_more_texts_than_there_is_room_for_leaves_none(narrow):
    assert narrow.post(**{**LONG, "n": 3}).status_code == 429
    wait_until(lambda: is_idle(narrow))


def test_a_text_that_takes_too_long_ends_where_it_is(narrow):
    start = time.monotonic()
    (choice,) = narrow.post(**LONG).json()["choices"]
    assert 0.9 < time.monotonic() - start < 5
    assert choice["finish_reason"] == "length"
    assert 0 < len(choice["text"]) < 5_000_000
    wait_until(lambda: is_idle(narrow))


@pytest.mark.parametrize("streams", [False, True])
def test_a_client_that_leaves_frees_its_row(narrow, streams):
    body = json.dumps({**LONG, "stream": streams}).encode()
    with closing(connect(narrow)) as connection:
        connection.sendall(head(len(body)) + body)
        wait_until(lambda: gauge(narrow, "textgen_active_texts{") == 1)
        left = time.monotonic()
    wait_until(lambda: is_idle(narrow))
    assert time.monotonic() - left < 0.5  # the limit of time ends it later


def test_a_slow_reader_slows_nobody(narrow):
    body = json.dumps({**LONG, "stream": True}).encode()
    with closing(connect(narrow)) as connection:
        connection.sendall(head(len(body)) + body)
        connection.recv(100)
        start = time.monotonic()
        for _ in range(5):
            assert narrow.post(**{**LONG, "max_tokens": 100}).status_code == 200
        assert time.monotonic() - start < 1
        assert read_all(connection).endswith(b"0\r\n\r\n")


def test_every_route_has_its_methods(server):
    for path, method in (("/v1/completions", "GET"), ("/v1/models", "POST"), ("/health", "PUT")):
        answer = server.client.request(method, path)
        assert answer.status_code == 405
        assert answer.headers["allow"]
        assert answer.json()["error"]["type"] == "invalid_request_error"
    for path in ("/nothing", "/v1", "/v1/completions/"):
        assert server.client.get(path).status_code == 404


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"abc"',
        b"\xff",
        b'{"prompt": "\\ud800"}',
        b'{"temperature": NaN}',
        b'{"seed": ' + b"9" * 5000 + b"}",
        b'{"max_tokens": 1e999}',
        b'{"prompt": ' + b"[" * 5000,
        b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"prompt": [[[1]]]}',
        b'{"stop": {"a": 1}}',
        b'{"stream_options": 3}',
        b'{"model": "letters", "prompt": "a\x00b"}',
    ],
)
@pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions"])
def test_a_body_that_is_no_request_is_an_error(server, path, data):
    answer = server.client.post(path, content=data, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]["message"]


def test_a_long_list_with_a_wrong_item_is_refused_at_once(server):
    data = b'{"prompt": [' + b"1," * 450_000 + b'"a"]}'
    start = time.monotonic()
    answer = server.client.post(
        "/v1/completions", content=data, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert time.monotonic() - start < 2.5  # nobody else is served meanwhile


@pytest.mark.parametrize(
    "line",
    [
        b"CONNECT localhost:80 HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"GET http://[ HTTP/1.1",
        b"GET /\xff HTTP/1.1",
        b"GET /v1/models HTTP/2.0",
        b"GET /v1/models HTTP/1.0",
        b"PRI * HTTP/2.0",
        b"GET /v1/models HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c",
        b"GET /v1/models HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket",
        b"POST /v1/completions HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked",
        b"POST /v1/completions HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4",
        b"POST /v1/completions HTTP/1.1\r\nTransfer-Encoding: gzip",
    ],
)
def test_unusual_requests_fail_in_an_orderly_way(narrow, line):
    with closing(connect(narrow)) as connection:
        connection.sendall(line + b"\r\nHost: localhost\r\n\r\n")
        answer = read_all(connection)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4"))
    assert narrow.client.get("/health").status_code == 200
    assert not [text for text in narrow.lines if "error" in text]
