"""The loops that generate ids: one text as a stream, or many texts side by side.

`generate_stream` and `generate_batch` generate the same texts: the random numbers of a text depend
on its own request only. Both return characters. What a network with subwords chooses is spelled
character by character, so a text can end inside a subword.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from textgen.kernels.text_table import RUNNING, STOPPED, TextTable
from textgen.sampling.batch import Batch
from textgen.sampling.compiled import CompiledRows
from textgen.sampling.control import adjust_logits, advance_all, is_complete
from textgen.sampling.readers import Reader, TextRows
from textgen.sampling.requests import (
    RANDOM_BLOCK,
    GeneratedIds,
    GenerationConfig,
    TextRequest,
    exclude,
)
from textgen.sampling.row_settings import RowSettings, can_be_compiled
from textgen.sampling.row_text import Text
from textgen.sampling.subword_batch import SubwordBatch
from textgen.sampling.subwords import SeedEnd, Spelling

# Tokens of a call of compiled code: Python then takes little time, and a text that ended soon makes
# room for the next.
COMPILED_TOKENS = 16


def generate_stream(
    reader: Reader,
    request: TextRequest,
    config: GenerationConfig,
    on_complete: Callable[[], object] = lambda: None,
) -> Iterator[int]:
    """Generate one text.

    Args:
        reader: Of shape (), in its zero state and without labels.
        request: The text's seed and random numbers.
        config: How it is generated.
        on_complete: Called if the text reaches its stop condition, as in `GeneratedIds.complete`.

    Returns:
        An iterator of the ids of the characters after the seed, each as soon as it is chosen,
        without the document end.
    """
    if request.label_ids:
        reader.set_labels((), request.label_ids)
    reader.schedule((), request.seed_ids, config.max_length(request))
    if config.spelling is None:
        return _stream_characters(reader, request, config, on_complete)
    return _stream_subwords(reader, request, config, config.spelling, on_complete)


def _stream_characters(
    reader: Reader,
    request: TextRequest,
    config: GenerationConfig,
    on_complete: Callable[[], object],
) -> Iterator[int]:
    choose, step = config.make_chooser(), reader.step
    controls, generator = config.make_controls(request), request.generator()
    for seed_id in request.seed_ids:
        logits = step(seed_id)
    if is_complete(controls):
        on_complete()
        return
    switch = reader.switch if can_be_compiled(config) else None
    stop = config.stop
    if stop.is_empty(request.seed_ids):
        logits = exclude(logits, ..., stop.document_end_id)
    final_ids, tail, line_ends = stop.final_ids, deque[int](maxlen=stop.tail_length), 0
    length, max_length = 0, config.max_length(request)
    places = max_length + stop.has_document_end  # the document end is no character
    while length < places:
        for number in generator.random(min(places - length, RANDOM_BLOCK)).tolist():
            if controls:
                logits = adjust_logits(controls, logits, config.excluded, max_length - length)
            chosen = int(choose(logits, number))
            if chosen == stop.document_end_id:
                on_complete()
                return
            length += 1
            if length > max_length:  # and the document has not ended
                return
            yield chosen
            if controls and advance_all(controls, chosen):
                on_complete()
                return
            if final_ids:
                tail.append(chosen)
                line_ends += chosen == stop.line_end_id
                if chosen in final_ids and stop.is_met(tail, line_ends):
                    on_complete()
                    return
            if switch is not None and length % RANDOM_BLOCK == 0:
                compiled = switch(RANDOM_BLOCK)
                if compiled is not None:
                    progress = _Progress(chosen, list(tail), line_ends, max_length - length)
                    yield from _stream_compiled(compiled, progress, config, generator, on_complete)
                    return
            logits = step(chosen)
    if not final_ids:
        on_complete()


@dataclass(frozen=True)
class _Progress:
    """A text that is generated.

    Attributes:
        current: Its last id, which was not read yet.
        tail: Its last ids, as a stop condition looks at them.
        line_ends: Its line ends, where they are counted.
        left: How many characters may follow.
    """

    current: int
    tail: list[int]
    line_ends: int
    left: int


def _stream_compiled(
    rows: CompiledRows,
    progress: _Progress,
    config: GenerationConfig,
    generator: np.random.Generator,
    on_complete: Callable[[], object],
) -> Iterator[int]:
    """The rest of a text, from compiled code."""
    stop, before = config.stop, len(progress.tail)
    table = TextTable(1, before + COMPILED_TOKENS, RANDOM_BLOCK, config.vocabulary_size)
    RowSettings(table).set(0, config)
    table.end_id, table.line_end_id = stop.document_end_id, stop.line_end_id
    table.status[0], table.current[0] = RUNNING, progress.current
    table.length[0], table.max_length[0] = before, progress.left + before
    table.line_ends[0] = progress.line_ends
    ids = table.ids[0]
    ids[:before] = progress.tail
    while table.status[0] == RUNNING:
        if table.position[0] == RANDOM_BLOCK:
            table.numbers[0], table.position[0] = generator.random(RANDOM_BLOCK), 0
        rows.run(table, COMPILED_TOKENS, 1)
        written = ids[before : table.length[0]].tolist()
        if written[-1:] == [stop.document_end_id]:
            written.pop()
        yield from written
        # Only the tail is needed again, and room for what follows.
        first = max(0, int(table.length[0]) - stop.tail_length)
        before = int(table.length[0]) - first
        ids[:before] = ids[first : first + before].copy()
        table.length[0], table.max_length[0] = before, table.max_length[0] - first
    if table.status[0] == STOPPED or not stop.final_ids:
        on_complete()


def _stream_subwords(
    reader: Reader,
    request: TextRequest,
    config: GenerationConfig,
    spelling: Spelling,
    on_complete: Callable[[], object],
) -> Iterator[int]:
    choose, step, stop = config.make_chooser(), reader.step, config.stop
    seed_end = None
    if request.continuations:
        seed_end = SeedEnd(request.continuations, request.seed_ids)
    for seed_id in request.seed_ids:
        logits = step(seed_id)
        if seed_end is not None and seed_end.read(logits):
            logits = seed_end.scores()
    if seed_end is None and stop.is_empty(request.seed_ids):
        logits = exclude(logits, ..., stop.document_end_id)
    known, again = 0, list[int]()  # characters of the next token in the seed; ids to read before it
    final_ids, tail = stop.final_ids, deque[int](maxlen=stop.tail_length)
    length = line_ends = 0
    max_length, has_end = config.max_length(request), stop.has_document_end
    controls, generator = config.make_controls(request), request.generator()
    if is_complete(controls):
        on_complete()
        return
    while True:
        for number in generator.random(RANDOM_BLOCK).tolist():
            if controls:
                logits = adjust_logits(controls, logits, config.excluded, max_length - length)
            chosen = int(choose(logits, number))
            if chosen == stop.document_end_id:
                on_complete()
                return
            if seed_end is not None:
                known, again = seed_end.locate(chosen)
            for character_id in spelling.ids[chosen][known:]:
                length += 1
                if length > max_length:  # and the document has not ended
                    return
                yield character_id
                if final_ids:
                    tail.append(character_id)
                    line_ends += character_id == stop.line_end_id
                    if character_id in final_ids and stop.is_met(tail, line_ends):
                        on_complete()
                        return
                if length == max_length and not has_end:
                    if not final_ids:
                        on_complete()
                    return
            if controls and advance_all(controls, chosen):
                on_complete()
                return
            if again:
                reader.reset(())
                reader.schedule((), [*again, chosen], max_length)
                for seed_id in again:
                    step(seed_id)
            seed_end, known, again = None, 0, []
            logits = step(chosen)


def generate_batch(
    make_rows: Callable[[int], TextRows],
    requests: Iterable[TextRequest],
    rows: int,
    config: GenerationConfig,
    *,
    scores: bool = False,
) -> Iterator[GeneratedIds]:
    """Generate many texts side by side; when one ends, the next one starts in its row.

    Args:
        make_rows: Makes a reader of some rows.
        requests: The texts' seeds and random numbers.
        rows: How many texts side by side, at most.
        config: How they are generated.
        scores: Whether to compute log-probabilities.

    Yields:
        The texts in the order of the requests.
    """
    remaining = iter(requests)
    first = list(islice(remaining, rows))
    if not first:
        return
    remaining = chain(first, remaining)
    batch = make_batch(make_rows(len(first)), config)
    texts, results = deque[Text](), dict[Text, GeneratedIds]()
    while True:
        while batch.room and (request := next(remaining, None)) is not None:
            texts.append(batch.start(request, config, scores=scores))
        if not texts:
            return
        for text in batch.advance(COMPILED_TOKENS):
            results[text] = batch.result(text)
            batch.remove(text)
        while texts and texts[0] in results:
            yield results.pop(texts.popleft())


def make_batch(
    reader: TextRows,
    config: GenerationConfig,
    *,
    sizes: Sequence[int] | None = None,
) -> Batch:
    """The batch for a vocabulary of characters or of subwords; arguments as for `Batch`."""
    if config.spelling is None:
        return Batch(reader, config, sizes=sizes)
    return SubwordBatch(reader, config, config.spelling, sizes=sizes)
