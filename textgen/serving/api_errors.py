"""Errors that a client sees: a status, and a JSON object in the format that clients display."""

from typing import Any

from textgen.errors import SeedError, SettingsError

# Names of settings that requests spell differently.
_PARAMETERS = {"length": "max_tokens", "until": "stop", "random_seed": "seed"}
# What messages about seeds have that is not about requests.
_SEEDS = {
    "the seed's ": "",
    "the seed": "it",
    "no seed": "no prompt",
    ", or give --unknown skip": "",
    "give one with --seed": "give a prompt",
}
_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class ApiError(Exception):
    """A request that is answered with an error.

    Args:
        status: The HTTP status.
        message: One line: what is wrong, and what to do.
        param: The field of the request that is wrong; None if it is not one of its fields.
        code: A word for programs; None without.
        headers: More headers of the answer.

    Example:
        >>> ApiError(404, "there is no model 'b'", param="model").to_json()["error"]["type"]
        'not_found_error'
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ):
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.headers = headers or {}

    def to_json(self) -> dict[str, Any]:
        """The body of the answer."""
        kind = _TYPES.get(self.status)
        if kind is None:
            kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {
            "error": {
                "message": self.message,
                "type": kind,
                "param": self.param,
                "code": self.code,
            }
        }


def invalid(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """The error for a request that asks for something impossible."""
    return ApiError(400, message, param=param, code=code)


def invalid_setting(error: SettingsError) -> ApiError:
    """The error for a setting out of its bounds."""
    name = _PARAMETERS.get(error.option, error.option)
    return invalid(f"{name} {error.problem}", name)


def invalid_prompt(error: SeedError) -> ApiError:
    """The error for a prompt that a model cannot start from."""
    problem = str(error)
    for words, others in _SEEDS.items():
        problem = problem.replace(words, others)
    return invalid(f"prompt: {problem}", "prompt")


def busy() -> ApiError:
    """The error while too many texts wait."""
    return ApiError(
        429,
        "too many texts are waiting; try again in a second",
        code="busy",
        headers={"Retry-After": "1"},
    )


def closing() -> ApiError:
    """The error while the server ends."""
    return ApiError(503, "the server is closing", code="closing", headers={"Retry-After": "5"})
