"""Models with subwords generate characters: cut inside a token, and from seeds inside a word."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sampling.subword_models import (
    CHARACTERS,
    MERGES,
    SUBWORDS,
    SubwordModel,
    predict,
    reciter,
)
from textgen.errors import SeedError
from textgen.sampling import Sampler
from textgen.sampling.subwords import Spelling
from textgen.settings import Decoding
from textgen.text.documents.labels import LabelField, Labels
from textgen.text.vocabulary import Vocabulary

DOCUMENTS = Vocabulary(CHARACTERS, has_unknown=True, has_document_end=True, merges=MERGES)
WINDOWS = (None, 1, 3)


def token(text: str) -> int:
    return SUBWORDS.table.index(text)


def continue_slowly(
    sampler: Sampler, seed_ids: list[int]
) -> dict[int, tuple[float, list[int], str]]:
    """The tokens that can follow a seed if its end is held back; empty if it is not.

    Of each: its probability times that of the seed's tokens before it; the ids to read before it;
    its beginning that is in the seed.
    """
    table, end = sampler.vocabulary.table, sampler.vocabulary.document_end_id
    start = [] if end is None else [end]
    possible = [not {*text} & {*sampler.excluded} for text in table]
    whole = sampler.vocabulary.decode(seed_ids)
    longer = (text for text, ok in zip(table, possible, strict=True) if ok)
    if end is None and any(text.startswith(whole) for text in longer):
        start = [table.index("\n")] if "\n" in table else []
    found: dict[int, tuple[float, list[int], str]] = {}
    joint = 1.0
    for place in range(len(seed_ids)):
        read = [*start, *seed_ids[:place]]
        if not read:
            continue
        beginning = sampler.vocabulary.decode(seed_ids[place:])
        each = predict(network_of(sampler), read, sampler.window)
        for number, text in enumerate(table):
            probability, highest = joint * each[number], found.get(number, (0.0,))[0]
            if text.startswith(beginning) and possible[number] and probability > highest:
                found[number] = probability, read, beginning
        joint *= each[seed_ids[place]]
    return found if len(found) > 1 and seed_ids[-1] in found else {}


def network_of(sampler: Sampler) -> Any:
    predictor: Any = sampler.predictor
    return predictor.network


def write_slowly(sampler: Sampler, seed: str, numbers: Any, **options: Any) -> tuple[str, Any, Any]:
    """What a sampler should write, one character after another: text, log-probability, complete."""
    vocabulary, temperature = sampler.vocabulary, options.get("temperature", 1.0)
    until, lines, length = options.get("until", ()), options.get("lines", 0), options["length"]
    table, end = vocabulary.table, vocabulary.document_end_id
    possible = np.array([not {*text} & {*sampler.excluded} for text in table])
    if vocabulary.unknown_id is not None:
        possible[vocabulary.unknown_id] = False
    read = vocabulary.encode(seed).tolist()
    continuations = continue_slowly(sampler, read) if seed else {}
    read = read if end is None else [end, *read]
    text, log_probability, is_first = "", 0.0, True
    while True:
        if continuations:
            weights = np.zeros(vocabulary.size)
            for number, (probability, _, _) in continuations.items():
                weights[number] = probability
        else:
            weights = predict(network_of(sampler), read, sampler.window)
        logs = np.log(weights / weights.sum() + 1e-300)
        weights = weights * possible
        if end is not None and is_first and not seed:
            weights[end] = 0
        weights = (weights / weights.max()) ** (1 / temperature) if temperature else weights
        sums = np.cumsum(weights)
        chosen = int(np.searchsorted(sums, next(numbers) * sums[-1], "right"))
        chosen = chosen if temperature else int(weights.argmax())
        if chosen == end:
            return text, log_probability + logs[end], True
        _, read, beginning = continuations.get(chosen, (0, read, ""))
        added = table[chosen].removeprefix(beginning)
        log_probability += 0 if added else logs[chosen]
        for character in added:
            if len(text) == length:
                return text, log_probability, False
            text += character
            log_probability += logs[chosen] / len(added)
            if text.endswith(until or ("never",)) or 0 < lines == text.count("\n"):
                return text, log_probability, True
            if len(text) == length and end is None:
                return text, log_probability, not (until or lines)
        read, continuations, is_first = [*read, chosen], {}, False


OPTIONS = st.sampled_from(
    [
        {"length": 1},
        {"length": 30},
        {"length": 30, "temperature": 0},
        {"length": 20, "temperature": 0.3, "until": ("b",)},
        {"length": 60, "until": ("the", "a\n", "da")},
        {"length": 40, "lines": 2},
        {"length": 40, "lines": 1, "until": ("hea",)},
    ]
)
SEEDS = st.lists(st.text(CHARACTERS, min_size=1, max_size=9), min_size=1, max_size=9)


@pytest.mark.parametrize("vocabulary", [SUBWORDS, DOCUMENTS], ids=["text", "documents"])
@pytest.mark.parametrize("window", WINDOWS)
@settings(max_examples=20)
@given(seeds=SEEDS, options=OPTIONS, excluded=st.sampled_from(["", "b", "h\n"]), data=st.data())
def test_texts_are_those_of_a_slow_generator(vocabulary, window, seeds, options, excluded, data):
    """One by one and side by side: seeds of all lengths, all ends, more texts than rows."""
    states = data.draw(st.integers(1, 5)) * (window or 1)
    sampler = SubwordModel(vocabulary).sampler(window, batch_states=states)
    sampler.excluded = excluded
    if {*excluded} & {*"".join(options.get("until", ()))} or (
        "\n" in excluded and "lines" in options
    ):
        options = {"length": 50}
    if vocabulary.has_document_end:
        seeds = [*seeds, ""]
    stop = sampler.stop_condition(
        options["length"], options.get("until", ()), options.get("lines", 0)
    )
    decoding = Decoding(options.get("temperature", 1.0))
    written = list(sampler.generate_batch(seeds, decoding, stop, 5, scores=True))
    for number, (seed, result) in enumerate(zip(seeds, written, strict=True)):
        numbers = iter(np.random.default_rng((5, number, 0)).random(99).tolist())
        text, log_probability, complete = write_slowly(sampler, seed, numbers, **options)
        assert (result.seed, result.text, result.complete) == (seed, text, complete)
        assert result.log_probability == pytest.approx(log_probability, abs=1e-4)
    completed: list[bool] = []
    stream = sampler.generate_stream(seeds[0], decoding, stop, 5, lambda: completed.append(True))
    assert [*stream] == [*written[0].text] and written[0].complete == bool(completed)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("seed", ["th", "ea th", "dca", "ca"])
def test_a_seed_inside_a_word_is_continued_by_all_tokens_that_begin_with_it(window, seed):
    """Chi-square of the first character after the seed, from probabilities of whole tokens."""
    model, n = SubwordModel(), 4_000
    sampler = model.sampler(window)
    continuations = continue_slowly(sampler, SUBWORDS.encode(seed).tolist())
    expected = defaultdict[str, float](float)
    total = sum(probability for probability, _, _ in continuations.values())
    for number, (probability, read, beginning) in continuations.items():
        mean, text = n * probability / total, SUBWORDS.table[number]
        if text != beginning:
            expected[text[len(beginning)]] += mean
            continue
        after = predict(model.network, [*read, number], window)
        for text, following in zip(SUBWORDS.table, after, strict=True):
            expected[text[0]] += mean * following
    assert sum(expected.values()) == pytest.approx(n)
    stop = sampler.stop_condition(1)
    texts = sampler.generate_batch([seed] * n, Decoding(1.0), stop, 1)
    counts = Counter(text.text for text in texts)
    statistic = sum((counts[text] - mean) ** 2 / mean for text, mean in expected.items())
    assert statistic < 35  # exceeded once in 30,000 times by chance, of 8 degrees of freedom


def test_probabilities_of_a_continued_seed_are_conditional():
    model = SubwordModel()
    before = predict(model.network, [token("\n")])
    likely = before[[token(text) for text in ("th", "the", "thet")]]
    (the,) = (
        text
        for text in model.sampler().generate_batch(
            ["th"], Decoding(0), model.sampler().stop_condition(1), 1, scores=True
        )
    )
    assert likely.argmax() > 0  # one of the longer tokens
    assert the.text == "e"
    added = 1 if likely.argmax() == 1 else 2
    expected = np.log(likely.max() / likely.sum()) / added
    assert the.log_probability == the.mean_log_probability == pytest.approx(expected, abs=1e-5)


def test_what_is_held_back():
    spelling = Spelling(SUBWORDS)
    for seed, read, held_back in (
        ("a th", ["a"], {0: [" th", " the"]}),
        ("th", ["\n"], {0: ["th", "the", "thet"]}),
        ("the cab", ["the", " "], {0: ["cab", "cabd"]}),
        ("dca", ["d", "c"], {0: ["a", "ab"], 1: ["cab", "cabd"]}),
        ("ca", ["\n", "c"], {0: ["a", "ab"], 1: ["cab", "cabd"]}),
        ("a\n", ["a", "\n"], {}),  # no other token begins with it
        ("\n", ["\n"], {}),
        ("ad", ["a", "d"], {}),
    ):
        ids, continuations = spelling.hold_back(SUBWORDS.encode(seed).tolist(), [])
        assert [SUBWORDS.table[number] for number in ids] == read
        texts = {
            each.back: [SUBWORDS.table[number] for number in each.token_ids]
            for each in continuations
        }
        assert texts == held_back
    th = SUBWORDS.encode("ath").tolist()
    assert spelling.hold_back(th, [token("th")]) == (th, ())
    _, (only,) = spelling.hold_back(th, [token("the")])
    assert only.token_ids.tolist() == [token("th"), token("thet")]
    without_lines = Vocabulary("eht", merges=(("t", "h"), ("th", "e")))
    assert Spelling(without_lines).hold_back([3], []) == ([3], ())
    documents = Spelling(DOCUMENTS)
    ids, continuations = documents.hold_back(DOCUMENTS.encode("ca").tolist(), [])
    assert ids == [DOCUMENTS.document_end_id, DOCUMENTS.table.index("c")]
    assert [each.back for each in continuations] == [0, 1]


def test_a_text_ends_inside_a_token():
    greedy: Any = {"temperature": 0}
    assert reciter("cabd").generate("d", until="ab", **greedy) == "dcab"
    assert reciter("cab", "d").generate("d", until="bd", **greedy) == "dcabd"
    assert reciter("cabd").generate("d", length=6, **greedy) == "dcabdca"
    assert list(reciter("cabd").stream("d", length=2, **greedy)) == ["c", "a"]
    assert reciter("cabd").generate("d", n=2, length=7, **greedy) == ["dcabdcab"] * 2
    assert reciter("the", "\n").generate("d", lines=2, **greedy) == "dthe\nthe\n"
    # What ends in the seed does not count.
    assert reciter("the").generate("d", until=["dt", "ethe"], **greedy) == "dthethe"
    different: Any = ({"length": 9}, {"until": ("het",)}, {"until": ("eth", "ca"), "length": 30})
    for ends in different:
        sampler = SubwordModel().sampler()
        text = sampler.generate("a", random_seed=3, temperature=1.0, **ends)[1:]
        until = ends.get("until", ("never",))
        assert text.endswith(until) or len(text) == ends["length"]
        assert not any(text[:end].endswith(until) for end in range(len(text)))


def test_documents_are_cut_to_the_longest_length():
    end = "\ufffd"
    vocabulary = Vocabulary(CHARACTERS, has_document_end=True, merges=MERGES)
    sampler = reciter("the", "cab", end, vocabulary=vocabulary)
    for length, text in ((7, "thecab"), (6, "thecab"), (5, "theca"), (4, "thec"), (3, "the")):
        stop = sampler.stop_condition(length)
        (result,) = sampler.generate_batch([""], Decoding(0), stop, 1, scores=True)
        assert (result.text, result.complete) == (text, length >= 6)
        assert sampler.generate(length=length, temperature=0) == text
    assert sampler.generate("th", max_length=6, tries=1, temperature=0) == "thecab"


def test_log_probabilities_are_spread_over_characters():
    model = SubwordModel()
    ids = SUBWORDS.encode("cab the\n").tolist()
    assert [SUBWORDS.table[number] for number in ids] == ["cab", " the", "\n"]
    first, second = (predict(model.network, ids[:1]), predict(model.network, ids[:2]))
    expected = [np.log(first[ids[1]]) / 4] * 4 + [np.log(second[ids[2]])]
    np.testing.assert_allclose(model.sampler().logprobs("cab the\n"), expected, atol=1e-5)
    with pytest.raises(SeedError, match="one token; log-probabilities need two or more"):
        model.sampler().logprobs("the")
    documents = SubwordModel(DOCUMENTS)
    assert documents.sampler().logprobs("cab the").shape == (8,)
    assert documents.sampler().logprobs("").shape == (1,)


def test_unknown_characters_of_a_seed_are_left_out():
    sampler = SubwordModel().sampler()
    assert sampler.check_seed("thé te", "skip") == "th te"
    with pytest.raises(SeedError, match="character 3, 'é'"):
        sampler.check_seed("thé te")


def test_labels_are_read_with_subwords():
    field = LabelField("kind", ("x", "y"), (3, 3))
    labels = Labels((field,), (((1,), 3), ((2,), 3)))
    model = SubwordModel(DOCUMENTS, label_sizes=(3,))
    sampler = model.sampler(labels=labels)
    options: Any = {"random_seed": 1, "temperature": 1.0, "n": 20}
    x, y = (sampler.generate("th", label=label, **options) for label in "xy")
    assert x != y and all(text.startswith("th") for text in (*x, *y))
    assert x[0] == sampler.generate("th", label="x", random_seed=1, temperature=1.0)


def test_filters_choose_among_tokens_of_a_continued_seed():
    """The mask comes first: the most likely tokens of all are not among those that can follow."""
    model = SubwordModel()
    before = predict(model.network, [token("c"), token("d")])
    names = ("th", "the", "thet")
    best = names[int(np.argmax([before[token(name)] for name in names]))]
    assert before.argmax() not in [token(name) for name in names] and best != "th"
    for options in ({"top_k": 1}, {"top_p": 0.01}, {"min_p": 1.0}):
        filters: Any = options
        texts = model.sampler().generate("cdth", n=20, length=1, temperature=1.0, **filters)
        assert {*texts} == {"cdthe"}
