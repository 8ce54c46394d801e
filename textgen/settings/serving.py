"""The settings of `textgen serve`: what a request, and all of them together, may use."""

from dataclasses import dataclass

from textgen.settings.base import Config
from textgen.settings.checks import check_integer, check_number

_MAX_SECONDS = 86_400.0


@dataclass(frozen=True, kw_only=True)
class ServeConfig(Config):
    """The limits of the server.

    Attributes:
        max_length: Characters of a text, after its prompt, that a request may ask for.
        max_prompt: Characters of a prompt.
        max_texts: Texts of a request: prompts times `n`, or times `best_of`.
        max_waiting: Texts that may wait for a row of their model's batch; more are refused.
        max_request: Bytes of a request's body.
        max_connections: Connections at a time.
        rows: Texts that a model generates side by side.
        time_limit: Seconds that the texts of a request may take, waiting included.
        header_timeout: Seconds in which a client must send the head of a request, and then its
            body.
        keep_alive: Seconds after which an idle connection is closed.
        grace: Seconds that requests in progress may take after SIGTERM or Ctrl-C.
    """

    max_length: int = 10_000  # the default of `textgen sample` for documents
    max_prompt: int = 20_000  # a chapter; log-probabilities of its characters are a few megabytes
    max_texts: int = 64
    max_waiting: int = 256
    max_request: int = 1_000_000
    max_connections: int = 512  # of 1,024 open files, which many systems allow a process
    rows: int = 128  # with 64, more take little less time for each character; half are for others
    time_limit: float = 300.0
    header_timeout: float = 20.0
    keep_alive: float = 30.0  # longer than clients wait between two requests of a script
    grace: float = 10.0  # what container engines wait before they kill a process

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("max_length", "max_prompt", "max_texts", "max_connections", "rows"):
            check_integer(name, getattr(self, name), at_least=1)
        check_integer("max_waiting", self.max_waiting, at_least=0)
        check_integer("max_request", self.max_request, at_least=1_000)
        for name in ("time_limit", "header_timeout", "keep_alive"):
            check_number(name, getattr(self, name), above=0, at_most=_MAX_SECONDS)
        check_number("grace", self.grace, at_least=0, at_most=_MAX_SECONDS)
