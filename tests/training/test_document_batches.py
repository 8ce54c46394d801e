"""What a training on documents reads: the fake backend writes it down."""

from collections import Counter
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest

from tests.optional import present
from tests.text.documents.corpora import END, make_documents, split
from tests.training.fake_backend import FakeBackend
from tests.training.test_loop import Recorder, run, stop_after
from textgen.distributed.communicator import JaxCommunicator
from textgen.settings import resolve_settings
from textgen.text.batches import ids_of
from textgen.text.documents.labels import LabelField, Labels
from textgen.text.vocabulary import Vocabulary
from textgen.training import events
from textgen.training.batches import Batches
from textgen.training.data import TrainingData
from textgen.training.fit import StartOptions
from textgen.training.validation import Validator

VOCABULARY = Vocabulary("".join(map(chr, range(65, 65 + END))), has_document_end=True)
OPTIONS = {"units": (3,), "embedding": 2, "batch_size": 4, "maxlen": 10, "epochs": 3}


def settings(labels=False, **changes):
    values = {**OPTIONS, "has_document_end": True, "label_sizes": (9,) if labels else (), **changes}
    return resolve_settings(values)


def text(documents=200, validation=30, labels=False) -> TrainingData:
    lengths = np.random.default_rng(1).integers(6, 20, documents + validation)
    parts = []
    for part in (lengths[:documents], lengths[documents:]):
        label_ids = np.arange(len(part))[:, None] % 8 + 1 if labels else None
        parts.append(make_documents(part, label_ids))
    (train, train_part), (validating, validation_part) = parts
    return TrainingData(train, validating, VOCABULARY, train_part, validation_part)


def read_epochs(batches: Batches, epochs: int):
    """Inputs of each epoch."""
    steps = batches.after(0)
    return [
        [batch.inputs for batch in islice(steps, batches.steps_per_epoch)] for _ in range(epochs)
    ]


def streams_of(epoch) -> list[np.ndarray]:
    return list(np.concatenate([ids_of(inputs) for inputs in epoch], axis=1))


def test_an_epoch_reads_every_token_once_but_less_than_a_batch():
    data = text()
    batches = Batches(data, settings(), FakeBackend())
    epochs = [streams_of(epoch) for epoch in read_epochs(batches, 3)]
    inside = Counter(split(data.train))
    for rows in epochs:
        read = sum(row.size for row in rows)
        assert len(data.train) - read <= 4 * 10 + 1
        # Whole documents of the rows are documents of the corpus, none of them twice.
        documents = Counter(document for row in rows for document in split(row))
        assert not documents - inside and documents.total() > 180
        assert all(row[0] == END for row in rows[:1])


def test_each_epoch_has_another_order_that_follows_from_the_random_seed():
    epochs, again, other = (
        read_epochs(Batches(text(), settings(random_seed=seed), FakeBackend()), 2)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(epochs, again)
    first, second = epochs
    assert not np.array_equal(first, second) and not np.array_equal(epochs, other)
    assert sorted(split(streams_of(first)[0])) != sorted(split(streams_of(second)[0]))


@pytest.mark.parametrize("carry_state", [True, False])
def test_processes_read_parts_of_the_same_batches(carry_state):
    chosen = settings(labels=True, carry_state=carry_state, noise=0.1)
    whole = Batches(text(labels=True), chosen, FakeBackend()).after(3)
    parts = []
    for index in range(2):
        backend = FakeBackend()
        backend.communicator = JaxCommunicator(index, 2)
        parts.append(Batches(text(labels=True), chosen, backend).after(3))
    for batch, *rest in islice(zip(whole, *parts, strict=False), 60):
        np.testing.assert_array_equal(
            batch.inputs, np.concatenate([part.inputs for part in rest], axis=1)
        )
        np.testing.assert_array_equal(
            batch.targets, np.concatenate([part.targets for part in rest])
        )


def test_labels_are_read_with_their_documents_and_some_documents_without():
    data = text(documents=2000, labels=True)
    labels_of = present(data.documents).label_ids[:, 0].tolist()
    by_document = dict(zip(split(data.train), labels_of, strict=True))
    batches = Batches(data, settings(labels=True), FakeBackend())
    without = []
    for epoch in read_epochs(batches, 2):
        dropped = set()
        ids, labels = (np.concatenate(arrays, axis=1) for arrays in zip(*epoch, strict=True))
        documents = 0
        for row, row_labels in zip(ids, labels, strict=True):
            for first, last in pairwise(np.flatnonzero(row == END)):
                (label,) = set(row_labels[first:last].tolist())
                document = tuple(row[first + 1 : last].tolist())
                assert label in (0, by_document[document])
                documents += 1
                if not label:
                    dropped.add(document)
        assert 0.07 < len(dropped) / documents < 0.13
        without.append(dropped)
    assert len(without[0] & without[1]) < len(without[0]) / 3  # others in each epoch


def test_noise_changes_no_end():
    plain, noisy = (
        read_epochs(Batches(text(), settings(noise=noise), FakeBackend()), 1)[0]
        for noise in (0.0, 0.3)
    )
    for x, with_noise in zip(plain, noisy, strict=True):
        np.testing.assert_array_equal(with_noise == END, x == END)
    assert 0.2 < np.mean([(x != y).mean() for x, y in zip(plain, noisy, strict=True)]) < 0.3


@pytest.mark.parametrize("changes", [{}, {"noise": 0.1}, {"carry_state": False, "step": 2}])
@pytest.mark.parametrize("labels", [False, True])
def test_a_resumed_training_equals_an_uninterrupted_one(changes, labels):
    chosen, data = settings(labels=labels, sample_length=0, **changes), text(labels=labels)
    whole, _ = run(chosen, text=data)
    for steps in (1, whole.batches.steps_per_epoch + 7):
        _, stopped = run(chosen, recorder=Recorder(stop_after(steps)), text=data)
        rest, _ = run(chosen, start=StartOptions(snapshot=stopped.snapshots[-1]), text=data)
        for array, other in zip(whole.model.weights(), rest.model.weights(), strict=True):
            np.testing.assert_array_equal(array, other)


@pytest.mark.parametrize("carry_state", [True, False])
@pytest.mark.parametrize("documents", [1, 3, 40])
def test_every_token_of_the_validation_documents_is_predicted_with_its_label(
    carry_state, documents
):
    data = text(validation=documents, labels=True)
    chosen = settings(labels=True, carry_state=carry_state, step=1, targets="sequence")
    validator = Validator(data.validation_part, chosen, VOCABULARY, FakeBackend())
    seen: Counter[tuple[int, int]] = Counter()
    for x, y, weight in validator._batches():
        for row, labels, targets, counts in zip(*x, y, weight, strict=True):
            assert row.shape == labels.shape
            if carry_state:
                seen.update(
                    zip(labels[counts > 0].tolist(), targets[counts > 0].tolist(), strict=True)
                )
            elif counts.all():
                seen[int(labels[-1]), int(targets[-1])] += 1
    part = present(data.validation_documents)
    expected: Counter[tuple[int, int]] = Counter()
    for number, (first, last) in enumerate(pairwise(part.starts.tolist())):
        label = int(part.label_ids[number, 0])
        expected.update((label, token) for token in data.validation[first:last].tolist())
    assert seen == expected


def test_samples_are_documents_from_their_start():
    _, recorder = run(settings(sample_length=30), text=text())
    for kind, validations in ((events.Sample, 3), (events.EarlySample, 3)):
        samples = recorder.of(kind)
        assert validations <= len(samples) <= 4 * validations
        assert all(sample.seed == "" and len(sample.text) <= 30 for sample in samples)
        assert len({sample.text for sample in samples}) >= validations  # another one each time
    labels = Labels((LabelField("genre", tuple("abcdefgh"), (25,) * 8),), (((3,), 1),))
    data = replace(text(labels=True), labels=labels)
    _, recorder = run(settings(labels=True, sample_length=30), text=data)
    assert {sample.labels["genre"] for sample in recorder.of(events.Sample)} == {"c"}


def test_a_model_of_documents_has_no_seeds():
    loop, recorder = run(settings(sample_length=0), text=text())
    assert loop.seeds == () and not recorder.of(events.Sample)


@pytest.mark.parametrize("changes", [{}, {"carry_state": False}, {"targets": "last"}])
def test_a_few_short_documents_are_enough(changes):
    data = text(documents=3, validation=1)
    loop, recorder = run(settings(batch_size=1, sample_length=5, **changes), text=data)
    assert loop.state.steps >= 3
    assert all(event.validation_loss is not None for event in recorder.of(events.Validated))
