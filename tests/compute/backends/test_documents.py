"""Training on documents in one stream: as if each were read alone by the model that is saved."""

import keras
import numpy as np
import pytest

from tests.compute.here import CPU, GPU, ON, backend
from textgen.compute.backend import Precision
from textgen.model.build import RECURRENT, build_model
from textgen.model.initial_weights import initial_weights
from textgen.settings import resolve_settings

ROWS, MAXLEN, SIZE = 4, 7, 6
END = SIZE - 1


def resolve(cell, targets, labels, **options):
    return resolve_settings(
        {
            "cell": cell,
            "units": (7, 5),
            "embedding": 3,
            "has_document_end": True,
            "label_sizes": labels,
            "targets": targets,
            "batch_size": ROWS,
            "maxlen": MAXLEN,
            "dropout": 0.0,
            "optimizer": "sgd",
            "schedule": "constant",
            "weight_decay": 0.0,
            "clip_norm": 0.0,
            "epochs": 1,
            **options,
        }
    )


def draw_weights(settings):
    """Initial weights, but with embeddings from which there is more to learn."""
    weights = initial_weights(settings.model, SIZE, np.random.default_rng(1))
    embeddings = 1 + len(settings.model.label_sizes)
    return [20 * array for array in weights[:embeddings]] + weights[embeddings:]


def draw_batches(count, labels):
    """Streams of documents; each row of the first batch begins with the start of a document.

    Returns:
        Inputs, a list with those of labels; targets; and for each token which document of its row
        it belongs to: each of shape (count, ROWS, MAXLEN).
    """
    generator = np.random.default_rng(1)
    length = count * MAXLEN + 1
    streams = generator.integers(0, END, (ROWS, length))
    streams[generator.random((ROWS, length)) < 0.3] = END
    streams[:, 0] = END
    streams[0, 1:] = 0  # one long document
    documents = np.cumsum(streams[:, :-1] == END, axis=1)
    inputs = [streams[:, :-1]]
    for size in labels:
        inputs.append(np.take_along_axis(generator.integers(0, size, (ROWS, length)), documents, 1))

    def cut(array):
        return np.moveaxis(array.reshape(ROWS, count, MAXLEN), 1, 0).astype(np.int32)

    return [cut(array) for array in inputs], cut(streams[:, 1:]), cut(documents)


def as_inputs(arrays):
    return arrays if len(arrays) > 1 else arrays[0]


def compiled(settings, device, rows):
    """A network with the weights of `draw_weights`, and its steps."""
    here = backend(device)
    precision = here.precision("float32", settings.model.cell)
    network = here.build_network(settings, SIZE, precision, rows)
    network.set_weights(draw_weights(settings))
    return network, here.compile_network(network, settings.training, precision)


def stock_model(settings, targets="sequence"):
    model = build_model(settings.model, SIZE, targets)
    model.set_weights(draw_weights(settings))
    return model


def pieces(documents):
    """The row and the places of each document of a batch."""
    for row, numbers in enumerate(documents):
        for number in np.unique(numbers):
            yield row, np.flatnonzero(numbers == number)


def put_apart(documents, *arrays):
    """Arrays of the shape of `documents`, with each document at the start of a row of its own.

    The rest of each row is filled with zeros: one shape, for which Keras compiles once.
    """
    places_of = [*pieces(documents)]
    apart = [np.zeros((len(places_of), documents.shape[1]), array.dtype) for array in arrays]
    for number, (row, places) in enumerate(places_of):
        for array, result in zip(arrays, apart, strict=True):
            result[number, : len(places)] = array[row, places]
    return apart


def log_probabilities(model, inputs, targets, documents):
    """Those of the targets, each document read alone: of the shape of `documents`."""
    *apart, y = put_apart(documents, *inputs, targets)
    odds = np.take_along_axis(model.predict_on_batch(as_inputs(apart)), y[..., None], 2)
    result = np.zeros(documents.shape)
    for number, (row, places) in enumerate(pieces(documents)):
        result[row, places] = np.log(odds[number, : len(places), 0])
    return result


@pytest.mark.parametrize(
    ("device", "labels"),
    [(CPU, (3, 2)), (GPU, ())],
    ids=lambda value: getattr(value, "kind", None),
)
@pytest.mark.parametrize("cell", RECURRENT)
def test_losses_of_streams_are_those_of_whole_documents(cell, labels, device):
    """State is carried from batch to batch, but not from document to document."""
    settings = resolve(cell, "sequence", labels)
    _, steps = compiled(settings, device, ROWS)
    inputs, targets, documents = draw_batches(3, labels)
    losses = []
    for number in range(3):
        x = as_inputs([array[number] for array in inputs])
        losses.append(float(steps.begin(x, targets[number], 0.0)))
    steps.settle()

    def joined(array):
        return np.concatenate(array, axis=1)

    logprobs = log_probabilities(
        stock_model(settings), [*map(joined, inputs)], joined(targets), joined(documents)
    )
    expected = [-part.mean() for part in np.split(logprobs, 3, axis=1)]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


# Labels are added before the first layer, whatever the device and the targets.
@pytest.mark.parametrize(
    ("cell", "device", "targets", "labels"),
    [
        ("lstm", CPU, "sequence", (3, 2)),
        ("lstm", GPU, "sequence", ()),
        ("lstm", CPU, "last", ()),
        ("gru", CPU, "sequence", ()),
        ("gru", GPU, "last", (3,)),
        ("rnn", CPU, "sequence", ()),
        ("rnn", GPU, "last", ()),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_it_learns_what_it_would_learn_from_each_document_alone(cell, targets, labels, device):
    """No gradient flows from one to another: weights after a step of gradient descent."""
    settings = resolve(cell, targets, labels, carry_state=False)
    network, steps = compiled(settings, device, None)
    stock, rate = stock_model(settings, targets), 1.0
    count = ROWS if targets == "last" else ROWS * MAXLEN
    stock.compile(
        keras.optimizers.SGD(rate / count),
        keras.losses.SparseCategoricalCrossentropy(reduction="sum"),
    )
    batches, wanted, documents = draw_batches(1, labels)
    inputs, wanted, documents = [array[0] for array in batches], wanted[0], documents[0]
    y = wanted[:, -1] if targets == "last" else wanted
    loss = float(steps.begin(as_inputs(inputs), y, rate))
    steps.settle()
    weights, total = stock.get_weights(), 0.0
    if targets == "sequence":
        *apart, apart_y, counted = put_apart(documents, *inputs, y, np.ones(y.shape, np.float32))
        total = float(stock.train_on_batch(as_inputs(apart), apart_y, counted)) / count
        after = stock.get_weights()
    else:  # the last document of each row
        after = [array.copy() for array in weights]
        for row, places in pieces(documents):
            if places[-1] != MAXLEN - 1:
                continue
            stock.set_weights(weights)
            x = as_inputs([array[row : row + 1, places] for array in inputs])
            total += float(stock.train_on_batch(x, y[row : row + 1])) / count
            for array, new, old in zip(after, stock.get_weights(), weights, strict=True):
                array += new - old
    assert loss == pytest.approx(total, rel=1e-5)
    for ours, theirs, first in zip(network.get_weights(), after, weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
        assert np.abs(ours - first).max() > 1e-3


@pytest.mark.parametrize(
    ("name", "device"),
    [("float32", CPU), ("bfloat16", CPU), ("float16", GPU)],
    ids=lambda value: getattr(value, "kind", None),
)
@pytest.mark.parametrize("cell", RECURRENT)
def test_a_document_does_not_depend_on_the_one_before(cell, name, device):
    """In all precisions, with weights that are left out; the state after it neither."""
    settings = resolve(cell, "sequence", (), drop_connect=0.3)
    (x, *_), y, _ = draw_batches(1, ())
    x, y = x[0], y[0]
    x[:, 4] = END
    other = x.copy()
    other[:, 1:4] = (x[:, 1:4] + 1) % END
    results = []
    for ids in (x, other):
        keras.utils.set_random_seed(1)
        here = backend(device)
        network = here.build_network(settings, SIZE, here.precision(name, cell), ROWS)
        network.set_weights(draw_weights(settings))
        logits = network(ids, training=True)
        states = [
            state for layer in network.layers for state in getattr(layer, "states", None) or ()
        ]
        results.append([keras.ops.convert_to_numpy(array) for array in (logits, *states)])
    (first, *states), (second, *others) = results
    np.testing.assert_allclose(second[:, 4:], first[:, 4:], atol=1e-6)
    assert np.abs(second[:, 1:4] - first[:, 1:4]).max() > 1e-3
    for state, same in zip(states, others, strict=True):
        np.testing.assert_allclose(same, state, atol=1e-6)


def test_an_evaluator_reads_documents_with_their_labels():
    settings = resolve("lstm", "sequence", (3, 2))
    weights = draw_weights(settings)
    inputs, targets, documents = draw_batches(1, (3, 2))
    evaluator = backend().create_evaluator(settings, SIZE, ROWS)
    evaluator.set_weights(weights)
    weight = np.ones((ROWS, MAXLEN), np.float32)
    loss = evaluator.total_loss([array[0] for array in inputs], targets[0], weight)
    first = [array[0] for array in inputs]
    logprobs = log_probabilities(stock_model(settings), first, targets[0], documents[0])
    assert loss == pytest.approx(-logprobs.sum(), rel=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_trainer_takes_labels_on_every_device(cell):
    settings = resolve(cell, "sequence", (3, 2))
    weights = draw_weights(settings)
    inputs, targets, _ = draw_batches(1, (3, 2))
    batch = [array[0] for array in inputs], targets[0], np.ones((ROWS, MAXLEN), np.float32)
    for device in (CPU, GPU):
        here = backend(device)
        with here.session(), here.seeded(1):
            precision = here.precision("float32", cell)
            assert here.step_seconds(settings, SIZE, precision, batch) > 0
            trainer = here.create_trainer(settings, SIZE, precision, ROWS, weights)
            float(trainer.step(*batch[:2], 0.1))
            trainer.settle()
        stock = Precision("float32", recurrent=RECURRENT[cell])
        continuous = resolve(cell, "sequence", (), has_document_end=False)
        assert trainer.no_cudnn_reason == here.why_no_cudnn(
            here.build_network(continuous, SIZE, stock, ROWS),
            np.zeros((ROWS, MAXLEN), np.int32),
            cell,
        ) or (ON == "torch" and cell == "lstm")
