"""Reads the body of a request: JSON, no more bytes than allowed, and not for longer."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from textgen.serving.api_errors import ApiError
from textgen.settings import ServeConfig

_CLOSE = {"Connection": "close"}  # what else the client sends would be read as a request


class ClientLeftError(Exception):
    """The client has closed the connection."""


async def read_json(request: Request, limits: ServeConfig) -> bytes:
    """The body of a request that says that it is JSON.

    A page of another site can send a body without asking only if it says that it is something
    else.

    Args:
        request: The request.
        limits: How many bytes, and how long.

    Raises:
        ApiError: it is of another type, has too many bytes, or does not arrive in time.
        ClientLeftError: the client has left.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, "the body must be JSON: send `Content-Type: application/json`")
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 18 or int(length) > limits.max_request:
        raise _too_large(limits)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.header_timeout):
            async for part in request.stream():
                body += part
                if len(body) > limits.max_request:
                    raise _too_large(limits)
    except TimeoutError:
        raise ApiError(408, "the body did not arrive in time", headers=_CLOSE) from None
    except ClientDisconnect:
        raise ClientLeftError from None
    return bytes(body)


def _too_large(limits: ServeConfig) -> ApiError:
    return ApiError(413, f"the body may have at most {limits.max_request:,} bytes")
