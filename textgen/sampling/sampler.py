"""The class that users generate text with: seeds in, text out.

Long because it is the whole interface of one class, with its documentation.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Unpack, overload

import numpy as np
import numpy.typing as npt

from textgen.errors import SeedError, SettingsError
from textgen.sampling.candidates import generate_texts
from textgen.sampling.context import NetworkPredictor, TextPredictor
from textgen.sampling.generation import generate_stream
from textgen.sampling.label_choice import LabelOption
from textgen.sampling.mixture import Mixture, check_end
from textgen.sampling.network import Network
from textgen.sampling.readers import TextRows
from textgen.sampling.request_builder import RequestBuilder
from textgen.sampling.scoring import score_in_order, spread
from textgen.sampling.selection import Corpus, Selection, check_filters
from textgen.sampling.stopping import StopCondition, make_stop_condition
from textgen.sampling.texts import (
    Candidate,
    GeneratedText,
    TextConfig,
    resolve_random_seed,
    split_options,
)
from textgen.sampling.tokens import Tokens
from textgen.settings import (
    Decoding,
    GenerateOptions,
    SampleConfig,
    StreamOptions,
    check_integer,
)
from textgen.text.documents.labels import Labels
from textgen.text.vocabulary import Vocabulary

# Window states in a batch. With twice as many, a character takes 5 % less time and the first text
# twice as long.
BATCH_STATES = 256


class Sampler:
    """Generates text with a trained network.

    Args:
        network: The trained network; or a mixture of several, each with a window or without.
        vocabulary: Its tokens.
        window: Tokens that each prediction is made from, each time from a zero state; None
            to carry the state without end. Of a mixture, the longest window, or None if one of its
            networks carries the state.
        seeds: Windows of the corpus, one of which is drawn if no seed is given.
        batch_states: Window states in a batch of texts.
        labels: The labels of the corpus's documents, which the network reads, too; None without.

    Attributes:
        corpus: Finds documents in the corpus, for the filters `novel` and `max_copy`; None for a
            model that was not loaded from its directory.
        excluded: Characters that are never chosen.
        separator: Text that separates documents in the corpus, if a text of the user's does.
        document_length: The mean number of characters of a document in the corpus; None if that is
            unknown, and for continuous text.
        predictor: What predicts the next token.
        seeds: Windows of the corpus.
    """

    def __init__(
        self,
        network: Network | Mixture,
        vocabulary: Vocabulary,
        window: int | None,
        seeds: Sequence[str],
        batch_states: int = BATCH_STATES,
        labels: Labels | None = None,
    ):
        self.predictor: TextPredictor = (
            network
            if isinstance(network, Mixture)
            else NetworkPredictor(network.for_generation(), window)
        )
        # For log-probabilities, which are exact.
        self._exact: TextPredictor = (
            network if isinstance(network, Mixture) else NetworkPredictor(network, window)
        )
        self.vocabulary = vocabulary
        self.window = window
        self.seeds = tuple(seeds)
        self._batch_states = batch_states
        self.labels = labels
        self.corpus: Corpus | None = None
        self.excluded = self.separator = ""
        self.document_length: int | None = None
        self._tokens = Tokens(vocabulary, window)

    @property
    def requests(self) -> RequestBuilder:
        """Builds requests for what generates ids: `generation.py` and the server's engine."""
        excluded = self._tokens.exclude(self.excluded)
        return RequestBuilder(
            self.vocabulary, self._tokens, self.labels, excluded, self.document_length
        )

    @property
    def generates_documents(self) -> bool:
        """Whether texts are documents, which end by themselves."""
        return self.vocabulary.has_document_end

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
        **options: Unpack[GenerateOptions],
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
        **options: Unpack[GenerateOptions],
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
        **options: Unpack[GenerateOptions],
    ) -> str | list[str]:
        """Generate one text, or several: the texts that `textgen sample` writes.

        A model of documents generates whole documents, each from its beginning to its end. Those
        that do not pass a filter are replaced by others.

        Most callers want one text, so without `n` the result is a string. With `n` it is always a
        list, also for n=1: its type never depends on a number that is computed.

        Args:
            seed: Text to start from: the beginning of a document. None draws a window of the
                corpus for each continuous text, and starts documents from nothing.
            n: Number of texts; None for a single one, as a string.
            length: Characters after the seed, at most; 0 for no bound if the text has another end;
                None for 400, or 10,000 with `until` or `lines` and for documents.
            until: A text or texts; a generated text ends after the first one it contains.
            lines: Line ends after which a text ends; 0 to ignore line ends.
            random_seed: Makes the texts repeatable; None draws a new one.
            options: How characters are chosen, as in `textgen.settings.Decoding`:
                temperature: Logits are divided by it; 0 always picks the most likely character.
                    `"1.0:0.5"` changes it over the text, `"1.0:0.5/line"` and `"1.0:0.5/word"`
                    over each line or word.
                top_k: Choose among the k most likely characters; 0 for all.
                top_p: Choose among the fewest characters that together have this probability.
                min_p: Choose among characters whose probability is at least this share of the
                    most likely one's; 0 for all.
                match: A regular expression that must match somewhere in the text with its seed.
                ban: Characters that are never chosen; `a-z` is all from a to z.
                only: Characters besides which none is chosen; None for all.
                repetition_penalty: How many times less likely a character that continues a repeated
                    passage gets with each character of the passage; 1 for no penalty.
                no_repeat: No sequence of this many characters occurs twice in a text with its
                    seed, unless nothing else could follow; 0 for no such limit.
                best_of: Texts to generate for each one; the one with the highest mean
                    log-probability is returned.
                And for documents:
                label: `"horror"`, `"genre=horror"`, a list of such or the values by name; labels
                    that are not named are drawn as often as they occur.
                unique: Whether no document may appear twice.
                novel: Whether no document may be one of the corpus.
                max_copy: No run of this many characters may be copied from the corpus.
                min_length, max_length: Characters of a document, at least and at most.
                tries: Documents to generate for each one that is wanted, at most.

        Returns:
            Each text with its seed at the beginning.

        Raises:
            SeedError: a character of the seed is outside the vocabulary, or the seed of a
                continuous text is empty.
            SettingsError: a number out of its bounds, an end that can never be reached, an unknown
                label, or a filter that the model cannot apply.
            TriesError: too few documents pass the filters; its `documents` are those that do.

        Example:
            >>> model = textgen.load("textgen-model")  # doctest: +SKIP
            >>> model.generate("To be", length=200, temperature=0.5)  # doctest: +SKIP
            >>> model.generate(n=10, until="\\n")  # doctest: +SKIP
            >>> names.generate(n=1000, novel=True, unique=True)  # doctest: +SKIP
        """
        until = (until,) if isinstance(until, str) else tuple(until)
        ends = self.generates_documents
        max_length = SampleConfig(length=length, until=until, lines=lines).max_length(
            documents=ends
        )
        if max_length is None and not (until or lines or ends):
            raise SettingsError("length", "must be 1 or more; `stream` generates without an end")
        best_of = check_integer("best_of", options.pop("best_of", 1), at_least=1)
        label, filters, decoding = split_options(options)
        check_filters(filters, documents=ends, length=length)
        stop = self.stop_condition(max_length, until, lines)
        random_seed = resolve_random_seed(random_seed)
        samples = 1 if n is None else check_integer("n", n, at_least=1)
        config = TextConfig(decoding, stop, random_seed, label, best_of=best_of)
        if filters.active:
            selection = Selection(filters, self.corpus)
            generate = partial(self.generate_candidates, config=config)
            selected = selection.select(generate, [seed or ""], samples)
            documents = [text.document for text in selected]
            if len(documents) < samples:
                raise selection.error(documents)
            return documents[0] if n is None else documents
        if n is None and best_of == 1:
            seed = self.draw_seed(random_seed) if seed is None else seed
            stream = self.generate_stream(seed, decoding, stop, random_seed, label=label)
            return seed + "".join(stream)
        seeds = (self.draw_seed(random_seed, i) if seed is None else seed for i in range(samples))
        candidates = (Candidate(text, number) for number, text in enumerate(seeds))
        documents = [text.document for text in self.generate_candidates(candidates, config)]
        return documents[0] if n is None else documents

    def stream(
        self,
        seed: str | None = None,
        *,
        length: int | None = None,
        until: str | Sequence[str] = (),
        lines: int = 0,
        random_seed: int | None = None,
        **options: Unpack[StreamOptions],
    ) -> Iterator[str]:
        """Generate one text, character by character.

        Args:
            seed: Text to start from; None as for `generate`.
            length: Characters after the seed, at most, 1 or more; None for no bound.
            until, lines, random_seed, options: As for `generate`.

        Returns:
            An iterator of the characters after the seed; each is chosen when it is requested.

        Raises:
            SeedError, SettingsError: As for `generate`.

        Example:
            >>> for character in textgen.load("textgen-model").stream("To be"):  # doctest: +SKIP
            ...     print(character, end="", flush=True)
        """
        random_seed = resolve_random_seed(random_seed)
        seed = self.draw_seed(random_seed) if seed is None else seed
        stop = self.stop_condition(
            length, (until,) if isinstance(until, str) else tuple(until), lines
        )
        label, _, decoding = split_options(options)
        return self.generate_stream(seed, decoding, stop, random_seed, label=label)

    def check_seed(self, seed: str, unknown: str = "error") -> str:
        """The part of a seed that the model can start from.

        Args:
            seed: Text to start from.
            unknown: `error`, or `skip` to leave out characters outside the vocabulary.

        Raises:
            SeedError: a character is outside the vocabulary (with `error`), or none is left. The
                seed of a document may be empty.
        """
        return self.requests.check_seed(seed, unknown)

    def draw_seed(self, random_seed: int, number: int = 0) -> str:
        """The seed of text `number` if none is given: a window of the corpus; empty for a document.

        Raises:
            SeedError: the model directory has none.
        """
        if self.generates_documents:
            return ""
        if not self.seeds:
            raise SeedError("the model has no seeds; give one with --seed")
        # The last number keeps this draw apart from those of the characters.
        generator = np.random.default_rng([random_seed, number, 1])
        return self.seeds[generator.integers(len(self.seeds))]

    def logprobs(self, text: str, *, label: LabelOption = None) -> npt.NDArray[np.float64]:
        """The log-probability of each character of a text, given those before it.

        Args:
            text: Two or more characters of the vocabulary, or subwords of a model that has such;
                for a model of documents a whole document, of any length.
            label: The document's labels, as for `generate`; those that are not named are unknown.

        Returns:
            float64 of shape (characters - 1,): the natural logarithms of the probabilities of
            all characters except the first. For a document of shape (characters + 1,): of all
            characters and of the document's end. A subword's logarithm is spread evenly over its
            characters, and those of the first token of a continuous text have none: the shape is
            (characters - characters of the first token,).

        Raises:
            SeedError: the text is shorter, or has a character outside the vocabulary.
            SettingsError: the model does not have the label.

        Example:
            >>> logprobs = textgen.load("textgen-model").logprobs("To be")  # doctest: +SKIP
            >>> bits_per_character = -logprobs.mean() / math.log(2)  # doctest: +SKIP
        """
        prompt, reader = self.requests.prompt(self.check_seed(text), label), self._exact.reader()
        ids = np.array(prompt.ids, np.int64)
        if prompt.label_ids:
            reader.set_labels((), prompt.label_ids)
        reader.schedule((), prompt.ids[:1], len(text))
        if (end := self.vocabulary.document_end_id) is not None:
            ids = np.append(ids, end)
        elif len(ids) < 2:
            unit = "token" if self.vocabulary.merges else "character"
            raise SeedError(f"the text has one {unit}; log-probabilities need two or more")
        parts = score_in_order(reader, self.vocabulary.size, [ids])
        logs = np.concatenate([logs for _, logs in parts])
        return spread(logs, self.vocabulary.lengths[ids[1:]])

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
        label: LabelOption = None,
    ) -> Iterator[str]:
        """The characters that follow a seed, each as soon as it is chosen.

        Args:
            seed: Text to start from.
            decoding: How characters are chosen.
            stop: When the text ends.
            random_seed: Makes the text repeatable.
            on_complete: Called if the text reaches its stop condition, as in `GeneratedText`.
            label: The document's labels, as for `generate`.

        Raises:
            SeedError, SettingsError: As for `generate`.
        """
        check_end(self.predictor, stop.max_length)
        builder = self.requests.restrict(decoding)
        request = builder.text(seed, random_seed, label=label)
        config = builder.config(decoding, stop)
        ids = generate_stream(self.predictor.reader(), request, config, on_complete)
        return map(self.vocabulary.table.__getitem__, ids)

    def generate_batch(
        self,
        seeds: Iterable[str],
        decoding: Decoding,
        stop: StopCondition,
        random_seed: int,
        *,
        scores: bool = False,
        label: LabelOption = None,
    ) -> Iterator[GeneratedText]:
        """The texts that follow many seeds, generated side by side.

        Args:
            seeds: Texts to start from.
            decoding: How characters are chosen.
            stop: When a text ends.
            random_seed: Makes the texts repeatable. Each text has different random numbers, the
                first one those of `generate_stream`.
            scores: Whether to compute log-probabilities.
            label: The documents' labels, as for `generate`.

        Yields:
            The texts in the order of the seeds.

        Raises:
            SeedError, SettingsError: As for `generate`.
        """
        candidates = (Candidate(seed, number) for number, seed in enumerate(seeds))
        config = TextConfig(decoding, stop, random_seed, label, scores)
        return self.generate_candidates(candidates, config)

    def generate_candidates(
        self, candidates: Iterable[Candidate], config: TextConfig
    ) -> Iterator[GeneratedText]:
        """The texts of candidates, generated side by side.

        Args:
            candidates: What is wanted; as many are read in advance as texts are side by side.
            config: How they are generated.

        Yields:
            The texts in the order of the candidates.

        Raises:
            SeedError, SettingsError: As for `generate`.
        """
        check_end(self.predictor, config.stop.max_length)
        rows = max(1, self._batch_states // (self.window or 1))
        builder = self.requests.restrict(config.decoding)
        return generate_texts(builder, self.make_rows, rows, candidates, config)

    def make_rows(self, capacity: int, *, at_once: bool = False) -> TextRows:
        """What reads texts that come and go, as `TextPredictor.rows`."""
        return self.predictor.rows(capacity, at_once=at_once)
