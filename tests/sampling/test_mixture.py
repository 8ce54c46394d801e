"""Several networks that predict as one: the probabilities, the weights and what is read."""

import numpy as np
import pytest

from tests.sampling.test_sampler import random_network
from textgen.sampling.batch_sizes import find_batch_sizes
from textgen.sampling.context import NetworkPredictor
from textgen.sampling.decoding import log_probabilities, probabilities
from textgen.sampling.mixture import Member, Mixture, Ramp, Weights

ALL = np.arange(8)
IDS = np.array([[3, 1, 4, 1, 5, 2, 6, 5], [0, 7, 7, 2, 3, 1, 6, 2]])


def member(seed=0, window=None, reads=ALL, knows=ALL, **options):
    network = random_network(seed=seed, size=len(knows), **options)
    return Member(NetworkPredictor(network, window), np.array(reads), np.array(knows))


def mixture(*members, start=(0.25, 0.75), end=None, by="probabilities", size=8):
    lengths = np.ones(size, np.int64)
    return Mixture(members, Weights(start, end or start, by), lengths)


def read(predictor, ids):
    """The logits after each of some ids, shape (tokens, vocabulary)."""
    reader = predictor.reader(())
    return np.array([reader.step(number).copy() for number in ids.tolist()])


@pytest.mark.parametrize("by", ["probabilities", "logits"])
def test_a_mixture_is_a_weighted_mean_of_members_with_their_own_contexts(by):
    members = member(seed=1), member(seed=2, window=3)
    mixed = read(mixture(*members, by=by), IDS[0])
    each = [read(one.predictor, IDS[0]) for one in members]
    if by == "probabilities":
        expected = 0.25 * probabilities(each[0]) + 0.75 * probabilities(each[1])
    else:
        expected = probabilities(0.25 * each[0].astype(float) + 0.75 * each[1].astype(float))
    assert mixed.dtype == np.float32
    assert np.abs(np.exp(mixed.astype(float)) - expected).max() < 1e-6


@pytest.mark.parametrize("by", ["probabilities", "logits"])
@pytest.mark.parametrize("window", [None, 3])
def test_a_mixture_of_a_model_with_itself_is_the_model(by, window):
    one = member(window=window)
    mixed = read(mixture(one, one, start=(0.3, 0.7), by=by), IDS[0])
    expected = probabilities(read(one.predictor, IDS[0]))
    assert np.abs(np.exp(mixed.astype(float)) - expected).max() < 1e-6


@pytest.mark.parametrize("by", ["probabilities", "logits"])
def test_rows_predict_as_a_reader_wherever_a_text_is(by):
    members = member(seed=1), member(seed=2, window=3)
    mixed = mixture(*members, start=(1, 0), end=(0.2, 0.8), by=by)
    rows, alone = mixed.rows(3), [mixed.reader(()), mixed.reader((2,))]
    rows.reset(slice(None))
    rows.schedule(0, [1], 6)
    rows.schedule(1, [1, 2], 4)
    alone[0].schedule((), [1, 2], 4)
    for number in (1, 2):
        actual = rows.step(np.array([0, number]))[1]
        np.testing.assert_allclose(actual, alone[0].step(number), atol=1e-5)
    rows.move(1, 0)
    for number in (4, 5, 6):
        actual = rows.step(np.array([number]))[0]
        np.testing.assert_allclose(actual, alone[0].step(number), atol=1e-5)
    rows.reset(0)
    alone[1].step(np.array([3, 3]))
    alone[1].reset(0)
    actual, expected = rows.step(np.array([7]))[0], alone[1].step(np.array([7, 3]))[0]
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_a_token_that_only_one_member_knows_has_its_share_of_that_member():
    both = np.array([0, 1, 2])
    some = member(seed=1, reads=(0, 1, 1, 1), knows=(0, 1))
    others = member(seed=2, reads=(0, 2, 1, 2), knows=(0, 2, 3))
    mixed = mixture(some, others, size=4)
    logs = read(mixed, both)
    first, second = read(some.predictor, both[[0, 1, 1]]), read(others.predictor, both[[0, 2, 1]])
    expected = np.zeros((3, 4))
    expected[:, [0, 1]] += 0.25 * probabilities(first)
    expected[:, [0, 2, 3]] += 0.75 * probabilities(second)
    assert np.abs(np.exp(logs.astype(float)) - expected).max() < 1e-6
    assert np.abs(expected.sum(axis=1) - 1).max() < 1e-12


def test_mixed_logits_leave_what_all_members_know():
    some, others = member(1, None, (0, 1, 1, 1), (0, 1)), member(2, None, (0, 2, 1, 2), (0, 2, 3))
    logs = read(mixture(some, others, by="logits", size=4), np.array([0, 1]))
    assert np.isneginf(logs[:, 1:]).all() and (logs[:, 0] == 0).all()


@pytest.mark.parametrize("by", ["probabilities", "logits"])
def test_a_member_without_weight_takes_nothing_away(by):
    some, others = member(1, None, (0, 1, 1, 1), (0, 1)), member(2, None, (0, 2, 1, 2), (0, 2, 3))
    mixed = mixture(some, others, start=(1, 0), end=(0, 1), by=by, size=4)
    expected = log_probabilities(read(some.predictor, np.array([0, 1])))
    logs = read(mixed, np.array([0, 1]))  # not scheduled: the weights of the start
    assert np.abs(logs[:, :2] - expected).max() < 1e-6 and np.isneginf(logs[:, 2:]).all()


def test_labels_are_read_by_the_members_that_have_them():
    network = random_network(label_sizes=(3,))
    labelled = Member(NetworkPredictor(network), ALL, ALL, has_labels=True)
    mixed, alone = mixture(labelled, member(seed=1), start=(0.5, 0.5)), network.reader(())
    alone.set_labels((), [2])
    expected = 0.5 * probabilities(alone.step(3))
    expected += 0.5 * probabilities(member(seed=1).predictor.reader(()).step(3))
    reader, rows = mixed.reader(()), mixed.rows(2)
    reader.set_labels((), [2])
    rows.set_labels(1, [2])
    for logs in (reader.step(3), rows.step(np.array([0, 3]))[1]):
        assert np.abs(np.exp(logs.astype(float)) - expected).max() < 1e-6


def test_activations_are_those_of_all_members():
    reader = mixture(member(seed=1), member(seed=2, window=3)).reader(())
    reader.step(1)
    assert [layer.shape for layer in reader.activations()] == [(6,), (5,), (6,), (5,)]


def test_some_numbers_of_rows_give_the_same_logits():
    rows = mixture(member(seed=1), member(seed=2, window=3), end=(1, 0)).rows(8)
    assert find_batch_sizes(rows, 8)[-1] == 8


def weight(ramp, number=0):
    """The weight of a member after the next token of one text."""
    return float(np.squeeze(ramp.read(0)[number]))


def test_weights_change_from_the_first_character_after_the_seed_to_the_last_one():
    ramp = Ramp(Weights((1, 0), (0, 1)), np.ones(4, np.int64), ())
    ramp.schedule((), [0, 0], 5)
    first = [weight(ramp) for _ in range(8)]
    assert first == [1, 1, 0.75, 0.5, 0.25, 0, 0, 0]
    ramp.reset(())
    assert [weight(ramp) for _ in range(3)] == [1, 1, 1]


def test_weights_change_by_the_characters_of_subwords():
    ramp = Ramp(Weights((1, 0), (0, 1)), np.array([1, 2]), (2,))
    ramp.schedule([0, 1], [1], 5)
    assert [np.ravel(ramp.read(np.array([1, 1]))[1]).tolist() for _ in range(3)] == [
        [0, 0],
        [0.5, 0.5],
        [1, 1],
    ]


def test_weights_of_documents_change_over_a_usual_document():
    ramp = Ramp(Weights((1, 0), (0, 1), document_length=3), np.ones(4, np.int64), ())
    ramp.schedule((), [0], 10_000)
    assert [weight(ramp, 1) for _ in range(4)] == [0, 0.5, 1, 1]


def test_a_text_of_one_character_has_the_weights_of_the_start():
    ramp = Ramp(Weights((1, 0), (0, 1)), np.ones(4, np.int64), ())
    ramp.schedule((), [0], 1)
    assert weight(ramp) == 1
