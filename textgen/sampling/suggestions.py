"""Suggestions: how the word or the line at the end of a text could continue."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import takewhile

import numpy as np

from textgen.sampling.characters import find_banned
from textgen.sampling.generation import make_batch
from textgen.sampling.label_choice import LabelOption
from textgen.sampling.readers import Rows, TextRows
from textgen.sampling.requests import GeneratedIds, GenerationConfig, TextRequest
from textgen.sampling.sampler import Sampler
from textgen.sampling.stopping import StopCondition
from textgen.settings import Decoding

_CANDIDATES = 12  # texts that are generated to suggest the most likely ones among them
_TRIES = 3  # how often others are generated, at a higher temperature, if too few are different
_LONGEST_WORD = 24  # characters; of a script without spaces, a few words
_LONGEST_LINE = 60  # characters: what fits next to a beginning on a line of a terminal
_STRIDE = 64  # tokens between states that are kept: what is read again when a character is typed
# Tokens of a text that each candidate reads for itself. The last subwords of a text may be replaced
# by a longer one, and a candidate that does so sees these only: about a line.
_OWN_CHARACTERS, _OWN_SUBWORDS = 1, 32
_FEW_TOKENS = 256  # that are read where no state is kept
_ENDLESS = 1 << 60


class Suggester:
    """Suggests continuations of a text that grows.

    The state after most of the text is kept, so a suggestion takes as long for a page as for a
    line.

    Args:
        sampler: The model.

    Example:
        >>> suggester = Suggester(textgen.load("textgen-model"))  # doctest: +SKIP
        >>> suggester.suggest("To be or n", Decoding(0.5))  # doctest: +SKIP
        ['ot', 'ow', 'one']
    """

    def __init__(self, sampler: Sampler):
        self._sampler = sampler
        self._read_ids: tuple[int, ...] = ()  # what the row that is kept has read
        self._label_ids: tuple[int, ...] = ()

    def suggest(
        self,
        text: str,
        decoding: Decoding,
        *,
        label: LabelOption = None,
        random_seed: int = 0,
        count: int = 3,
    ) -> list[str]:
        """Continuations of a text, the most likely first.

        They end with the word at the end of the text or, where that has ended, with the line. A
        line that has ended is continued by a line end and the next line.

        Args:
            text: The text so far; may be empty.
            decoding: How tokens are chosen. If that leaves too few different continuations, a
                higher temperature finds others.
            label: The document's labels, as for `Sampler.generate`.
            random_seed: Makes the suggestions repeatable.
            count: How many, at most.

        Returns:
            Different texts of one or more characters, without those that are in `text`; fewer than
            `count` if the model finds no others.

        Raises:
            SeedError: a character is outside the vocabulary.
            SettingsError: the model does not have the label, or may write no character.
        """
        vocabulary = self._sampler.vocabulary
        if not text and not vocabulary.has_document_end and "\n" in vocabulary.characters:
            text = "\n"  # as if a line began
        builder = self._sampler.requests.restrict(decoding)
        request = builder.text(text, random_seed, label=label)
        banned = find_banned(vocabulary.characters, decoding)
        if text and _is_in_word(text[-1]):
            ends = [each for each in self._word_ends if each not in banned]
            stop = self._sampler.stop_condition(_LONGEST_WORD, ends)
            words = self._find(request, decoding, stop, _cut_word, count)
            # The most likely word being empty: the word has ended.
            if words and words[0]:
                return [word for word in words if word][:count]
        # A line end may come before the line, and another one for a blank line.
        has_lines = "\n" in vocabulary.characters and "\n" not in banned
        lines_wanted = 3 if has_lines else 0
        stop = self._sampler.stop_condition(_LONGEST_LINE, lines=lines_wanted)
        lines = self._find(request, decoding, stop, _cut_line, count)
        return [line for line in lines if line][:count]

    @cached_property
    def _rows(self) -> TextRows:
        """A row for each candidate, and one for the state that is kept."""
        return self._sampler.make_rows(_CANDIDATES + 1)

    @cached_property
    def _word_ends(self) -> list[str]:
        """The characters that end a word."""
        return [each for each in self._sampler.vocabulary.characters if not _is_in_word(each)]

    def _find(
        self,
        request: TextRequest,
        decoding: Decoding,
        stop: StopCondition,
        cut: Callable[[str], str],
        count: int,
    ) -> list[str]:
        """Different continuations, cut, the most likely first."""
        found: dict[str, float] = {}  # log-probabilities, by all that was generated
        totals: dict[str, float] = {}
        for attempt in range(_TRIES):
            config = self._sampler.requests.config(decoding, stop)
            # They depend on the whole text, of which a candidate has the end only.
            controls = tuple(lambda _, make=make: make(request) for make in config.controls)
            config = replace(config, controls=controls)
            for result in self._generate(request, config, attempt):
                found[self._sampler.vocabulary.decode(result.ids)] = result.log_probability
            totals.clear()
            for text, log_probability in found.items():
                word = cut(text)
                totals[word] = float(np.logaddexp(totals.get(word, -np.inf), log_probability))
            if len(totals.keys() - {""}) >= count:
                break
            ramp = decoding.ramp
            highest = max(ramp.start, ramp.end) if ramp else decoding.final_temperature
            decoding = replace(decoding, temperature=max(1.0, 2 * highest))
        return sorted(totals, key=lambda text: -totals[text])

    def _generate(
        self, request: TextRequest, config: GenerationConfig, attempt: int
    ) -> list[GeneratedIds]:
        """All candidates, generated side by side."""
        rows, seed_ids = self._rows, tuple(request.seed_ids)
        own = _OWN_CHARACTERS if config.spelling is None else _OWN_SUBWORDS
        batch = make_batch(rows, config)
        for number in range(_CANDIDATES):
            entropy = (request.entropy[0], number, attempt)
            own_request = replace(request, seed_ids=seed_ids[-own:], entropy=entropy)
            batch.start(own_request, config, scores=True)
        self._read(seed_ids[:-own], request.label_ids)
        results = []
        while batch.room < rows.capacity:
            for text in batch.step():
                results.append(batch.result(text))
                batch.remove(text)
        return results

    def _read(self, ids: tuple[int, ...], label_ids: tuple[int, ...]) -> None:
        """Let all candidates have read some ids, of which most may have been read before."""
        rows = self._rows
        if isinstance(rows, Rows):
            first, last = len(self._read_ids), len(ids) - len(ids) % _STRIDE
            if first and label_ids == self._label_ids and ids[:first] == self._read_ids:
                rows.move(_CANDIDATES, 0)
            else:
                first = 0
            if last > first:
                self._step(ids[first:last])
                rows.move(0, _CANDIDATES)
                first, self._read_ids, self._label_ids = last, ids[:last], label_ids
            self._step(ids[first:])
        else:  # states of windows change with every step; nothing is kept
            self._step(ids[-_FEW_TOKENS:])
        for number in range(1, _CANDIDATES):
            rows.move(0, number)
        if (schedule := getattr(rows, "schedule", None)) is not None:
            schedule(slice(None), (), _ENDLESS)  # a mix is that of the beginning of a turn

    def _step(self, ids: Sequence[int]) -> None:
        """Read ids in the first row."""
        for token_id in ids:
            self._rows.step(np.array([token_id]))


def _is_in_word(character: str) -> bool:
    """Whether a character is a letter, a mark on one, a digit or an apostrophe."""
    return unicodedata.category(character)[0] in "LMN" or character in "'\u2019"


def _cut_word(text: str) -> str:
    """The characters of the word."""
    return "".join(takewhile(_is_in_word, text))


def _cut_line(text: str) -> str:
    """Line ends at the beginning, and the first line after them, which ends with a whole word."""
    lines = text.lstrip("\n")
    line, end, _ = lines.partition("\n")
    if not end and len(text) >= _LONGEST_LINE and " " in line.strip():
        line = line[: line.rindex(" ")]
    line = line.rstrip(" ")
    return text[: len(text) - len(lines)] + line if line else ""
