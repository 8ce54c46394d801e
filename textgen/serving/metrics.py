"""Counts of what the server does, in the format of Prometheus."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from textgen.serving.models import ServedModel

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FIRST_CHARACTER = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The counts of one server.

    Args:
        models: Returns the models that are served now.

    Attributes:
        requests: Requests by route and status.
        characters: Characters generated, by model.
        first_character: Seconds from a request to the first character of its answer.
    """

    def __init__(self, models: Callable[[], Iterable[ServedModel]]):
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "textgen_requests",
            "Requests that were answered.",
            ["route", "status"],
            registry=self._registry,
        )
        self.characters = Counter(
            "textgen_generated_characters",
            "Characters that were generated.",
            ["model"],
            registry=self._registry,
        )
        self.first_character = Histogram(
            "textgen_first_character_seconds",
            "Seconds from a request to the first character of its answer.",
            buckets=_FIRST_CHARACTER,
            registry=self._registry,
        )
        self._registry.register(_Engines(models))

    def to_text(self) -> bytes:
        """All counts."""
        return generate_latest(self._registry)


class _Engines(Collector):
    """What the engines do at the moment."""

    def __init__(self, models: Callable[[], Iterable[ServedModel]]):
        self._models = models

    def collect(self) -> Iterator[Metric]:
        active = GaugeMetricFamily(
            "textgen_active_texts", "Texts that are being generated.", labels=["model"]
        )
        waiting = GaugeMetricFamily(
            "textgen_waiting_texts", "Texts that wait for a row.", labels=["model"]
        )
        loaded = GaugeMetricFamily(
            "textgen_model_loaded_timestamp_seconds",
            "When the model was loaded, in seconds since 1970.",
            labels=["model"],
        )
        for model in self._models():
            active.add_metric([model.name], model.engine.running)
            waiting.add_metric([model.name], model.engine.waiting)
            loaded.add_metric([model.name], model.loaded)
        yield from (active, waiting, loaded)
