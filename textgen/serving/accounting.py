"""Counts requests, and writes a line about each."""

import time

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from textgen.serving.bodies import ClientLeftError
from textgen.serving.state import Log, State

_MAX_PATH = 200  # bytes of a path in a line


class Accounting:
    """Counts requests and writes a line about each; an error of the program is one line, too.

    Args:
        app: What answers them.
        state: What all requests share.
        access_log: Called with a line about each request; None for none.
    """

    def __init__(self, app: ASGIApp, state: State, access_log: Log | None):
        self._app, self._state, self._access_log = app, state, access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start, status = time.perf_counter(), 0
        scope.setdefault("state", {})

        async def send_counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            try:
                await send(message)
            except RuntimeError as error:
                # What uvloop raises until it has said that the client has closed the connection.
                if "handler is closed" not in str(error):
                    raise
                raise ClientLeftError from None

        self._state.requests += 1
        try:
            await self._app(scope, receive, send_counted)
        except ClientLeftError:
            status = 0  # Starlette has answered with an error, which nobody got
        except Exception as error:
            self._state.log(f"error: {type(error).__name__} in {scope['method']} {_path(scope)}")
            raise
        finally:
            self._state.requests -= 1
            self._count(scope, status, time.perf_counter() - start)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("route")
        name = route.path if isinstance(route, Route) else "other"
        self._state.metrics.requests.labels(name, str(status or "left")).inc()
        if self._access_log is not None:
            client = (scope.get("client") or ("-",))[0]
            characters = scope["state"].get("characters")
            amount = "" if characters is None else f", {characters:,} characters"
            self._access_log(
                f"{client} {scope['method']} {_path(scope)} {status or 'client left'}, "
                f"{seconds:.3f} s{amount}"
            )


def _path(scope: Scope) -> str:
    """The path as it was sent, which has no control characters; without the query."""
    return str(scope.get("raw_path", b"")[:_MAX_PATH], "ascii", "replace")
