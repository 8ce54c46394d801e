"""Seeds in, text out: the one loop that writes text.

Knows characters, seeds and random seeds; knows nothing of files or of how a network computes.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from textgen.errors import SeedError
from textgen.sampling.context import carried, window
from textgen.sampling.decoding import choose
from textgen.sampling.network import Network
from textgen.vocabulary import Vocabulary

_TOGETHER = 64  # texts written side by side: more gains little, and holds back the first one
_AHEAD = 256  # random numbers drawn at a time for each text


class Sampler:
    """Writes text with a trained network.

    Args:
        network: The trained network.
        vocabulary: Its characters.
        window: Characters that it was trained to predict from, each time from a zero state;
            None for a model trained with carried state.
        seeds: Windows of the corpus, one of which is drawn where no seed is given.
    """

    def __init__(
        self,
        network: Network,
        vocabulary: Vocabulary,
        window: int | None,
        seeds: Sequence[str],
    ):
        self._network = network
        self.vocabulary = vocabulary
        self._window = window
        self._seeds = tuple(seeds)

    def check_seed(self, seed: str, unknown: str = "error") -> str:
        """The part of a seed that the model can start from.

        Args:
            seed: Text to start from.
            unknown: `error`, or `skip` to leave out characters outside the vocabulary.

        Raises:
            SeedError: a character is outside the vocabulary (with `error`), or none is left.
        """
        missing = self.vocabulary.ids(seed) < 0
        if missing.any() and unknown == "error":
            place = int(missing.argmax())
            character = seed[place]
            raise SeedError(
                f"the seed's character {place + 1}, {character!r} (U+{ord(character):04X}), is not "
                "in the model's vocabulary; leave it out, or give --unknown skip"
            )
        kept = "".join(character for character, out in zip(seed, missing, strict=True) if not out)
        if not kept:
            raise SeedError(
                "the seed has no character of the model's vocabulary"
                if seed
                else "the seed is empty; give at least one character, or no seed at all"
            )
        return kept

    def random_seed_text(self, random_seed: int, number: int = 0) -> str:
        """The seed text of text `number`: a window of the corpus.

        Raises:
            SeedError: the model directory holds none.
        """
        if not self._seeds:
            raise SeedError("the model has no seeds of its own; give one with --seed")
        # The second number keeps this draw apart from those of the characters.
        return str(np.random.default_rng([random_seed, number, 1]).choice(self._seeds))

    def generate(
        self,
        seed: str | None = None,
        length: int = 400,
        temperature: float = 0.5,
        random_seed: int | None = None,
    ) -> str:
        """Write one text.

        Args:
            seed: Text to start from; None draws a window of the corpus.
            length: Characters to write after the seed.
            temperature: Logits are divided by it; 0 takes the likeliest character each time.
            random_seed: Makes the text repeatable; None draws a new one.

        Returns:
            The seed and the `length` characters after it.

        Raises:
            SeedError: the seed is empty or has a character outside the vocabulary.

        Example:
            >>> textgen.load("textgen-model").generate("To be", length=200)  # doctest: +SKIP
        """
        if random_seed is None:
            random_seed = int(np.random.default_rng().integers(2**32))
        seed = self.random_seed_text(random_seed) if seed is None else self.check_seed(seed)
        return seed + "".join(self.stream(seed, length, temperature, random_seed))

    def stream(
        self, seed: str, length: int, temperature: float, random_seed: int, number: int = 0
    ) -> Iterator[str]:
        """The characters that follow a seed, one by one as they are written.

        Args:
            seed: Text to start from, of the vocabulary's characters.
            length: Characters to write.
            temperature: As for `generate`.
            random_seed: Makes the text repeatable.
            number: Which of several texts with the same random seed this is.
        """
        for row in self._continue([seed], length, temperature, random_seed, number):
            yield self.vocabulary.text(row)

    def texts(
        self, seeds: Sequence[str], length: int, temperature: float, random_seed: int
    ) -> Iterator[str]:
        """What follows each of many seeds, written side by side.

        Args:
            seeds: Texts to start from.
            length: Characters to write after each.
            temperature: As for `generate`.
            random_seed: Makes the texts repeatable; each text has random numbers of its own.

        Yields:
            The `length` characters after each seed, in the order of the seeds.
        """
        first = 0
        while first < len(seeds):
            last = first + 1
            while (
                last < len(seeds)
                and last - first < _TOGETHER
                and len(seeds[last]) == len(seeds[first])
            ):
                last += 1
            rows = self._continue(seeds[first:last], length, temperature, random_seed, first)
            for ids in np.array(list(rows)).reshape(length, last - first).T:
                yield self.vocabulary.text(ids)
            first = last

    def _continue(
        self,
        seeds: Sequence[str],
        length: int,
        temperature: float,
        random_seed: int,
        number: int,
    ) -> Iterator[npt.NDArray[np.int64]]:
        """Ids that follow seeds of one length, shape (seeds,) for each of `length` characters."""
        ids = np.array([self.vocabulary.ids(seed) for seed in seeds])
        generators = [
            np.random.default_rng([random_seed, number + row, 0]) for row in range(len(seeds))
        ]
        if self._window is None:
            step = carried(self._network, len(seeds))
        else:
            step = window(self._network, len(seeds), self._window)
            ids = ids[:, -self._window :]
        for column in ids.T:
            logits = step(column)
        for place in range(length):
            if place % _AHEAD == 0:
                uniforms = np.array([generator.random(_AHEAD) for generator in generators])
            if self.vocabulary.unknown_id is not None:
                logits[:, self.vocabulary.unknown_id] = -np.inf
            chosen = choose(logits, temperature, uniforms[:, place % _AHEAD])
            yield chosen
            if place + 1 < length:
                logits = step(chosen)
