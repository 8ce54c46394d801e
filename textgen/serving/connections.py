"""Connections: how many there may be, and how long each may take to send or to read.

uvicorn parses HTTP; what it leaves unbounded is bounded here: the time and size of the head of a
request, what a client sends while its request is answered, and the time it leaves an answer unread.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from textgen.packages import is_installed
from textgen.serving.api_errors import ApiError, busy
from textgen.serving.formats import encode_json
from textgen.serving.security import HEADERS
from textgen.settings import ServeConfig

_MAX_HEAD = 65_536  # bytes of the head of a request

if TYPE_CHECKING or not is_installed("httptools"):
    _Protocol = H11Protocol
else:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as _Protocol


class BoundedProtocol(_Protocol):
    """A connection with bounds; `bind` makes a class with those of a server."""

    limits = ServeConfig()

    def connection_made(self, transport: Any) -> None:
        self._received = 0  # bytes since the last complete request
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        super().connection_made(transport)
        if len(self.connections) > self.limits.max_connections:
            self._refuse(busy())
        else:
            self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self._stop_write_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        before = self.cycle if self._is_complete else None
        super().data_received(data)
        if self.transport.is_closing():
            return
        # What arrives while a complete request is answered belongs to the next one.
        is_new = self._is_complete and self.cycle is not before
        self._received = 0 if is_new else self._received + len(data)
        # A chunk may have as many bytes of framing as of content.
        most = 2 * self.limits.max_request + _MAX_HEAD if self._has_body else _MAX_HEAD
        if self._received > most:
            self._refuse(
                ApiError(431, f"the head of the request has more than {_MAX_HEAD:,} bytes")
            )
        elif self._is_answering:
            self._stop_head_timer()
        elif self._head_timer is None:
            self._start_head_timer()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.limits.time_limit, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_write_timer()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        self._refuse(ApiError(400, msg))

    @property
    def _is_answering(self) -> bool:
        """Whether a request is being answered, or its body read."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _is_complete(self) -> bool:
        """Whether a request that has arrived is being answered."""
        return self._is_answering and not self._has_body

    @property
    def _has_body(self) -> bool:
        """Whether a body is arriving, also one that is thrown away after its answer."""
        return self.cycle is not None and self.cycle.more_body

    def _start_head_timer(self) -> None:
        def refuse() -> None:
            self._head_timer = None
            if not self.transport.is_closing():
                self._refuse(ApiError(408, "the request did not arrive in time"))

        self._head_timer = self.loop.call_later(self.limits.header_timeout, refuse)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _refuse(self, error: ApiError) -> None:
        """Answer with an error where no request has an answer, and close the connection."""
        body = encode_json(error.to_json())
        head = [
            f"HTTP/1.1 {error.status} Error",
            "content-type: application/json",
            f"content-length: {len(body)}",
            "connection: close",
            *(f"{name.lower()}: {value}" for name, value in (HEADERS | error.headers).items()),
        ]
        if not self._is_answering and not self._has_body:
            self.transport.write("\r\n".join([*head, "", ""]).encode() + body)
        self.transport.close()


def bind(limits: ServeConfig) -> type[BoundedProtocol]:
    """The class of the connections of a server."""
    return type("Connection", (BoundedProtocol,), {"limits": limits})
