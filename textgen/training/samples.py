"""Samples that a network writes while it trains, and the seeds that they start from."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from textgen.distributed.communicator import Communicator
from textgen.sampling import Sampler
from textgen.sampling.network import Network
from textgen.settings import Settings
from textgen.text.vocabulary import Vocabulary
from textgen.training import events
from textgen.training.data import TrainingData, streams

_SEEDS = 64
_LINE_SEARCH = 200  # characters within which a line end is looked for


def draw_seeds(
    text: TrainingData, settings: Settings, communicator: Communicator
) -> tuple[str, ...]:
    """Windows from all over the training text, each from a line start where one is near.

    Of several processes the one that draws samples has them, from the part of the text that it
    reads.

    Returns:
        At most 64 different texts of at most `maxlen` characters; none of documents, which start
        from nothing.
    """
    if not communicator.is_main or text.documents is not None:
        return ()
    config, maxlen = settings.training, settings.windows.maxlen
    generator = np.random.default_rng(config.random_seed)
    last = len(text.train) - maxlen
    if config.carry_state and not communicator.reads_all:
        last = max(streams(text.training_part, settings, communicator).extent.stop - maxlen, 1)
    starts = generator.integers(0, last, _SEEDS)
    line_end = text.vocabulary.encode("\n")[0]
    seeds = []
    for start in np.sort(starts):
        nearby = text.train[start : min(start + _LINE_SEARCH, last)]
        line_ends = np.flatnonzero(nearby == line_end)
        first = start + line_ends[0] + 1 if len(line_ends) else start
        ids = text.train[first : first + maxlen]
        known = ids[ids != text.vocabulary.unknown_id] if text.vocabulary.has_unknown else ids
        seeds.append(text.vocabulary.decode(known))
    return tuple(dict.fromkeys(seed for seed in seeds if seed))


def draw_samples(
    weights: Sequence[Any],
    vocabulary: Vocabulary,
    settings: Settings,
    seeds: tuple[str, ...],
    step: int,
) -> Iterator[events.Sample]:
    """A sample for each of the settings' temperatures, from a seed that the step chooses.

    Args:
        weights: The network's, in the order of the model file.
        vocabulary: Its vocabulary.
        settings: All settings.
        seeds: As from `draw_seeds`; without any there are no samples.
        step: Steps so far.
    """
    config = settings.training
    if not (seeds and config.sample_length):
        return
    network = Network(settings.model, vocabulary.size, weights)
    window = None if config.carry_state else settings.windows.maxlen
    sampler = Sampler(network, vocabulary, window, seeds)
    seed = sampler.draw_seed(config.random_seed, step)
    for temperature in config.sample_temperatures:
        text = sampler.generate(
            seed,
            length=config.sample_length,
            temperature=temperature,
            random_seed=config.random_seed,
        )
        yield events.Sample(temperature, seed, text.removeprefix(seed))
