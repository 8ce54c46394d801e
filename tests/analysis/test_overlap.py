"""What short texts have in common with a long one, compared with sets of tuples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.analysis.copies import Copy
from textgen.analysis.occurrences import Occurrences, find_occurrences
from textgen.analysis.overlap import find_overlap

chunks = st.sampled_from([1, 2, 3, 7, 1000])


@st.composite
def long_texts(draw):
    """Few ids, so that much is found; sometimes the same few over and over."""
    size = draw(st.integers(1, 4))
    ids = draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=40))
    if draw(st.booleans()):
        ids = (ids[:4] * 12)[:40]
    return np.array(ids, draw(st.sampled_from([np.uint8, np.uint16, np.uint32])))


@st.composite
def short_texts(draw, corpus):
    """A piece of the long text, with a change perhaps, or something else."""
    if draw(st.booleans()):
        first = draw(st.integers(0, len(corpus) - 1))
        text = corpus[first : first + draw(st.integers(1, 20))].astype(np.int64)
        if draw(st.booleans()):
            text[draw(st.integers(0, len(text) - 1))] = draw(st.integers(-1, 4))
        return text
    return np.array(draw(st.lists(st.integers(-1, 4), min_size=1, max_size=20)))


@st.composite
def cases(draw):
    corpus = draw(long_texts())
    texts = st.lists(short_texts(corpus), min_size=1, max_size=3)
    return corpus, draw(st.lists(texts, min_size=1, max_size=3))


def substrings(ids, max_length=40):
    """All substrings of ids without ids below 0, as tuples."""
    ids = ids.tolist()
    ranges = (
        (a, b) for a in range(len(ids)) for b in range(a + 1, min(len(ids), a + max_length) + 1)
    )
    return {tuple(ids[a:b]) for a, b in ranges if min(ids[a:b]) >= 0}


def outermost(common):
    """Those that are not part of another one."""

    def within(part, other):
        return any(other[n : n + len(part)] == part for n in range(len(other) - len(part) + 1))

    longer = {size: [part for part in common if len(part) == size] for size in range(42)}
    return {
        part for part in common if not any(within(part, more) for more in longer[len(part) + 1])
    }


# Few pairs of numbers are looked up in a table; many are searched.
@given(cases(), st.integers(1, 6), chunks, st.sampled_from([0, 30, 1 << 22]))
def test_overlaps_are_those_of_sets_of_tuples(case, shortest, chunk, table):
    corpus, groups = case
    overlaps = find_overlap(corpus, groups, shortest=shortest, chunk=chunk, max_table=table)
    there = substrings(corpus)
    longest = max(len(text) for texts in groups for text in texts)
    sizes = [size for size in (1, 2, 4, 8, 16) if size <= longest]
    for overlap, texts in zip(overlaps, groups, strict=True):
        for size in sizes:
            cut = [tuple(t[n : n + size].tolist()) for t in texts for n in range(len(t) - size + 1)]
            assert overlap.substrings[size] == len(cut)
            assert overlap.matches[size] == sum(copy in there for copy in cut)
        assert list(overlap.matches) == list(overlap.substrings) == sizes
        common = there & set().union(*map(substrings, texts))
        copied = [
            tuple(texts[copy.text][copy.start : copy.start + copy.length].tolist())
            for copy in overlap.copies
        ]
        lengths = [copy.length for copy in overlap.copies]
        assert lengths == sorted(map(len, copied), reverse=True)
        assert set(copied) <= {part for part in common if len(part) >= shortest}
        assert set(copied) >= {part for part in outermost(common) if len(part) >= shortest}
        assert max(lengths, default=0) == max(
            (len(part) for part in common if len(part) >= shortest), default=0
        )


@given(long_texts(), st.data(), chunks)
def test_occurrences_are_those_of_a_search_by_hand(corpus, data, chunk):
    ids = corpus.tolist()
    there = sorted(substrings(corpus))
    patterns = data.draw(st.lists(st.sampled_from(there), min_size=0, max_size=4))
    mark = data.draw(st.integers(-1, 3))
    results = find_occurrences(
        corpus, [np.array(pattern) for pattern in patterns], mark, chunk=chunk
    )
    for pattern, result in zip(patterns, results, strict=True):
        starts = [n for n in range(len(ids)) if tuple(ids[n : n + len(pattern)]) == pattern]
        assert result == Occurrences(len(starts), starts[0], ids[: starts[0]].count(mark))


def test_ids_of_two_bytes_are_not_found_between_two_of_them():
    corpus = np.array([0x0102, 0x0301, 0x0203], np.uint16)
    assert find_occurrences(corpus, [np.array([0x0203])], mark=-1) == [Occurrences(1, 2, 0)]


@pytest.mark.parametrize("table", [0, 1 << 22])
def test_long_copies_in_a_larger_text(table):
    """Realistic sizes, also with more pairs than a table holds."""
    generator = np.random.default_rng(0)
    corpus = generator.integers(0, 60, 200_000).astype(np.uint8)
    texts = [generator.integers(0, 60, 1000) for _ in range(8)]
    texts[3][100:400] = corpus[70_000:70_300]
    texts[5][:129] = corpus[-129:]
    texts[6][871:] = corpus[:129]
    done: list[int] = []
    options = {"chunk": 30_000, "max_table": table, "on_progress": done.append}
    (overlap,) = find_overlap(corpus, [texts], **options)
    assert overlap.copies[0].length >= 300
    # A neighbour may be the same by chance.
    assert [copy.text for copy in overlap.copies] in ([3, 5, 6], [3, 6, 5])
    first = overlap.copies[0]
    assert first.start <= 100 and first.start + first.length >= 400
    assert overlap.matches[256] == first.length - 255
    assert overlap.substrings[256] == 8 * (1000 - 255) and overlap.matches[512] == 0
    assert done == [*range(30_000, 200_000, 30_000), 200_000]


def test_a_text_that_is_all_copied_is_one_copy():
    corpus = np.tile(np.arange(5), 400)
    (overlap,) = find_overlap(corpus, [[corpus[3:903]]], chunk=100)
    assert overlap.copies == (Copy(0, 0, 900),)
    assert find_occurrences(corpus, [corpus[3:903]], mark=0, chunk=100)[0].count == 220
