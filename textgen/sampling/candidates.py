"""Texts that are generated side by side, or the most probable of several of each."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice

from textgen.sampling.generation import generate_batch
from textgen.sampling.readers import TextRows
from textgen.sampling.request_builder import RequestBuilder
from textgen.sampling.requests import TextRequest
from textgen.sampling.texts import Candidate, GeneratedText, TextConfig


def generate_texts(
    builder: RequestBuilder,
    make_rows: Callable[[int], TextRows],
    rows: int,
    candidates: Iterable[Candidate],
    config: TextConfig,
) -> Iterator[GeneratedText]:
    """The texts of candidates, in their order.

    Args:
        builder: Builds their requests, without characters that are never chosen.
        make_rows: Makes a reader of some rows.
        rows: How many texts side by side, at most.
        candidates: What is wanted.
        config: How they are generated.

    Raises:
        SeedError, SettingsError: As `Sampler.generate`.
    """
    if config.best_of > 1:
        repeated = repeat_candidates(candidates, config.best_of)
        config = replace(config, scores=True)
        yield from choose_best(
            _generate(builder, make_rows, rows, repeated, config), config.best_of
        )
    else:
        yield from _generate(builder, make_rows, rows, candidates, config)


def _generate(
    builder: RequestBuilder,
    make_rows: Callable[[int], TextRows],
    rows: int,
    candidates: Iterable[Candidate],
    config: TextConfig,
) -> Iterator[GeneratedText]:
    waiting: deque[tuple[str, TextRequest]] = deque()
    build = builder.for_candidates(config.random_seed, config.label)
    labels = builder.labels

    def requests() -> Iterator[TextRequest]:
        for candidate in candidates:
            request = build(candidate)
            waiting.append((candidate.seed, request))
            yield request

    settings = builder.config(config.decoding, config.stop)
    for result in generate_batch(make_rows, requests(), rows, settings, scores=config.scores):
        seed, request = waiting.popleft()
        yield GeneratedText(
            seed,
            builder.vocabulary.decode(result.ids),
            result.mean_log_probability,
            result.complete,
            result.log_probability,
            labels.decode(request.label_ids) if labels is not None else {},
        )


def repeat_candidates(candidates: Iterable[Candidate], count: int) -> Iterator[Candidate]:
    """Each candidate several times, each time with other random numbers.

    Args:
        candidates: Texts to generate.
        count: How many of each; the first one is the candidate itself.
    """
    for candidate in candidates:
        for choice in range(count):
            yield replace(candidate, choice=choice)


def choose_best(texts: Iterable[GeneratedText], count: int) -> Iterator[GeneratedText]:
    """Of each `count` texts the one with the highest mean log-probability; the first of equals."""
    remaining = iter(texts)
    for first in remaining:
        yield max(chain([first], islice(remaining, count - 1)), key=rate)


def rate(text: GeneratedText) -> float:
    """How good a text is: its mean log-probability; the lowest number if it has no character."""
    return -math.inf if math.isnan(text.mean_log_probability) else text.mean_log_probability
