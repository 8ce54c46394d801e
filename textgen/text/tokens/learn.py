"""Learns subwords from a sample of a text, by byte-pair encoding (Sennrich et al., 2016).

Hugging Face's tokenizers does it. The sample is spread over the text, and the result depends on
the text alone.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.text.tokens.subwords import LONGEST_SUBWORD, Merge
from textgen.text.tokens.words import WordSplitter
from textgen.text.vocabulary import IdSequence, Vocabulary

# Of a long text. Merges from more shorten held-out text by less than 1 %; this takes two seconds.
SAMPLE_CHARACTERS = 4_000_000
_EXCERPT = 20_000  # characters in a row


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
    """Excerpts of a text, spread over it; all of it if it is short."""
    count = max(1, len(ids) // _EXCERPT)
    wanted = max(1, min(count, SAMPLE_CHARACTERS // _EXCERPT))
    bounds = np.linspace(0, len(ids), count + 1).astype(np.int64)
    for number in np.linspace(0, count - 1, wanted).astype(np.int64):
        yield np.asarray(ids[bounds[number] : bounds[number + 1]])
