"""The routes of the server: what each request asks for, and who answers it."""

import asyncio
import time

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from textgen.exporting.web.page import server_page
from textgen.serving import openapi
from textgen.serving.accounting import Accounting
from textgen.serving.answers import Answer
from textgen.serving.api_errors import ApiError, closing
from textgen.serving.bodies import read_json
from textgen.serving.formats import ChatFormat, Format, encode_json
from textgen.serving.generation import Generation
from textgen.serving.metrics import CONTENT_TYPE
from textgen.serving.plan import make_plan
from textgen.serving.requests import ChatRequest, CompletionRequest, parse
from textgen.serving.security import Policy, SecurityMiddleware, error_response
from textgen.serving.state import Log, State
from textgen.serving.tokenization import (
    DetokenizeRequest,
    TokenizeRequest,
    describe_tokenizer,
    detokenize,
    tokenize,
)


def make_app(state: State, policy: Policy, access_log: Log | None) -> ASGIApp:
    """The server as an ASGI application.

    Args:
        state: What all requests share.
        policy: Who may send requests.
        access_log: Called with a line about each request; None for none.
    """
    api = _Api(state)
    routes = [
        Route("/", api.page),
        Route("/health", api.health),
        Route("/metrics", api.metrics),
        Route("/openapi.json", api.openapi),
        Route("/v1/models", api.models),
        Route("/v1/models/{name:path}", api.model),
        Route("/v1/completions", api.completions, methods=["POST"]),
        Route("/v1/chat/completions", api.chat, methods=["POST"]),
        Route("/tokenizer_info", api.tokenizer),
        Route("/tokenize", api.tokenize, methods=["POST"]),
        Route("/detokenize", api.detokenize, methods=["POST"]),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={
            ApiError: _answer_error,
            HTTPException: _answer_http_error,
            Exception: _answer_failure,
        },
    )
    app.router.redirect_slashes = False
    return Accounting(SecurityMiddleware(app, policy), state, access_log)


class _Api:
    """The routes."""

    def __init__(self, state: State):
        self._state, self._page = state, server_page()

    async def page(self, _request: Request) -> Response:
        # Only a header can forbid other pages to frame this one.
        headers = {"Content-Security-Policy": f"{self._page.policy}; frame-ancestors 'none'"}
        return Response(self._page.html, media_type="text/html", headers=headers)

    async def health(self, _request: Request) -> Response:
        if self._state.is_closing:
            raise closing()
        return _json({"status": "ok"})

    async def metrics(self, _request: Request) -> Response:
        return Response(self._state.metrics.to_text(), headers={"Content-Type": CONTENT_TYPE})

    async def openapi(self, _request: Request) -> Response:
        return _json(openapi.describe())

    async def models(self, _request: Request) -> Response:
        models = [model.to_json(self._state.limits) for model in self._state.models]
        return _json({"object": "list", "data": models})

    async def model(self, request: Request) -> Response:
        return _json(
            self._state.models.get(request.path_params["name"]).to_json(self._state.limits)
        )

    async def completions(self, request: Request) -> ASGIApp:
        body = parse(CompletionRequest, await read_json(request, self._state.limits))
        return await self._answer(request, body, body.ignored(), Format)

    async def chat(self, request: Request) -> ASGIApp:
        body = parse(ChatRequest, await read_json(request, self._state.limits))
        return await self._answer(request, body.to_completion(), body.ignored(), ChatFormat)

    async def tokenizer(self, request: Request) -> Response:
        model = self._state.models.get(request.query_params.get("model"))
        return _json(describe_tokenizer(model.sampler))

    async def tokenize(self, request: Request) -> Response:
        limits = self._state.limits
        body = parse(TokenizeRequest, await read_json(request, limits))
        sampler = self._state.models.get(body.model).sampler
        return _json(await asyncio.to_thread(tokenize, body, sampler, limits))

    async def detokenize(self, request: Request) -> Response:
        limits = self._state.limits
        body = parse(DetokenizeRequest, await read_json(request, limits))
        return _json(detokenize(body, self._state.models.get(body.model).sampler, limits))

    async def _answer(
        self, request: Request, body: CompletionRequest, ignored: list[str], form: type[Format]
    ) -> ASGIApp:
        """Start to generate what a request asks for; the answer follows as it is generated."""
        state, generation = self._state, await self._start(body)
        name = generation.model.name
        timer = asyncio.get_running_loop().call_later(state.limits.time_limit, generation.expire)
        headers = {"X-Textgen-Ignored": ", ".join(ignored)} if ignored else {}
        written = form(name, body.logprobs, body.includes_usage)
        answer = Answer(generation, written, streams=bool(body.stream), headers=headers)

        async def send_answer(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await answer(scope, receive, send)
            finally:
                timer.cancel()
                generation.close()
                state.generations.discard(generation)
                state.metrics.characters.labels(name).inc(generation.characters)
                request.state.characters = generation.characters

        return send_answer

    async def _start(self, body: CompletionRequest) -> Generation:
        """Start to generate.

        Raises:
            ApiError: the server is closing, there is no such model, it cannot do what is asked, or
                too many texts are waiting.
        """
        state, start = self._state, time.perf_counter()
        model = state.models.get(body.model)
        model.acquire()
        try:
            if body.is_short:
                plan = make_plan(body, model.sampler, state.limits)
            else:  # encoding takes a while, in which others are served
                plan = await asyncio.to_thread(make_plan, body, model.sampler, state.limits)
            if state.is_closing:
                raise closing()
            generation = Generation(
                plan,
                model,
                lambda: state.metrics.first_character.observe(time.perf_counter() - start),
            )
            generation.start(state.judges)
        except BaseException:
            model.release()
            raise
        state.generations.add(generation)
        return generation


def _json(value: object) -> Response:
    return Response(encode_json(value), media_type="application/json")


async def _answer_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 for mypy: it is the handler of these
    return error_response(error)


async def _answer_http_error(request: Request, error: Exception) -> Response:
    """The answer for a path or a method that there is not."""
    assert isinstance(error, HTTPException)  # noqa: S101 for mypy: it is the handler of these
    message = {
        404: "there is nothing at this path; see /openapi.json",
        405: f"{request.method} is not possible at this path",
    }.get(error.status_code, error.detail)
    headers = dict(error.headers or {})
    return error_response(ApiError(error.status_code, message, headers=headers))


async def _answer_failure(_request: Request, _error: Exception) -> Response:
    return error_response(ApiError(500, "the server failed; its log has a line about it"))
