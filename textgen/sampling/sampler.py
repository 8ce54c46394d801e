"""The class that users generate text with: seeds in, text out.

Long because it is the whole interface of one class, with its documentation.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Unpack, overload

import numpy as np
import numpy.typing as npt

from textgen.errors import SeedError, SettingsError
from textgen.sampling.context import make_reader
from textgen.sampling.generation import (
    GenerationConfig,
    TextRequest,
    generate_batch,
    generate_stream,
)
from textgen.sampling.network import Network, Reader
from textgen.sampling.scoring import score_in_order
from textgen.sampling.stopping import StopCondition, make_stop_condition
from textgen.settings import (
    Decoding,
    DecodingOptions,
    SampleConfig,
    check_integer,
    check_random_seed,
)
from textgen.text.labels import Labels
from textgen.text.vocabulary import Vocabulary

# Window states in a batch. With twice as many, a character takes 5 % less time and the first text
# twice as long.
BATCH_STATES = 256


@dataclass(frozen=True)
class GeneratedText:
    """A text that was generated.

    Attributes:
        seed: The text it starts from.
        text: The text after the seed.
        mean_log_probability: The mean natural logarithm of the characters' probabilities, at
            temperature 1 and without filters; nan if scores were not requested.
        complete: Whether the text reached its stop condition: a text or number of lines to stop
            after or, without these, its maximum length.
    """

    seed: str
    text: str
    mean_log_probability: float
    complete: bool


class Sampler:
    """Generates text with a trained network.

    Args:
        network: The trained network.
        vocabulary: Its characters.
        window: Characters that each prediction is made from, each time from a zero state; None
            to carry the state without end.
        seeds: Windows of the corpus, one of which is drawn if no seed is given.
        batch_states: Window states in a batch of texts.
        labels: The labels of the corpus's documents, which the network reads, too; None without.
    """

    def __init__(
        self,
        network: Network,
        vocabulary: Vocabulary,
        window: int | None,
        seeds: Sequence[str],
        batch_states: int = BATCH_STATES,
        labels: Labels | None = None,
    ):
        self._network = network
        self.vocabulary = vocabulary
        self.window = window
        self._seeds = tuple(seeds)
        self._batch_states = batch_states
        self.labels = labels

    @overload
    def generate(
        self,
        seed: str | None = None,
        *,
        n: None = None,
        length: int | None = None,
        until: str | Sequence[str] = (),
        lines: int = 0,
        random_seed: int | None = None,
        **decoding: Unpack[DecodingOptions],
    ) -> str: ...

    @overload
    def generate(
        self,
        seed: str | None = None,
        *,
        n: int,
        length: int | None = None,
        until: str | Sequence[str] = (),
        lines: int = 0,
        random_seed: int | None = None,
        **decoding: Unpack[DecodingOptions],
    ) -> list[str]: ...

    def generate(
        self,
        seed: str | None = None,
        *,
        n: int | None = None,
        length: int | None = None,
        until: str | Sequence[str] = (),
        lines: int = 0,
        random_seed: int | None = None,
        **decoding: Unpack[DecodingOptions],
    ) -> str | list[str]:
        """Generate one text, or several: the texts that `textgen sample` writes.

        Most callers want one text, so without `n` the result is a string. With `n` it is always a
        list, also for n=1: its type never depends on a number that is computed.

        Args:
            seed: Text to start from; None draws a window of the corpus for each text.
            n: Number of texts; None for a single one, as a string.
            length: Characters after the seed, at most; 0 for no bound if `until` or `lines` is
                given; None for 400, or 10,000 with `until` or `lines`.
            until: A text or texts; a generated text ends after the first one it contains.
            lines: Line ends after which a text ends; 0 to ignore line ends.
            random_seed: Makes the texts repeatable; None draws a new one.
            decoding: How characters are chosen, as in `textgen.settings.Decoding`:
                temperature: Logits are divided by it; 0 always picks the most likely character.
                top_k: Choose among the k most likely characters; 0 for all.
                top_p: Choose among the fewest characters that together have this probability.
                min_p: Choose among characters whose probability is at least this share of the
                    most likely one's; 0 for all.

        Returns:
            Each text with its seed at the beginning.

        Raises:
            SeedError: the seed is empty or has a character outside the vocabulary.
            SettingsError: a number out of its bounds, or an end that can never be reached.

        Example:
            >>> model = textgen.load("textgen-model")  # doctest: +SKIP
            >>> model.generate("To be", length=200, temperature=0.5)  # doctest: +SKIP
            >>> model.generate(n=10, until="\\n")  # doctest: +SKIP
        """
        until = _texts(until)
        max_length = SampleConfig(length=length, until=until, lines=lines).max_length
        if max_length is None and not (until or lines):
            raise SettingsError("length", "must be 1 or more; `stream` generates without an end")
        settings = Decoding(**decoding)
        stop = self.stop_condition(max_length, until, lines)
        random_seed = resolve_random_seed(random_seed)
        if n is None:
            seed = self.draw_seed(random_seed) if seed is None else seed
            return seed + "".join(self.generate_stream(seed, settings, stop, random_seed))
        numbers = range(check_integer("n", n, at_least=1))
        seeds = (self.draw_seed(random_seed, i) if seed is None else seed for i in numbers)
        texts = self.generate_batch(seeds, settings, stop, random_seed)
        return [text.seed + text.text for text in texts]

    def stream(
        self,
        seed: str | None = None,
        *,
        length: int | None = None,
        until: str | Sequence[str] = (),
        lines: int = 0,
        random_seed: int | None = None,
        **decoding: Unpack[DecodingOptions],
    ) -> Iterator[str]:
        """Generate one text, character by character.

        Args:
            seed: Text to start from; None draws a window of the corpus.
            length: Characters after the seed, at most, 1 or more; None for no bound.
            until, lines, random_seed, decoding: As for `generate`.

        Returns:
            An iterator of the characters after the seed; each is chosen when it is requested.

        Raises:
            SeedError: the seed is empty or has a character outside the vocabulary.
            SettingsError: a number out of its bounds, or an end that can never be reached.

        Example:
            >>> for character in textgen.load("textgen-model").stream("To be"):  # doctest: +SKIP
            ...     print(character, end="", flush=True)
        """
        random_seed = resolve_random_seed(random_seed)
        seed = self.draw_seed(random_seed) if seed is None else seed
        stop = self.stop_condition(length, _texts(until), lines)
        return self.generate_stream(seed, Decoding(**decoding), stop, random_seed)

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
        known = "".join(character for character, out in zip(seed, missing, strict=True) if not out)
        if not known:
            raise SeedError(
                "the seed has no character of the model's vocabulary"
                if seed
                else "the seed is empty; give at least one character, or no seed at all"
            )
        return known

    def draw_seed(self, random_seed: int, number: int = 0) -> str:
        """The seed of text `number` if none is given: a window of the corpus.

        Raises:
            SeedError: the model directory has none.
        """
        if not self._seeds:
            raise SeedError("the model has no seeds; give one with --seed")
        # The last number keeps this draw apart from those of the characters.
        generator = np.random.default_rng([random_seed, number, 1])
        return self._seeds[generator.integers(len(self._seeds))]

    def logprobs(self, text: str) -> npt.NDArray[np.float64]:
        """The log-probability of each character of a text, given those before it.

        Args:
            text: Two or more characters of the vocabulary.

        Returns:
            float64 of shape (characters - 1,): the natural logarithms of the probabilities of
            all characters except the first.

        Raises:
            SeedError: the text is shorter, or has a character outside the vocabulary.

        Example:
            >>> logprobs = textgen.load("textgen-model").logprobs("To be")  # doctest: +SKIP
            >>> bits_per_character = -logprobs.mean() / math.log(2)  # doctest: +SKIP
        """
        ids = self._ids(text)
        if len(ids) < 2:
            raise SeedError("the text has one character; log-probabilities need two or more")
        parts = score_in_order(self._make_reader(), self.vocabulary.size, [ids])
        return np.concatenate([logs for _, logs in parts])

    def stop_condition(
        self, max_length: int | None, until: Sequence[str] = (), lines: int = 0
    ) -> StopCondition:
        """When texts of this model end.

        Args:
            max_length: Characters after the seed, 1 or more; None for no bound.
            until: Texts to stop after.
            lines: Number of line ends to stop after; 0 to ignore line ends.

        Raises:
            SettingsError: an end that can never be reached, or a number out of its bounds.
        """
        return make_stop_condition(self.vocabulary, max_length, until, lines)

    def generate_stream(
        self,
        seed: str,
        decoding: Decoding,
        stop: StopCondition,
        random_seed: int,
        on_complete: Callable[[], object] = lambda: None,
    ) -> Iterator[str]:
        """The characters that follow a seed, each as soon as it is chosen.

        Args:
            seed: Text to start from.
            decoding: How characters are chosen.
            stop: When the text ends.
            random_seed: Makes the text repeatable.
            on_complete: Called if the text reaches its stop condition, as in `GeneratedText`.

        Raises:
            SeedError: the seed is empty or has a character outside the vocabulary.
        """
        request = TextRequest(self._seed_ids(seed), (random_seed, 0, 0))
        config = self._generation_config(decoding, stop)
        ids = generate_stream(self._make_reader(), request, config, on_complete)
        return map(self.vocabulary.table.__getitem__, ids)

    def generate_batch(
        self,
        seeds: Iterable[str],
        decoding: Decoding,
        stop: StopCondition,
        random_seed: int,
        *,
        scores: bool = False,
    ) -> Iterator[GeneratedText]:
        """The texts that follow many seeds, generated side by side.

        Args:
            seeds: Texts to start from.
            decoding: How characters are chosen.
            stop: When a text ends.
            random_seed: Makes the texts repeatable. Each text has different random numbers, the
                first one those of `generate_stream`.
            scores: Whether to compute `mean_log_probability`.

        Yields:
            The texts in the order of the seeds.

        Raises:
            SeedError: a seed is empty or has a character outside the vocabulary.
        """
        waiting: deque[str] = deque()

        def requests() -> Iterator[TextRequest]:
            for number, seed in enumerate(seeds):
                waiting.append(seed)
                yield TextRequest(self._seed_ids(seed), (random_seed, number, 0))

        rows = max(1, self._batch_states // (self.window or 1))
        config = self._generation_config(decoding, stop)
        for result in generate_batch(self._make_reader, requests(), rows, config, scores=scores):
            text = self.vocabulary.decode(result.ids)
            yield GeneratedText(
                waiting.popleft(), text, result.mean_log_probability, result.complete
            )

    def _make_reader(self, shape: tuple[int, ...] = ()) -> Reader:
        return make_reader(self._network, self.window, shape)

    def _ids(self, text: str) -> npt.NDArray[np.int64]:
        return self.vocabulary.encode(self.check_seed(text))

    def _seed_ids(self, seed: str) -> list[int]:
        ids: list[int] = self._ids(seed).tolist()
        return ids[-self.window :] if self.window else ids  # no window has more of them

    def _generation_config(self, decoding: Decoding, stop: StopCondition) -> GenerationConfig:
        return GenerationConfig(self.vocabulary.size, decoding, stop, self.vocabulary.unknown_id)


def resolve_random_seed(random_seed: int | None) -> int:
    """The random seed that a user gave, checked; a new one for a user who gave none."""
    if random_seed is None:
        return int(np.random.default_rng().integers(2**32))
    return check_random_seed(random_seed)


def _texts(until: str | Sequence[str]) -> tuple[str, ...]:
    return (until,) if isinstance(until, str) else tuple(until)
