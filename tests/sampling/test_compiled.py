"""Compiled networks compute what NumPy's compute, and the same for a text whatever is around it."""

import subprocess
import sys

import numpy as np
import pytest

from textgen.kernels.text_table import AT_LENGTH, RUNNING, STOPPED, TextTable
from textgen.sampling import compiled, compiled_weights
from textgen.sampling import network as network_module
from textgen.sampling.choosing import make_chooser
from textgen.sampling.compiled import CompiledRows, load_compiled
from textgen.sampling.compiled_scorer import CompiledScorer
from textgen.sampling.decoding import log_probabilities
from textgen.sampling.network import Network, weight_specs
from textgen.settings import CELLS, Decoding, ModelConfig

VOCABULARY = 70
CONFIGS = [
    {"embedding": 0},
    {"embedding": 5},
    {"embedding": 5, "units": (9, 40)},
    {"embedding": 5, "label_sizes": (3, 2)},
    {"embedding": 0, "label_sizes": (4,), "units": (33, 20, 7)},
]


def make_network(config, *, size=VOCABULARY, seed=1, **options):
    config = ModelConfig(**{"units": (9,), **config})
    generator = np.random.default_rng(seed)
    shapes = [spec.shape for spec in weight_specs(config, size)]
    arrays = [generator.normal(0, 1.5 / shape[0] ** 0.5, shape) for shape in shapes]
    weights = [array.astype(np.float32) for array in arrays]
    return Network(config, size, weights, **options).for_generation()


def draw_ids(*shape, seed=2, size=VOCABULARY):
    return np.random.default_rng(seed).integers(0, size, shape)


def assert_near(actual, expected):
    np.testing.assert_allclose(actual, expected, atol=2e-5, rtol=2e-5)


@pytest.fixture(params=[2_000_000, 0], ids=["float32", "float16"])
def stored(request, monkeypatch):
    monkeypatch.setattr(network_module, "MAX_FLOAT32_PRODUCTS", request.param)
    return request.param


def test_numba_has_what_it_compiled():
    assert load_compiled() is compiled


@pytest.mark.parametrize(
    "damage",
    [
        "sys.modules['numba'] = None",
        "import numba.core.sigutils; del numba.core.sigutils.normalize_signature",
    ],
    ids=["missing", "another version"],
)
def test_there_is_no_compiled_code_without_a_numba_that_textgen_can_use(damage):
    load = "from textgen.sampling.compiled import load_compiled; print(load_compiled())"
    arguments = [sys.executable, "-c", f"import sys; {damage}; {load}"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout, done.stderr) == ("None\n", "")


@pytest.mark.parametrize("options", [{}, {"max_table_numbers": 0}], ids=["table", "embedding"])
@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_rows_are_those_of_numpy(cell, config, options):
    network = make_network({"cell": cell, **config}, **options)
    rows, ours = network.rows(3), CompiledRows(network, 3)
    fields = len(network.config.label_sizes)
    for step, ids in enumerate(draw_ids(12, 3)):
        count = 2 if step % 3 else 3
        assert_near(ours.step(ids[:count]), rows.step(ids[:count]))
        for layer, expected in zip(
            ours.first(2).activations(), rows.first(2).activations(), strict=True
        ):
            if count == 2:
                assert_near(layer, expected)
        for each in (rows, ours):
            if step == 3:
                each.reset(1)
            if step == 5:
                each.move(2, 0)
            if step == 7 and fields:
                each.set_labels(slice(0, 2), np.ones(fields, np.int64))


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_takes_texts_over(cell, config):
    network = make_network({"cell": cell, **config})
    rows, ours = network.rows(2, (3,)), CompiledRows(network, 2, (3,))
    fields = len(network.config.label_sizes)
    rows.set_labels((0, 1), np.ones(fields, np.int64))
    ids = draw_ids(8, 2, 3)
    for step in range(4):
        rows.step(ids[step])
    rows.reset((1, slice(1, 3)))
    ours.take_over(rows)
    for step in range(4, 8):
        assert_near(ours.first(2).step(ids[step]), rows.first(2).step(ids[step]))


@pytest.mark.parametrize("cell", CELLS)
def test_logits_are_the_same_bits_alone_and_with_others(cell, stored):
    network = make_network({"cell": cell, "units": (40, 33), "embedding": 5})
    packed = compiled_weights.pack(network)
    assert bool(len(packed.halves)) == (stored == 0)
    ids = draw_ids(3, 70)
    alone = CompiledRows(network, 1)
    expected = np.empty((3, 70, VOCABULARY), np.float32)
    for text in range(70):
        alone.reset(0)
        for step in range(3):
            expected[step, text] = alone.step(ids[step, text : text + 1])
    for count in range(1, 71):
        rows = CompiledRows(network, count)
        for step in range(3):
            np.testing.assert_array_equal(rows.step(ids[step, :count]), expected[step, :count])


@pytest.mark.parametrize("cell", CELLS)
def test_rounded_weights_are_those_of_a_network_with_them(cell, monkeypatch):
    exact = make_network({"cell": cell, "units": (40, 33), "embedding": 5})
    monkeypatch.setattr(network_module, "MAX_FLOAT32_PRODUCTS", 0)
    network = exact.for_generation()
    assert network.is_half and len(compiled_weights.pack(network).halves)
    rows, expected, near = CompiledRows(network, 9), network.rows(9), exact.rows(9)
    for ids in draw_ids(10, 9):
        logits = rows.step(ids)
        assert_near(logits, expected.step(ids))
        np.testing.assert_allclose(logits, near.step(ids), atol=0.02)


def test_weights_too_large_for_float16_stay(monkeypatch):
    network = make_network({})
    network.weights[-2][0, 0] = 1e5
    monkeypatch.setattr(network_module, "MAX_FLOAT32_PRODUCTS", 0)
    assert network.for_generation() is network


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_scores_are_those_of_steps(cell, config):
    network = make_network({"cell": cell, **config})
    rows, tokens, sizes = 67, 9, network.config.label_sizes
    ids, targets = draw_ids(rows, tokens), draw_ids(rows, tokens, seed=3)
    targets[5, 2:4] = -1
    resets = draw_ids(rows, tokens, seed=4) % 4 == 0
    labels = np.stack([draw_ids(rows, tokens, seed=5) % size for size in sizes] or [ids], -1)
    scorer, parts = CompiledScorer(network, rows + 2), []
    for part in (slice(0, 4), slice(4, tokens)):  # the second continues the first
        arrays = ids[:, part], targets[:, part], resets[:, part]
        parts.append(scorer.score(*arrays, labels[:, part] if sizes else None))
    logs = np.concatenate(parts, axis=1)
    reader = network.reader((rows,))
    for token in range(tokens):
        reader.reset(resets[:, token])
        reader.set_labels(..., labels[:, token])
        expected = log_probabilities(reader.step(ids[:, token]))
        target = targets[:, token]
        assert_near(
            logs[:, token],
            np.where(target < 0, 0, expected[np.arange(rows), np.maximum(target, 0)]),
        )
    alone = CompiledScorer(network, 1)
    some = alone.score(ids[:1], targets[:1], resets[:1], labels[:1] if sizes else None)
    np.testing.assert_array_equal(some, logs[:1])
    np.testing.assert_array_equal(alone.states(1), scorer.states(1))
    scorer.move(1, 0)
    np.testing.assert_array_equal(scorer.states(2)[0], scorer.states(2)[1])


def write_in_python(network, texts, decoding, seeds):
    """What `run` does for one text at a time, with steps and NumPy's chooser."""
    for row in range(len(texts.status)):
        excluded = np.flatnonzero(texts.masks[0]).tolist() if texts.group[row] >= 0 else []
        choose = make_chooser(decoding[row], excluded)
        rows = CompiledRows(network, 1)
        for seed_id in seeds[row]:
            logits = rows.step(np.array([seed_id]))[0]
        written: list[int] = []
        total, position, status = 0.0, 0, RUNNING
        while status == RUNNING:
            possible = logits.copy()
            if texts.is_empty[row] and not written:
                possible[texts.end_id] = -np.inf
            chosen = int(choose(possible[None], texts.numbers[row, position : position + 1])[0])
            position += 1
            if len(written) == texts.max_length[row] and chosen != texts.end_id:
                status = AT_LENGTH
                break
            written.append(chosen)
            total += log_probabilities(logits)[chosen]
            until = texts.until[texts.until_first[row] : texts.until_last[row]]
            ends = [[each for each in text.tolist() if each >= 0] for text in until]
            if (
                chosen == texts.end_id
                or 0 < texts.lines[row] <= written.count(texts.line_end_id)
                or any(written[-len(end) :] == end for end in ends)
            ):
                status = STOPPED
            elif len(written) == texts.max_length[row] and texts.end_id < 0:
                status = AT_LENGTH
            else:
                logits = rows.step(np.array([chosen]))[0]
        yield written, total, status


@pytest.mark.parametrize("end_id", [-1, 3])
@pytest.mark.parametrize("tokens", [1, 7, 1000])
def test_run_is_a_loop_of_steps_and_choices(end_id, tokens):
    network, rows = make_network({"units": (9, 8), "embedding": 5}), 20
    generator = np.random.default_rng(7)
    texts = TextTable(rows, 40, 60, VOCABULARY)
    texts.numbers[:] = generator.random(texts.numbers.shape)
    texts.position[:] = 0
    decoding = [Decoding(0.0 if row % 5 == 0 else row / 10) for row in range(rows)]
    texts.temperature[:] = [each.temperature for each in decoding]
    texts.max_length[:] = generator.integers(1, 40, rows)
    texts.masks = np.zeros((1, VOCABULARY), np.float32)
    texts.masks[0, 10:20] = -np.inf
    texts.group[::2] = 0
    texts.lines[::3], texts.line_end_id, texts.end_id = 2, 6, end_id
    texts.is_empty[::4] = end_id >= 0
    texts.until = np.array([[-1, -1, 30], [-1, 31, 32], [-1, -1, 33]], np.int32)
    texts.until_first[4:9], texts.until_last[4:9] = 1, 3
    texts.has_scores = True
    seeds = [generator.integers(0, VOCABULARY, 1 + row % 3).tolist() for row in range(rows)]
    texts.seed_ids = np.concatenate(seeds).astype(np.int32)
    ends = np.cumsum([len(seed) for seed in seeds])
    texts.seed_end[:] = ends
    texts.seed_position[:] = ends - [len(seed) - 1 for seed in seeds]
    texts.current[:] = [seed[0] for seed in seeds]
    expected = list(write_in_python(network, texts, decoding, seeds))
    texts.status[:] = RUNNING
    reader = CompiledRows(network, rows)
    while (texts.status == RUNNING).any():
        reader.run(texts, tokens)
    for row, (written, total, status) in enumerate(expected):
        assert texts.ids[row, : texts.length[row]].tolist() == written
        assert texts.status[row] == status
        np.testing.assert_allclose(texts.log_probability[row], total, rtol=1e-5)
    assert {status for _, _, status in expected} == {STOPPED, AT_LENGTH}


def test_min_p_leaves_out_unlikely_tokens():
    network = make_network({})
    texts = TextTable(50, 1, 1, VOCABULARY)
    numbers = np.random.default_rng(1).random((50, 1))
    texts.numbers[:], texts.position[:], texts.status[:] = numbers, 0, RUNNING
    texts.max_length[:], texts.min_p[:] = 1, 0.5
    CompiledRows(network, 50).run(texts, 1)
    logits = CompiledRows(network, 1).step(np.array([0]))
    choose = make_chooser(Decoding(1.0, min_p=0.5))
    expected = [int(choose(logits, number)[0]) for number in numbers]
    assert texts.ids[:, 0].tolist() == expected
    assert len(set(expected)) < len(set(numbers.ravel().tolist()))


def test_texts_wait_for_random_numbers_and_room():
    network = make_network({})
    texts, whole = TextTable(3, 4, 3, VOCABULARY), TextTable(3, 100, 100, VOCABULARY)
    numbers = np.random.default_rng(1).random((3, 100))
    whole.numbers[:], whole.position[:], whole.status[:], whole.max_length[:] = numbers, 0, 0, 9
    texts.status[:], texts.max_length[:] = 0, [9, 2, 9]
    CompiledRows(network, 3).run(whole, 1000)
    rows, used = CompiledRows(network, 3), np.zeros(3, np.int64)
    for _ in range(9):
        for row in np.flatnonzero(texts.position == texts.numbers.shape[1]):
            texts.numbers[row] = numbers[row, used[row] : used[row] + 3]
            texts.position[row], used[row] = 0, used[row] + 3
        if (texts.length == texts.ids.shape[1]).any():
            texts.ids = np.concatenate([texts.ids, np.zeros_like(texts.ids)], axis=1)
        rows.run(texts, 1000)
    assert texts.length.tolist() == [9, 2, 9]
    for text, length in enumerate([9, 2, 9]):
        np.testing.assert_array_equal(texts.ids[text, :length], whole.ids[text, :length])
    assert (texts.status == AT_LENGTH).all()
