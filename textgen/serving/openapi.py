"""The description of the server in OpenAPI, made from the classes of the requests."""

from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

import textgen
from textgen.serving.requests import ChatRequest, CompletionRequest
from textgen.serving.tokenization import DetokenizeRequest, TokenizeRequest

_REFERENCE = "#/components/schemas/{model}"
_ERRORS = {
    400: "A field is wrong, or the model cannot do this",
    401: "The key is missing or wrong",
    403: "The request comes from a page of another site, or is for another host",
    404: "There is no such model, or nothing at this path",
    405: "The path has another method",
    408: "The request did not arrive in time",
    413: "The body is too large",
    415: "The body is not JSON",
    429: "Too many texts are waiting; Retry-After says when to try again",
    503: "The server is closing, or the texts took too long",
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
_MODEL = {
    "type": "object",
    "required": ["id", "object", "created", "owned_by", "textgen"],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "model"},
        "created": {"type": "integer", "description": "When it was loaded"},
        "owned_by": {"type": "string"},
        "textgen": {"type": "object", "description": "What textgen knows about it"},
    },
}
_TOKENS = {
    "type": "object",
    "required": ["tokens", "count", "max_model_len"],
    "properties": {
        "tokens": {"type": "array", "items": {"type": "integer"}},
        "count": {"type": "integer"},
        "max_model_len": {"type": "integer", "description": "Characters of a prompt, at most"},
    },
}
_PROMPT = {
    "type": "object",
    "required": ["prompt"],
    "properties": {"prompt": {"type": "string"}},
}
_REQUESTS = (CompletionRequest, ChatRequest, TokenizeRequest, DetokenizeRequest)


@cache
def describe() -> dict[str, Any]:
    """The description, as a JSON object."""
    _, schemas = models_json_schema(
        [(request, "validation") for request in _REQUESTS],
        ref_template=_REFERENCE,
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "textgen",
            "version": textgen.__version__,
            "description": "Texts from networks that textgen trained. Lengths are in characters.",
        },
        "paths": {
            "/v1/models": {"get": _get("The models that are served", _model_list(), [401, 403])},
            "/v1/models/{name}": {
                "get": {
                    **_get("One model", _MODEL, [401, 403, 404]),
                    "parameters": [
                        {
                            "name": "name",
                            "in": "path",
                            "required": True,
                            "schema": {"type": "string"},
                        }
                    ],
                }
            },
            "/v1/completions": {
                "post": _post(
                    "Texts that follow a prompt",
                    "CompletionRequest",
                    _texts("text_completion"),
                    streams=True,
                )
            },
            "/v1/chat/completions": {
                "post": _post(
                    "The text that follows the user's last message",
                    "ChatRequest",
                    _texts("chat.completion"),
                    streams=True,
                )
            },
            "/tokenize": {"post": _post("The ids of a text", "TokenizeRequest", _TOKENS)},
            "/detokenize": {"post": _post("The text of ids", "DetokenizeRequest", _PROMPT)},
            "/tokenizer_info": {
                "get": {
                    **_get("What is before a text", {"type": "object"}, [400, 401, 403, 404]),
                    "parameters": [{"name": "model", "in": "query", "schema": {"type": "string"}}],
                }
            },
            "/health": {
                "get": {
                    **_get("Whether the server runs", {"type": "object"}, [403, 503]),
                    "security": [],
                }
            },
            "/metrics": {
                "get": {
                    "summary": "What the server has done, for Prometheus",
                    "responses": {
                        "200": {
                            "description": "Counts",
                            "content": {"text/plain": {"schema": {"type": "string"}}},
                        },
                        **_errors([401, 403]),
                    },
                }
            },
        },
        "components": {
            "schemas": {**schemas["$defs"], "Error": _ERROR},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}, {}],
    }


def _get(summary: str, schema: dict[str, Any], errors: list[int]) -> dict[str, Any]:
    answer = {"description": summary, "content": {"application/json": {"schema": schema}}}
    return {"summary": summary, "responses": {"200": answer, **_errors(errors)}}


def _post(
    summary: str, body: str, schema: dict[str, Any], *, streams: bool = False
) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}}
    if streams:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    return {
        "summary": summary,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": _REFERENCE.format(model=body)}}},
        },
        "responses": {
            "200": {"description": summary, "content": content},
            **_errors(list(_ERRORS)),
        },
    }


def _texts(kind: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["id", "object", "created", "model", "choices", "usage"],
        "properties": {
            "id": {"type": "string"},
            "object": {"const": kind},
            "created": {"type": "integer"},
            "model": {"type": "string"},
            "choices": {"type": "array", "items": {"type": "object"}},
            "usage": {"type": "object", "description": "Characters of prompts and texts"},
        },
    }


def _model_list() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["object", "data"],
        "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": _MODEL}},
    }


def _errors(statuses: list[int]) -> dict[str, Any]:
    reference = {"$ref": _REFERENCE.format(model="Error")}
    return {
        str(status): {
            "description": _ERRORS[status],
            "content": {"application/json": {"schema": reference}},
        }
        for status in statuses
        if status in _ERRORS
    }
