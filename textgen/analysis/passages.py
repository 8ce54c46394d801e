"""The longest passages that samples copy from the training text, and where they come from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from textgen.analysis.copies import Copy
from textgen.analysis.occurrences import find_occurrences
from textgen.analysis.training_text import TrainingText

MAX_PASSAGES = 10
_SHOWN = 200  # characters of a document


@dataclass(frozen=True)
class Passage:
    """A passage of a sample that occurs word for word in the training text.

    Attributes:
        text: The passage.
        temperature: The temperature of the first sample that has it.
        sample: That sample's number, from 0.
        start: Characters of that sample before it, without the seed.
        sample_count: How many samples have it.
        occurrences: How often it occurs in the training text.
        offset: Characters of the corpus before its first occurrence; None in documents, which a
            prepared corpus has in another order, like the next one.
        line: The line of the corpus in which that begins, from 1.
        document: The beginning of the first training document that has it, if these are documents.
        source: The name of the file, if the corpus is a single one.
    """

    text: str
    temperature: float
    sample: int
    start: int
    sample_count: int
    occurrences: int
    offset: int | None
    line: int | None
    document: str | None
    source: str | None


def find_passages(
    training: TrainingText,
    samples: Sequence[tuple[float, Sequence[str]]],
    copies: Sequence[Sequence[Copy]],
) -> tuple[Passage, ...]:
    """The longest copies of all samples, at most `MAX_PASSAGES`, none of them inside another.

    Args:
        training: The training text.
        samples: Temperatures, each with its samples.
        copies: What these copy, in the same order.
    """
    vocabulary, groups = training.prepared.vocabulary, [texts for _, texts in samples]
    by_length = sorted(
        ((group, copy) for group, group_copies in enumerate(copies) for copy in group_copies),
        key=lambda item: (-item[1].length, item[0], item[1].text, item[1].start),
    )
    texts = (groups[group][copy.text][copy.start :][: copy.length] for group, copy in by_length)
    longest = list(islice(_without_inner(texts), MAX_PASSAGES))
    document_end = vocabulary.document_end_id
    mark = int(vocabulary.encode("\n")[0]) if document_end is None else document_end
    occurrences = find_occurrences(training, [vocabulary.encode(text) for text in longest], mark)
    passages = []
    for text, place in zip(longest, occurrences, strict=True):
        matches = [
            (temperature, number, sample.find(text))
            for temperature, group in samples
            for number, sample in enumerate(group)
            if text in sample
        ]
        is_text = document_end is None
        number = place.marks_before - 1  # a document end is before the first document
        passages.append(
            Passage(
                text,
                *matches[0],
                sample_count=len(matches),
                occurrences=place.count,
                offset=place.first if is_text else None,
                line=place.marks_before + 1 if is_text else None,
                document=None if is_text else training.document_at(number, _SHOWN),
                source=_only_name(training.prepared.sources),
            )
        )
    return tuple(passages)


def _without_inner(texts: Iterator[str]) -> Iterator[str]:
    """Texts, the longest first, without those that are inside another one."""
    outer: list[str] = []
    for text in texts:
        if not any(text in longer for longer in outer):
            outer.append(text)
            yield text


def _only_name(sources: Sequence[dict[str, Any]]) -> str | None:
    """The name of the only source; None if there are several, or it has no name."""
    names = [source.get("name") for source in sources if isinstance(source, dict)]
    only = names[0] if len(sources) == len(names) == 1 else None
    return only if isinstance(only, str) and only != "-" else None
