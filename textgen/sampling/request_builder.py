"""What a user wants as ids: seeds, labels, how tokens are chosen and when a text ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from textgen.errors import SeedError, SettingsError
from textgen.sampling.characters import check_ends, find_banned
from textgen.sampling.control import Control
from textgen.sampling.label_choice import LabelOption, choose_labels, fill_labels, name_labels
from textgen.sampling.match import make_match_controls
from textgen.sampling.repetition import NoRepeat, RepetitionPenalty
from textgen.sampling.requests import GenerationConfig, Prompt, TextRequest
from textgen.sampling.seeds import known_part
from textgen.sampling.stopping import StopCondition
from textgen.sampling.temperature import Ramp
from textgen.sampling.texts import Candidate
from textgen.sampling.tokens import Tokens
from textgen.settings import Decoding
from textgen.text.documents.labels import Labels
from textgen.text.vocabulary import Vocabulary

Seed = str | Sequence[int]


@dataclass(frozen=True)
class RequestBuilder:
    """Builds what generates texts from what users say; `Sampler.requests` is one.

    Attributes:
        vocabulary: The tokens.
        tokens: Turns seeds into them.
        labels: The labels of the corpus's documents; None without.
        excluded: Ids that are never chosen.
        document_length: Mean characters of a document in the corpus; None if that is unknown.
    """

    vocabulary: Vocabulary
    tokens: Tokens
    labels: Labels | None
    excluded: tuple[int, ...]
    document_length: int | None = None

    def for_candidates(
        self, random_seed: int, label: LabelOption = None
    ) -> Callable[[Candidate], TextRequest]:
        """A function that builds the requests of candidates.

        Args:
            random_seed: Makes the texts repeatable.
            label: The documents' labels, as for `Sampler.generate`; those that are not named are
                drawn.

        Raises:
            SettingsError: the model does not have the label.
            SeedError: raised by the function if a seed has a character outside the vocabulary, or
                is empty and not that of a document.
        """
        choice = choose_labels(self.labels, label)

        def build(candidate: Candidate) -> TextRequest:
            entropy: tuple[int, ...] = (random_seed, candidate.number, candidate.attempt)
            # The last number keeps this draw apart from those of the characters.
            label_ids = choice.draw((*entropy, 2)) if choice is not None else ()
            seed = self.check_seed(candidate.seed)
            ids, continuations = self.tokens.read_seed(seed, self.excluded)
            length = candidate.max_length
            request = TextRequest(ids, entropy, label_ids, length, continuations, seed)
            return request.choice(candidate.choice)

        return build

    def text(
        self,
        seed: Seed,
        random_seed: int,
        *,
        number: int = 0,
        label: LabelOption = None,
        max_length: int | None = None,
    ) -> TextRequest:
        """The request of one text: text `number` of those that `Sampler.generate` writes.

        Args:
            seed: Text to start from, which may be empty for a document. Or ids of tokens: then the
                text starts after the last of them, even if it is the beginning of a longer subword.
            random_seed, label: As for `for_candidates`.
            number: Texts of the same random seed and another number have other random numbers.
            max_length: Characters after the seed, at most, 0 or more; None for the maximum of the
                stop condition.

        Raises:
            SeedError: a character is outside the vocabulary, an id is not one of a text, or there
                are none and the text is not a document.
            SettingsError: the model does not have the label.

        Example:
            >>> sampler = textgen.load("textgen-model")  # doctest: +SKIP
            >>> request = sampler.requests.text("To be", random_seed=1)  # doctest: +SKIP
        """
        ids = None if isinstance(seed, str) else self._check_ids(seed)
        text = seed if isinstance(seed, str) else self.vocabulary.decode(ids or [])
        build = self.for_candidates(random_seed, label)
        request = build(Candidate(text, number, max_length=max_length))
        if ids is not None:
            request = replace(request, seed_ids=self.tokens.read_ids(ids), continuations=())
        return request

    def prompt(self, seed: Seed, label: LabelOption = None) -> Prompt:
        """What is read to score the tokens of a seed, as `Sampler.logprobs` does.

        A document is read after the document end, which is one of the tokens that are scored only
        if the seed is ids and begins with it.

        Args:
            seed: As for `text`.
            label: The document's labels; those that are not named are unknown.

        Raises:
            SeedError, SettingsError: As for `text`.
        """
        if isinstance(seed, str):
            seed = self.vocabulary.encode(self.check_seed(seed)).tolist() if seed else []
        end = self.vocabulary.document_end_id
        has_end = end is not None and [*seed[:1]] == [end]
        ids = self._check_ids(seed)
        named = name_labels(self.labels, label)
        label_ids = fill_labels(self.labels, named) if self.labels is not None else ()
        hidden = int(end is not None and not has_end)
        return Prompt(tuple(ids if end is None else [end, *ids]), hidden, label_ids)

    def restrict(self, decoding: Decoding) -> "RequestBuilder":
        """The builder of requests for texts without the characters that `ban` and `only` exclude.

        One without that exclusion may hold back the end of a seed for subwords that are excluded.

        Raises:
            SettingsError: that leaves no character.
        """
        if not decoding.ban and decoding.only is None:
            return self
        excluded = self.tokens.exclude(find_banned(self.vocabulary.characters, decoding))
        excluded = tuple(sorted({*self.excluded, *excluded}))
        ends = self.vocabulary.has_document_end
        if len(excluded) == self.vocabulary.size - ends:
            name = "ban" if decoding.only is None else "only"
            raise SettingsError(name, "leaves no character that the model can write; allow some")
        return replace(self, excluded=excluded)

    def config(self, decoding: Decoding, stop: StopCondition) -> GenerationConfig:
        """How texts are generated.

        Args:
            decoding: How tokens are chosen.
            stop: When a text ends, from `Sampler.stop_condition`.

        Raises:
            SettingsError: no text can match, `ban` or `only` leaves no character or none that texts
                end with, or the temperature cannot change as it says.
        """
        vocabulary, spelling = self.vocabulary, self.tokens.spelling
        excluded = self.restrict(decoding).excluded
        check_ends(vocabulary.characters, stop, excluded)
        makers: list[Callable[[TextRequest], Control]] = []
        if decoding.match is not None:
            makers.append(make_match_controls(decoding.match, vocabulary, stop, excluded, spelling))
        # Preferences come last.
        if decoding.no_repeat:
            makers.append(NoRepeat(decoding.no_repeat, vocabulary, spelling))
        if decoding.repetition_penalty > 1:
            makers.append(RepetitionPenalty(decoding.repetition_penalty, vocabulary))
        if decoding.ramp is not None:  # the last one: at temperature 0 it leaves one token
            makers.append(Ramp(decoding.ramp, vocabulary, stop, self.document_length))
        return GenerationConfig(vocabulary.size, decoding, stop, excluded, spelling, tuple(makers))

    def check_seed(self, seed: str, unknown: str = "error") -> str:
        """The part of a seed that the model can start from; as `Sampler.check_seed`."""
        if self.vocabulary.has_document_end and not seed:
            return seed
        return known_part(self.vocabulary, seed, unknown)

    def _check_ids(self, ids: Sequence[int]) -> list[int]:
        """Ids of a seed, without the document end at its beginning."""
        end, unknown = self.vocabulary.document_end_id, self.vocabulary.unknown_id
        ids = list(ids[1:] if end is not None and [*ids[:1]] == [end] else ids)
        for place, number in enumerate(ids):
            if not 0 <= number < self.vocabulary.size or number in (end, unknown):
                raise SeedError(
                    f"the seed's token {place + 1}, {number}, is not the id of a text; those are "
                    f"from 0 to {len(self.vocabulary.tokens) - 1:,}"
                )
        return ids
