"""Sends the texts of a request, at once or as a stream, and notices when the client leaves."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from starlette.types import Receive, Scope, Send

from textgen.serving.api_errors import ApiError
from textgen.serving.choices import Delta
from textgen.serving.formats import DONE, Format, encode_error, encode_event, encode_json, join
from textgen.serving.generation import Generation
from textgen.serving.security import error_response

_STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-store",
    "X-Accel-Buffering": "no",  # nginx would collect the events
}


class Answer:
    """An ASGI application that sends one answer.

    Args:
        generation: The request; it is closed at the end, and when the client leaves.
        form: How the answer is written.
        streams: Whether the text is sent as it arrives.
        headers: More headers.
    """

    def __init__(
        self, generation: Generation, form: Format, *, streams: bool, headers: Mapping[str, str]
    ):
        self._generation, self._form = generation, form
        self._streams, self._headers = streams, dict(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with _closed_when_client_leaves(self._generation, receive):
            if self._streams:
                await self._send_stream(send)
            else:
                await self._send_at_once(scope, receive, send)

    async def _send_at_once(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts: dict[int, list[Delta]] = {}
        try:
            async for deltas in self._generation.batches():
                for delta in deltas:
                    parts.setdefault(delta.index, []).append(delta)
        except ApiError as error:
            await error_response(error)(scope, receive, send)
            return
        if self._generation.is_closed:  # nobody is there
            return
        texts = [join(parts[index]) for index in sorted(parts)]
        usage = self._generation.usage

        def make_body() -> bytes:
            return encode_json(self._form.answer(texts, usage))

        # Log-probabilities can be megabytes, and other clients are waiting.
        body = make_body() if self._form.logprobs is None else await asyncio.to_thread(make_body)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        await _send_start(send, headers | self._headers)
        await send({"type": "http.response.body", "body": body})

    async def _send_stream(self, send: Send) -> None:
        generation, form = self._generation, self._form
        await _send_start(send, _STREAM_HEADERS | self._headers)
        first = b"".join(map(encode_event, form.first_events(len(generation.plan.texts))))
        if first:
            await _send_part(send, first)
        last = b""  # what is sent together with the end: each part is a packet
        try:
            async for deltas in generation.batches():
                part = b"".join(encode_event(form.event(delta)) for delta in deltas)
                if generation.has_ended:
                    last += part
                else:
                    await _send_part(send, part)
            if form.includes_usage:
                last += encode_event(form.usage_event(generation.usage))
        except ApiError as error:
            last += encode_error(error)
        await send({"type": "http.response.body", "body": last + DONE})


@asynccontextmanager
async def _closed_when_client_leaves(
    generation: Generation, receive: Receive
) -> AsyncIterator[None]:
    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        generation.close()

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        watcher.cancel()
        generation.close()


async def _send_start(send: Send, headers: Mapping[str, str]) -> None:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": raw})


async def _send_part(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
