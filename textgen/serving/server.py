"""The server's process: it listens, serves, and ends after a signal."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from textgen.distributed.signals import ENDING_SIGNALS
from textgen.errors import ServerError
from textgen.sampling.compiled import load_compiled
from textgen.serving.api_errors import closing
from textgen.serving.app import make_app
from textgen.serving.connections import bind
from textgen.serving.filtered import Judges
from textgen.serving.metrics import Metrics
from textgen.serving.models import Models
from textgen.serving.security import make_policy
from textgen.serving.state import State
from textgen.settings import Mix, ServeConfig

_TICK = 0.02  # seconds between two looks at whether all requests are answered
_LAST_WORDS = 0.5  # seconds for the error that ends a request after the grace period
_BACKLOG = 1024

Log = Callable[[str], object]


@dataclass(frozen=True)
class Listening:
    """Where the server listens, and to whom.

    Attributes:
        host: A name or an IP address.
        port: The port; 0 for any that is free.
        key: What clients must know; None for none. It is not in the repr.
        no_key: Whether nobody needs a key at an address that others reach.
        origins: Sites whose pages may send requests.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    key: str | None = None
    no_key: bool = False
    origins: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Listening(host={self.host!r}, port={self.port})"


class TextServer:
    """A server for some models.

    Args:
        models: Model directories, names of starters, or mixes of models that are served, by the
            names that clients use.
        listening: Where it listens, and to whom.
        limits: What requests may use.
        log: Writes a line for the user.
        access_log: Called with a line about each request; None for none.

    Attributes:
        address: Where it listens, as http://HOST:PORT.
        most_parameters: Those of the largest model.

    Raises:
        UsageError: others reach the address, and there is no key.
        ServerError: the address cannot be listened on.
        ModelError: a model is missing or damaged.
    """

    def __init__(
        self,
        models: Mapping[str, Path | Mix],
        listening: Listening,
        limits: ServeConfig,
        log: Log,
        access_log: Log | None = None,
    ):
        family, address = _resolve(listening)
        self._policy = make_policy(
            str(address[0]),
            listening.host,
            listening.key,
            listening.origins,
            no_key=listening.no_key,
        )
        self._limits, self._log, self._access_log = limits, log, access_log
        self._models = Models(models, limits, log)
        self.most_parameters = self._models.most_parameters
        self._socket = _listen(family, address, listening)
        host, port = self._socket.getsockname()[:2]
        self.address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._first_signal = 0
        self._is_cut_off = False
        self._stopped: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, on_ready: Callable[[], object] = lambda: None) -> int:
        """Serve until a signal, or until `stop` is called.

        Args:
            on_ready: Called when requests are answered.

        Returns:
            The exit status: 0 after SIGTERM or `stop`, if all requests were answered; 128 and the
            signal's number otherwise.
        """
        load_compiled()  # to compile takes as long as a client may be ready to wait
        config = uvicorn.Config(
            lambda: None,
            http=bind(self._limits),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=self._limits.keep_alive,  # type: ignore[arg-type]
            timeout_graceful_shutdown=1,
        )
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(self._serve(config, on_ready))
        if self._first_signal in (0, signal.SIGTERM) and not self._is_cut_off:
            return 0
        return 128 + (self._first_signal or signal.SIGTERM)

    def stop(self) -> None:
        """End the server as SIGTERM does; for other threads."""
        if self._loop is not None and self._stopped is not None:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._stopped.set)

    async def _serve(self, config: uvicorn.Config, on_ready: Callable[[], object]) -> None:
        loop = asyncio.get_running_loop()
        self._loop, self._stopped = loop, asyncio.Event()
        self._models.start(loop)
        state = State(
            self._models, self._limits, Metrics(lambda: self._models), Judges(loop), self._log
        )
        config.app = make_app(state, self._policy, self._access_log)
        server = _Server(config)
        watching = loop.create_task(self._models.watch())
        serving = loop.create_task(server.serve(sockets=[self._socket]))
        with self._handle_signals(loop):
            while not server.started and not serving.done():
                await asyncio.sleep(0.001)
            on_ready()
            await self._stopped.wait()
            await self._drain(state)
            server.should_exit = True
            for connection in list(server.server_state.connections):
                if self._is_cut_off:
                    connection.transport.abort()
            await serving
        watching.cancel()
        self._models.close()

    async def _drain(self, state: State) -> None:
        """Wait for requests in progress; end those that take longer than the grace period."""
        state.is_closing = True
        await self._wait_for_requests(state, self._limits.grace)
        if state.requests:
            self._is_cut_off = True
            count = state.requests
            self._log(f"{count} request{' was' if count == 1 else 's were'} not finished in time")
            for generation in list(state.generations):
                generation.fail(closing())
            await self._wait_for_requests(state, _LAST_WORDS)

    async def _wait_for_requests(self, state: State, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while state.requests:
                    await asyncio.sleep(_TICK)

    @contextmanager
    def _handle_signals(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """The first signal stops the server, the second one ends the process."""

        def handle(number: int) -> None:
            if self._first_signal:
                os._exit(128 + number)
            self._first_signal = number
            assert self._stopped is not None  # noqa: S101 for mypy
            self._stopped.set()

        handled = list[int]()
        for number in ENDING_SIGNALS:
            # The shell ignores Ctrl-C for a program in the background.
            if signal.getsignal(number) is signal.SIG_IGN:
                continue
            try:
                loop.add_signal_handler(number, handle, number)
            except (ValueError, RuntimeError):  # not in the main thread, as in tests
                break
            handled.append(number)
        try:
            yield
        finally:
            for number in handled:
                loop.remove_signal_handler(number)


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to ours."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _resolve(listening: Listening) -> tuple[socket.AddressFamily, Any]:
    """The family and the address of a host."""
    try:
        found = socket.getaddrinfo(
            listening.host, listening.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise ServerError(
            f"{listening.host}: is no address of this computer: "
            f"{getattr(error, 'strerror', None) or error}; give another --host"
        ) from None
    # `localhost` may be both; clients that try IPv6 first try IPv4 next.
    found.sort(key=lambda info: info[0] != socket.AF_INET)
    family, _, _, _, address = found[0]
    return family, address


def _listen(family: socket.AddressFamily, address: Any, listening: Listening) -> socket.socket:
    try:
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ServerError(
            f"{listening.host}:{listening.port}: cannot be listened on: "
            f"{error.strerror or error}; give another --port, or --port 0 for any that is free"
        ) from None
