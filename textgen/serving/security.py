"""Who may send requests: keys, hosts, origins; and headers that protect browsers."""

import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from textgen.errors import UsageError
from textgen.serving.api_errors import ApiError
from textgen.serving.formats import encode_json

_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
# What anyone may read: whether the server runs, the page without any data, and the description.
_OPEN_PATHS = frozenset({"/", "/health", "/openapi.json"})
HEADERS = {  # of every answer that has no other ones
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_EXPOSED = "X-Textgen-Ignored, Retry-After"


@dataclass(frozen=True)
class Policy:
    """Who may send requests.

    Attributes:
        key: What clients must know; None if everybody may send requests. It is not in the repr.
        hosts: Names of the server in requests; None for any. A page of another site that lets its
            own name point to this computer (DNS rebinding) has another one.
        origins: Sites whose pages may send requests, such as https://example.org.
    """

    key: bytes | None = field(default=None, repr=False)
    hosts: frozenset[str] | None = None
    origins: frozenset[str] = frozenset()

    def check(self, headers: Headers, path: str) -> None:
        """Check a request.

        Raises:
            ApiError: it comes from elsewhere, or lacks the key.
        """
        host = headers.get("host", "")
        if self.hosts is not None and host_name(host) not in self.hosts:
            raise ApiError(403, "the request is for another host than this server", code="host")
        origin = headers.get("origin")
        if origin is not None and origin not in self.origins and not _is_same(origin, host):
            raise ApiError(
                403, "pages of other sites may not use this server (--allow-origin)", code="origin"
            )
        if self.key is not None and path not in _OPEN_PATHS:
            self._check_key(headers)

    def _check_key(self, headers: Headers) -> None:
        assert self.key is not None  # noqa: S101 for mypy
        scheme, _, given = headers.get("authorization", "").partition(" ")
        # Header values are decoded as Latin-1, so this restores their bytes.
        if scheme.lower() != "bearer" or not hmac.compare_digest(
            given.strip().encode("latin-1"), self.key
        ):
            raise ApiError(
                401,
                "the key is missing or wrong; send it as `Authorization: Bearer KEY`",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )


def make_policy(
    address: str, host: str, key: str | None, origins: Iterable[str], *, no_key: bool
) -> Policy:
    """Who may send requests to a server.

    Args:
        address: The IP address that it listens on.
        host: The host as the user named it.
        key: What clients must know; None for none.
        origins: Sites whose pages may send requests.
        no_key: Whether the user wants no key at an address that others reach.

    Raises:
        UsageError: others reach the address and there is neither a key nor `no_key`; or an origin
            that is none.
    """
    if key is not None and (
        not key or key != key.strip() or not (key.isascii() and key.isprintable())
    ):
        raise UsageError("the key must have printable ASCII characters, without spaces around them")
    if key is not None and no_key:
        raise UsageError("--api-key and --no-key exclude each other; give one of them")
    is_loopback = ipaddress.ip_address(address.partition("%")[0]).is_loopback
    if not is_loopback and key is None and not no_key:
        raise UsageError(
            f"others can reach {host}: set a key as TEXTGEN_API_KEY, or allow everybody with "
            "--no-key"
        )
    origins = frozenset(map(_check_origin, origins))
    hosts = None
    if is_loopback:
        named = {host.lower(), *(urlsplit(origin).hostname or "" for origin in origins)}
        hosts = _LOOPBACK_HOSTS | named
    return Policy(None if key is None else key.encode(), hosts, origins)


def host_name(host: str) -> str:
    """The name in a Host header, without the port.

    Example:
        >>> host_name("LOCALHOST:8000"), host_name("[::1]:80"), host_name("127.0.0.1")
        ('localhost', '::1', '127.0.0.1')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


class SecurityMiddleware:
    """Refuses requests that the policy does not allow, and adds headers to every answer.

    Args:
        app: What answers the others.
        policy: Who may send requests.
    """

    def __init__(self, app: ASGIApp, policy: Policy):
        self._app, self._policy = app, policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        allowed = origin if origin in self._policy.origins else None

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._protect(MutableHeaders(scope=message), allowed)
            await send(message)

        is_preflight = (
            scope["method"] == "OPTIONS"
            and allowed is not None
            and "access-control-request-method" in headers
        )
        try:
            # A browser asks without the key whether it may send the request that has it.
            self._policy.check(headers, "/" if is_preflight else scope["path"])
        except ApiError as error:
            await error_response(error)(scope, receive, send_protected)
            return
        if is_preflight:
            answer = {
                "Access-Control-Allow-Methods": "GET, POST",
                "Access-Control-Allow-Headers": "Authorization, Content-Type",
                "Access-Control-Max-Age": "600",
            }
            await Response(status_code=204, headers=answer)(scope, receive, send_protected)
            return
        await self._app(scope, receive, send_protected)

    def _protect(self, headers: MutableHeaders, allowed: str | None) -> None:
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        if self._policy.origins:
            headers.add_vary_header("Origin")
        if allowed is not None:
            headers["Access-Control-Allow-Origin"] = allowed
            headers["Access-Control-Expose-Headers"] = _EXPOSED
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"


def error_response(error: ApiError) -> Response:
    """The answer for an error."""
    return Response(
        encode_json(error.to_json()),
        error.status,
        error.headers,
        media_type="application/json",
    )


def _is_same(origin: str, host: str) -> bool:
    """Whether a page is from this server, by its own address."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


def _check_origin(origin: str) -> str:
    try:
        parts = urlsplit(origin)
        is_origin = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_origin = False
    if (
        not is_origin
        or parts.scheme not in ("http", "https")
        or origin != f"{parts.scheme}://{parts.netloc}"
        or "@" in parts.netloc
        or origin != origin.lower()
    ):
        raise UsageError(
            f"--allow-origin {origin}: is not an origin, such as https://example.org or "
            "http://localhost:3000"
        )
    return origin
