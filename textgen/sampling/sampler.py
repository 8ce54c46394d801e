"""A trained model that writes: seeds in, text out.

Knows characters, seeds and random seeds; knows nothing of files or of how a network computes.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from textgen.errors import SeedError, SettingsError
from textgen.sampling.context import make_reader
from textgen.sampling.generation import Manner, Task, many, one
from textgen.sampling.network import Network, Reader
from textgen.sampling.scoring import score_in_order
from textgen.sampling.stopping import StopCondition, make_stop_condition
from textgen.settings import Decoding, check_random_seed
from textgen.text.vocabulary import Vocabulary

# States that take a step together. With twice as many, a character takes 5 % less time and the
# first text twice as long.
_TOGETHER = 256


@dataclass(frozen=True)
class Text:
    """A text that was written.

    Attributes:
        seed: What it starts from.
        text: What was written after the seed.
        mean_log_probability: The mean over its characters of the natural logarithm of the
            probability that the model gives them, at temperature 1 and with nothing shut out; nan
            where it was not asked for.
        complete: Whether it came to an end that was asked for, or has all its characters where
            only their number was asked for.
    """

    seed: str
    text: str
    mean_log_probability: float
    complete: bool


class Sampler:
    """Writes text with a trained network.

    Args:
        network: The trained network.
        vocabulary: Its characters.
        window: Characters that each prediction is made from, each time from a zero state; None
            to carry the state on for ever.
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
        self.window = window
        self._seeds = tuple(seeds)

    def check_seed(self, seed: str, unknown: str = "error") -> str:
        """The part of a seed that the model can start from.

        Args:
            seed: Text to start from.
            unknown: `error`, or `skip` to leave out characters outside the vocabulary.

        Raises:
            SeedError: a character is outside the vocabulary (with `error`), or none is left.
        """
        missing = self.vocabulary.encode(seed) < 0
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

    def draw_seed(self, random_seed: int, number: int = 0) -> str:
        """The seed text of text `number`: a window of the corpus.

        Raises:
            SeedError: the model directory holds none.
        """
        if not self._seeds:
            raise SeedError("the model has no seeds of its own; give one with --seed")
        # The second number keeps this draw apart from those of the characters.
        generator = np.random.default_rng([random_seed, number, 1])
        return self._seeds[generator.integers(len(self._seeds))]

    def generate(
        self,
        seed: str | None = None,
        length: int = 400,
        temperature: float = Decoding.temperature,
        *,
        top_k: int = Decoding.top_k,
        top_p: float = Decoding.top_p,
        min_p: float = Decoding.min_p,
        random_seed: int | None = None,
    ) -> str:
        """Write one text.

        Args:
            seed: Text to start from; None draws a window of the corpus.
            length: Characters to write after the seed, 1 or more.
            temperature: Logits are divided by it; 0 takes the likeliest character each time.
            top_k: Choose among the k likeliest characters; 0 for all.
            top_p: Choose among the fewest characters that together have this probability.
            min_p: Choose among characters at least this many times as likely as the likeliest.
            random_seed: Makes the text repeatable; None draws a new one.

        Returns:
            The seed and the `length` characters after it.

        Raises:
            SeedError: the seed is empty or has a character outside the vocabulary.
            SettingsError: a number out of its bounds.

        Example:
            >>> textgen.load("textgen-model").generate("To be", length=200)  # doctest: +SKIP
        """
        if length < 1:
            raise SettingsError("length", "must be 1 or more; `stream` writes without an end")
        random_seed = _seed_number(random_seed)
        if seed is None:
            seed = self.draw_seed(random_seed)
        characters = self.stream(
            seed,
            length,
            temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            random_seed=random_seed,
        )
        return seed + "".join(characters)

    def stream(
        self,
        seed: str | None = None,
        length: int | None = None,
        temperature: float = Decoding.temperature,
        *,
        top_k: int = Decoding.top_k,
        top_p: float = Decoding.top_p,
        min_p: float = Decoding.min_p,
        random_seed: int | None = None,
    ) -> Iterator[str]:
        """Write one text, character by character.

        Args:
            seed: Text to start from; None draws a window of the corpus.
            length: Characters to write, 1 or more; None for no end.
            temperature, top_k, top_p, min_p, random_seed: As for `generate`.

        Returns:
            An iterator of the characters after the seed, each chosen when it is asked for.

        Raises:
            SeedError: the seed is empty or has a character outside the vocabulary.
            SettingsError: a number out of its bounds.

        Example:
            >>> for character in textgen.load("textgen-model").stream("To be"):  # doctest: +SKIP
            ...     print(character, end="", flush=True)
        """
        random_seed = _seed_number(random_seed)
        if seed is None:
            seed = self.draw_seed(random_seed)
        decoding = Decoding(temperature, top_k, top_p, min_p)
        return self.generate_stream(seed, decoding, self.stop_condition(length), random_seed)

    def logprobs(self, text: str) -> npt.NDArray[np.float64]:
        """How probable the model finds each character of a text, given those before it.

        Args:
            text: Two or more characters of the vocabulary.

        Returns:
            float64 of shape (characters - 1,): the natural logarithms of the probabilities of
            all characters but the first, which has none before it.

        Raises:
            SeedError: the text is shorter, or has a character outside the vocabulary.

        Example:
            >>> logprobs = textgen.load("textgen-model").logprobs("To be")  # doctest: +SKIP
            >>> bits_per_character = -logprobs.mean() / math.log(2)  # doctest: +SKIP
        """
        ids = self._ids(text)
        if len(ids) < 2:
            raise SeedError("the text has one character; log-probabilities need two or more")
        parts = score_in_order(self._start(), self.vocabulary.size, [ids])
        return np.concatenate([logs for _, logs in parts])

    def stop_condition(
        self, max_length: int | None, until: Sequence[str] = (), lines: int = 0
    ) -> StopCondition:
        """When texts of this model are over.

        Args:
            max_length: Characters after the seed, 1 or more; None for no bound.
            until: Texts, after any of which a text is over.
            lines: Line ends after which it is over; 0 for no such end.

        Raises:
            SettingsError: an end that can never be written, or no number of characters.
        """
        return make_stop_condition(self.vocabulary, max_length, until, lines)

    def generate_stream(
        self,
        seed: str,
        decoding: Decoding,
        ending: StopCondition,
        random_seed: int,
        on_end: Callable[[], object] = lambda: None,
    ) -> Iterator[str]:
        """The characters that follow a seed, one by one as they are written.

        Args:
            seed: Text to start from.
            decoding: How characters are chosen.
            ending: When the text is over.
            random_seed: Makes the text repeatable.
            on_end: Called when the text is complete, as in Text.

        Raises:
            SeedError: the seed is empty or has a character outside the vocabulary.
        """
        task = Task(self._seed_ids(seed), (random_seed, 0, 0))
        written = one(self._start(), task, self._manner(decoding, ending), on_end)
        return map(self.vocabulary.table.__getitem__, written)

    def generate_batch(
        self,
        seeds: Iterable[str],
        decoding: Decoding,
        ending: StopCondition,
        random_seed: int,
        *,
        scores: bool = False,
    ) -> Iterator[Text]:
        """What follows each of many seeds, written side by side.

        Args:
            seeds: Texts to start from.
            decoding: How characters are chosen.
            ending: When a text is over.
            random_seed: Makes the texts repeatable; each has random numbers of its own, the first
                one those that `generate_stream` draws.
            scores: Whether to tell the log-probabilities.

        Yields:
            The texts in the order of the seeds.

        Raises:
            SeedError: a seed is empty or has a character outside the vocabulary.
        """
        begun: deque[str] = deque()

        def tasks() -> Iterator[Task]:
            for number, seed in enumerate(seeds):
                begun.append(seed)
                yield Task(self._seed_ids(seed), (random_seed, number, 0))

        rows = max(1, _TOGETHER // (self.window or 1))
        manner = self._manner(decoding, ending)
        for written in many(self._start, tasks(), rows, manner, scores=scores):
            text = self.vocabulary.decode(written.ids)
            yield Text(begun.popleft(), text, written.mean_log_probability, written.complete)

    def _start(self, shape: tuple[int, ...] = ()) -> Reader:
        return make_reader(self._network, self.window, shape)

    def _ids(self, text: str) -> npt.NDArray[np.int64]:
        return self.vocabulary.encode(self.check_seed(text))

    def _seed_ids(self, seed: str) -> list[int]:
        ids: list[int] = self._ids(seed).tolist()
        return ids[-self.window :] if self.window else ids  # a window's worth is all it sees

    def _manner(self, decoding: Decoding, ending: StopCondition) -> Manner:
        return Manner(self.vocabulary.size, decoding, ending, self.vocabulary.unknown_id)


def _seed_number(random_seed: int | None) -> int:
    """The random seed that is asked for, or a new one."""
    return draw_random_seed() if random_seed is None else check_random_seed(random_seed)


def draw_random_seed() -> int:
    """A random seed for who gave none."""
    return int(np.random.default_rng().integers(2**32))
