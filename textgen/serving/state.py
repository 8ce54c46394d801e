"""What all requests share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from textgen.serving.filtered import Judges
from textgen.serving.generation import Generation
from textgen.serving.metrics import Metrics
from textgen.serving.models import Models
from textgen.settings import ServeConfig

Log = Callable[[str], object]


@dataclass
class State:
    """What all requests share.

    Attributes:
        models: The models.
        limits: What a request may use.
        metrics: What is counted.
        judges: Threads for documents that must pass filters.
        log: Writes a line for the user.
        generations: Requests whose texts are being generated.
        requests: How many requests are being answered.
        is_closing: Whether new requests are refused.
    """

    models: Models
    limits: ServeConfig
    metrics: Metrics
    judges: Judges
    log: Log
    generations: set[Generation] = field(default_factory=set)
    requests: int = 0
    is_closing: bool = False
