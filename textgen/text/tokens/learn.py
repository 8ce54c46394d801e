"""Learns subwords from a sample of a text, by byte-pair encoding (Sennrich et al., 2016).

Hugging Face's tokenizers does it, and for long texts compiled code, which is faster. The sample is
spread over the text, and the result depends on the text alone.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.packages import require_installed
from textgen.text.tokens.subwords import LONGEST_SUBWORD, Merge
from textgen.text.tokens.words import WordSplitter
from textgen.text.vocabulary import IdSequence, Vocabulary

SAMPLE_CHARACTERS = 16_000_000  # of a long text; from more, the merges were nearly the same
_EXCERPT = 100_000  # characters in a row
_ROUNDS = 16  # of excerpts over the text
_FAST_FROM = 1 << 22  # characters; compiled code takes about as long to load


def learn_merges(ids: IdSequence, vocabulary: Vocabulary, size: int) -> tuple[Merge, ...]:
    """Learn the merges of a vocabulary of subwords.

    Args:
        ids: The text to learn from, as ids of characters.
        vocabulary: The vocabulary of characters.
        size: Tokens in all: characters and subwords.

    Returns:
        The merges, as in `Vocabulary`. There are fewer tokens than `size` where the text repeats
        too little.
    """
    if len(ids) >= _FAST_FROM:
        require_installed("numba")
        return _learn_fast(ids, vocabulary, size)
    return _learn_plainly(ids, vocabulary, size)


def _learn_fast(ids: IdSequence, vocabulary: Vocabulary, size: int) -> tuple[Merge, ...]:
    from textgen.text.tokens.fast_learn import WordCounts

    counts, splitter = WordCounts(), WordSplitter(vocabulary.characters)
    for excerpt in _sample(ids):
        if not counts.add(excerpt, splitter.starts(excerpt)):
            break
    tokens, merges = list(vocabulary.characters), dict[Merge, None]()
    for first, second, new in counts.learn(len(tokens), size).tolist():
        merge = tokens[first], tokens[second]
        if new == len(tokens):
            tokens.append("".join(merge))
        merges.pop(merge, None)  # the last of several counts, as in tokenizers
        merges[merge] = None
    return tuple(merges)


def _learn_plainly(ids: IdSequence, vocabulary: Vocabulary, size: int) -> tuple[Merge, ...]:
    from tokenizers import Tokenizer, models, trainers

    tokenizer = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        initial_alphabet=list(vocabulary.characters),
        special_tokens=[],
        max_token_length=LONGEST_SUBWORD,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_sample_words(ids, vocabulary), trainer)
    learned = json.loads(tokenizer.to_str())["model"]
    return tuple((first, second) for first, second in learned["merges"])


def _sample_words(ids: IdSequence, vocabulary: Vocabulary) -> Iterator[list[str]]:
    """The words of several characters in excerpts of a text."""
    splitter, size = WordSplitter(vocabulary.characters), len(vocabulary.characters)
    for excerpt in _sample(ids):
        starts = splitter.starts(excerpt).tolist()
        text = "".join(vocabulary.characters[i] if i < size else "\n" for i in excerpt.tolist())
        ends = [*starts, len(text)][1:]
        words = (text[start:end] for start, end in zip(starts, ends, strict=True))
        yield [word for word in words if len(word) > 1]


def _sample(ids: IdSequence) -> Iterator[npt.NDArray[Any]]:
    """Excerpts of a text, all of it if it is short. The first ones are spread over it, too."""
    count = max(1, len(ids) // _EXCERPT)
    wanted = max(1, min(count, SAMPLE_CHARACTERS // _EXCERPT))
    bounds = np.linspace(0, len(ids), count + 1).astype(np.int64)
    chosen = np.linspace(0, count - 1, wanted).astype(np.int64)
    for first in range(_ROUNDS):
        for number in chosen[first::_ROUNDS]:
            yield np.asarray(ids[bounds[number] : bounds[number + 1]])
