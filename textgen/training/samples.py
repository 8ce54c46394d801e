"""Samples that a network writes while it trains, and the seeds that they start from."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from textgen.distributed.communicator import Communicator
from textgen.sampling import Sampler
from textgen.sampling.network import Network
from textgen.settings import Decoding, Settings
from textgen.training import events
from textgen.training.data import TrainingData, streams

_SEEDS = 64
_DOCUMENTS = 4  # in a sample, at most
_LINE_SEARCH = 200  # characters within which a line end is looked for


def draw_seeds(
    text: TrainingData, settings: Settings, communicator: Communicator
) -> tuple[str, ...]:
    """Windows from all over the training text, each from a line start where one is near.

    Of several processes the one that draws samples has them, from the part of the text that it
    reads.

    Returns:
        At most 64 different texts of at most `maxlen` tokens; none of documents, which start
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


class SampleDrawer:
    """Draws samples of a network that is trained.

    Args:
        data: The text of the training.
        settings: All settings.
        seeds: As from `draw_seeds`; a continuous text without any has no samples.
    """

    def __init__(self, data: TrainingData, settings: Settings, seeds: tuple[str, ...]):
        self._vocabulary, self._labels = data.vocabulary, data.labels
        self._settings, self._seeds = settings, seeds

    def draw(self, weights: Sequence[Any], step: int) -> Iterator[events.Sample]:
        """Samples for each of the settings' temperatures.

        A continuous text has one, from a seed that the step chooses. Documents are generated from
        their start, and as many as have the length of a sample together.

        Args:
            weights: The network's, in the order of the model file.
            step: Steps so far.
        """
        config = self._settings.training
        documents = self._vocabulary.has_document_end
        if not config.sample_length or not (self._seeds or documents):
            return
        network = Network(self._settings.model, self._vocabulary.size, weights)
        window = None if config.carry_state else self._settings.windows.maxlen
        sampler = Sampler(network, self._vocabulary, window, self._seeds, labels=self._labels)
        draw = self._draw_documents if documents else self._draw_text
        for temperature in config.sample_temperatures:
            yield from draw(sampler, temperature, step)

    def _draw_text(
        self, sampler: Sampler, temperature: float, step: int
    ) -> Iterator[events.Sample]:
        config = self._settings.training
        seed = sampler.draw_seed(config.random_seed, step)
        text = sampler.generate(
            seed,
            length=config.sample_length,
            temperature=temperature,
            random_seed=config.random_seed,
        )
        yield events.Sample(temperature, seed, text.removeprefix(seed))

    def _draw_documents(
        self, sampler: Sampler, temperature: float, step: int
    ) -> Iterator[events.Sample]:
        config = self._settings.training
        stop = sampler.stop_condition(config.sample_length)
        generator = np.random.default_rng((config.random_seed, step, 4))
        texts = sampler.generate_batch(
            [""] * _DOCUMENTS, Decoding(temperature), stop, int(generator.integers(2**32))
        )
        characters = 0
        for text in texts:
            if characters < config.sample_length:
                yield events.Sample(temperature, "", text.text, dict(text.labels))
            characters += len(text.text)
