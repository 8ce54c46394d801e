"""Training with Keras, small and real."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice
from typing import Any

import keras
import numpy as np
import pytest

from benchmarks import min_char_rnn
from tests.compute.here import backend
from textgen.api import train
from textgen.compute.backends.keras_backend import KerasBackend
from textgen.compute.backends.keras_networks import KerasTrainer
from textgen.errors import (
    CorpusError,
    OutputError,
    PreparedError,
    SettingsError,
    TrainingError,
    UsageError,
)
from textgen.model import model_dir
from textgen.sampling.context import carried_reader, window_reader
from textgen.sampling.network import Network
from textgen.settings import resolve_settings
from textgen.text.batches import ids_of
from textgen.text.prepare import prepare
from textgen.text.prepared import open_prepared
from textgen.text.sources import Source, find_sources
from textgen.text.streams import Streams
from textgen.text.vocabulary import Vocabulary
from textgen.text.windows import Windows
from textgen.training import device_speed, events
from textgen.training.batches import Batches
from textgen.training.data import TrainingData
from textgen.training.fit import Hooks, StartOptions, fit
from textgen.training.job import Job
from textgen.training.pipeline import run_job

QUICK: dict[str, Any] = {"units": (8,), "embedding": 4, "maxlen": 10, "batch_size": 8, "epochs": 1}


def run(path, directory, options=None, **more):
    received: list[events.Event] = []
    finished = train(
        [str(path)],
        model=directory,
        on_event=received.append,
        **{**QUICK, **(options or {}), **more},
    )
    return finished, received


def network_of(directory):
    """The saved model in NumPy, its vocabulary and settings."""
    record = model_dir.read_model(directory).record
    saved = keras.models.load_model(directory / "model.keras")
    config = record.settings.model
    return Network(config, record.vocabulary.size, saved.get_weights()), record


def nats(logits, ids):
    logits = logits.astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(ids)), ids]


@pytest.mark.parametrize(
    "options",
    [
        {"cell": "gru", "units": (8, 6), "targets": "last", "optimizer": "rmsprop"},
        {"cell": "rnn", "carry_state": False, "optimizer": "sgd", "schedule": "constant"},
        {"cell": "gru", "optimizer": "adam", "clip_value": 1.0, "validation": 0.0},
        {"embedding": 0, "optimizer": "adagrad"},
        {"precision": "bfloat16", "units": (8, 6)},
    ],
)
def test_every_kind_of_model_trains_is_saved_and_writes(tmp_path, corpus, options):
    options |= {"dropout": 0.1, "min_count": 100}
    finished, received = run(corpus, tmp_path / "model", options)
    assert finished.reason == "done" and finished.best_epoch == 1
    (done,) = (event for event in received if isinstance(event, events.Validated))
    assert (done.validation_loss is None) == (options.get("validation") == 0)
    sampler = model_dir.load(tmp_path / "model")
    assert len(sampler.generate(None, length=50, temperature=1.0, random_seed=3)) > 50


def test_training_learns(trained):
    history = json.loads((trained / "history.json").read_text())["epochs"]
    assert history[0]["validation_loss"] > 2.5
    # Single characters of this text have 3.0 nats; a network that learned words has less.
    assert history[-1]["validation_loss"] < 1.2
    assert history[-1]["loss"] < 1.2


def test_the_best_model_is_saved_and_its_loss_reported(tmp_path, corpus):
    """A rate far too high makes some epochs worse; the saved weights are still the best ones."""
    options: dict[str, Any] = {
        "epochs": 12,
        "learning_rate": 3.0,
        "schedule": "constant",
        "clip_norm": 0.0,
    }
    for seed in range(5):  # by chance, the last epoch may be the best
        chosen = {**options, "optimizer": "adam", "random_seed": seed}
        finished, received = run(corpus, tmp_path / "model", chosen, force=True)
        by_epoch = [
            event.validation_loss or 0.0
            for event in received
            if isinstance(event, events.Validated)
        ]
        assert finished.best_loss == min(by_epoch)
        assert finished.best_epoch == 1 + by_epoch.index(min(by_epoch))
        if finished.best_epoch < len(by_epoch):
            break
    assert finished.best_epoch < len(by_epoch)
    assert by_epoch != sorted(by_epoch, reverse=True)
    network, _ = network_of(tmp_path / "model")
    ids = open_prepared(tmp_path / "model/cache").split(0.1)[1]
    rows = (len(ids) - 1) // (4 * 10)
    step = carried_reader(network, (rows,)).step
    total = count = 0.0
    for inputs, y, weights in Streams(ids, rows, 10).all_batches(lead=10):
        x = ids_of(inputs)
        for column in range(10):
            total += float((nats(step(x[:, column]), y[:, column]) * weights[:, column]).sum())
        count += weights.sum()
    assert count == len(ids) - 1
    assert finished.best_loss == pytest.approx(total / count, abs=1e-4)


def test_validation_over_windows_counts_every_window(trained_on_windows):
    network, record = network_of(trained_on_windows)
    ids = open_prepared(trained_on_windows / "cache").split(0.1)[1]
    cut = Windows(ids, 12, 3, "last")
    x, y = cut.take(np.arange(len(cut)))
    step = window_reader(network, 12, (len(x),)).step
    for column in x.T:
        logits = step(column)
    epochs = record.history["epochs"]
    best = min(epoch["validation_loss"] for epoch in epochs)
    assert best == pytest.approx(float(nats(logits, y).mean()), abs=1e-4)


def test_the_same_random_seed_gives_the_same_weights(tmp_path, corpus):
    weights = []
    for number, seed in enumerate((5, 5, 6)):
        run(corpus, tmp_path / str(number), {"random_seed": seed, "dropout": 0.3})
        saved = keras.models.load_model(tmp_path / str(number) / "model.keras")
        weights.append(b"".join(array.tobytes() for array in saved.get_weights()))
    assert weights[0] == weights[1] != weights[2]


def test_losses_that_are_read_a_step_later_change_nothing(tmp_path, corpus, monkeypatch):
    """As on a GPU with JAX: the same steps, reported in the same order, and the same model."""
    results = []
    for name in ("at once", "later"):
        _, received = run(corpus, tmp_path / name, {"epochs": 2, "dropout": 0.3})
        steps = [
            (event.epoch, event.loss, event.characters)
            for event in received
            if isinstance(event, events.StepDone)
        ]
        losses = [event.loss for event in received if isinstance(event, events.Validated)]
        history = model_dir.read_model(tmp_path / name).record.history["steps"]
        saved = keras.models.load_model(tmp_path / name / "model.keras").get_weights()
        results.append((steps, losses, history, [array.tobytes() for array in saved]))
        one_ahead = property(lambda _: 1, lambda *_: None)
        monkeypatch.setattr(KerasTrainer, "steps_ahead", one_ahead, raising=False)
    assert results[0] == results[1] and len(results[0][0]) > 10
    options, calls = {"epochs": 2, "dropout": 0.3}, iter(range(100))
    stopped, _ = run(corpus, tmp_path / "parts", options, stop=lambda: next(calls) == 15)
    assert stopped.reason == "stopped" and run(corpus, tmp_path / "parts", options)
    saved = keras.models.load_model(tmp_path / "parts" / "model.keras").get_weights()
    assert [array.tobytes() for array in saved] == results[0][-1]


def test_a_precision_that_was_chosen_with_the_pace_is_trained_in(tmp_path, corpus, monkeypatch):
    monkeypatch.setattr(device_speed, "adapt", lambda settings, *_: (settings, "bfloat16"))
    options: dict[str, Any] = {**QUICK, "time": 30.0, "sample_length": 0}
    del options["epochs"], options["units"]
    received: list[events.Event] = []
    stop = lambda: len(received) > 3  # noqa: E731
    train([str(corpus)], model=tmp_path / "model", on_event=received.append, stop=stop, **options)
    (started,) = (event for event in received if isinstance(event, events.TrainingStarted))
    assert started.precision == "bfloat16"


@pytest.mark.parametrize("carry_state", [True, False])
def test_noise_is_in_what_is_read_and_not_in_what_is_to_be_predicted(carry_state):
    ids = np.arange(4000, dtype=np.uint16)
    text = TrainingData(ids, ids[:0], Vocabulary("ab"))
    options = {"epochs": 1, "batch_size": 8, "maxlen": 40, "carry_state": carry_state}
    plain, noisy = (
        islice(
            Batches(text, resolve_settings({**options, "noise": noise}), backend()).after(0),
            5,
        )
        for noise in (0.0, 0.3)
    )
    for batch, with_noise in zip(plain, noisy, strict=True):
        np.testing.assert_array_equal(with_noise.targets, batch.targets)
        assert 0.15 < np.mean(with_noise.inputs != batch.inputs) < 0.45


def test_patience_ends_training(tmp_path, corpus):
    options: dict[str, Any] = {
        "epochs": 50,
        "learning_rate": 1e-12,
        "schedule": "constant",
        "patience": 2,
    }
    finished, received = run(corpus, tmp_path / "model", {**options, "optimizer": "sgd"})
    epochs = [event for event in received if isinstance(event, events.Validated)]
    assert finished.reason == "patience"
    assert len(epochs) == finished.best_epoch + 2 < 50


def test_stopping_ends_the_epoch_and_saves_the_model(tmp_path, corpus):
    steps = 0

    def stop() -> bool:
        nonlocal steps
        steps += 1
        return steps == 3

    finished, received = run(corpus, tmp_path / "model", {"epochs": 9}, stop=stop)
    assert finished.reason == "stopped"
    assert len([event for event in received if isinstance(event, events.StepDone)]) == 3
    assert model_dir.load(tmp_path / "model").generate("T", length=5)


def test_a_loss_that_is_not_a_number_stops_and_what_was_saved_stays(tmp_path, corpus):
    run(corpus, tmp_path / "model")
    before = (tmp_path / "model/model.keras").read_bytes()
    options: dict[str, Any] = {
        "learning_rate": 3e38,
        "schedule": "constant",
        "optimizer": "sgd",
        "clip_norm": 0.0,
    }
    with pytest.raises(TrainingError, match="--force and a --learning-rate below"):
        run(corpus, tmp_path / "model", {**options, "epochs": 3}, force=True)
    assert (tmp_path / "model/model.keras").read_bytes() == before


def test_keras_loads_the_model_where_textgen_is_not_installed(tmp_path, trained, text):
    """Stock layers only, and on real text the probabilities of the NumPy network."""
    script = tmp_path / "elsewhere.py"
    script.write_text(
        "import sys, keras, numpy as np\n"
        "assert not any('textgen' in name for name in sys.modules)\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "np.save(sys.argv[3], model.predict_on_batch(np.load(sys.argv[2])))\n"
    )
    network, record = network_of(trained)
    ids = record.vocabulary.encode(text[1000:1400])
    np.save(tmp_path / "ids.npy", ids[None].astype(np.int32))
    arguments = [trained / "model.keras", tmp_path / "ids.npy", tmp_path / "out.npy"]
    subprocess.run(
        [sys.executable, "-I", script, *arguments], check=True, cwd=tmp_path, capture_output=True
    )
    expected = np.log(np.load(tmp_path / "out.npy")[0])
    step = carried_reader(network, (1,)).step
    for place, number in enumerate(ids):
        logits = step(np.array([number]))[0]
        logprobs = logits - np.log(np.exp(logits).sum())
        np.testing.assert_allclose(logprobs, expected[place], atol=1e-5)


def test_greedy_text_is_what_rereading_the_window_with_keras_gives(trained_on_windows):
    sampler = model_dir.load(trained_on_windows)
    saved = keras.models.load_model(trained_on_windows / "model.keras")
    text = sampler.generate("The", length=2000, temperature=0)
    ids = sampler.vocabulary.encode(text).astype(np.int32)
    # What is likeliest after each window of the text: where that is always its next character,
    # reading the window again for each character writes the same text.
    growing = [int(saved.predict_on_batch(ids[None, :end])[0].argmax()) for end in range(3, 12)]
    whole = np.lib.stride_tricks.sliding_window_view(ids[:-1], 12)
    likeliest = np.asarray(saved.predict_on_batch(whole)).argmax(axis=1)
    np.testing.assert_array_equal([*growing, *likeliest], ids[3:])
    assert len(set(text)) > 5


@pytest.fixture
def float64(monkeypatch):
    monkeypatch.setattr(KerasBackend, "has_own_kernel", False)  # textgen's layers are in float32
    usual = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(usual[0])
    keras.config.set_dtype_policy(usual[1])


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="float64 throughout on TensorFlow alone"
)
def test_min_char_rnn_is_the_plain_numpy_program_step_by_step(text, float64):
    resolved = resolve_settings(
        {"epochs": 1, "validation": 0.0, "sample_length": 0}, "min-char-rnn"
    )
    vocabulary = Vocabulary("".join(sorted(set(text))))
    ids = vocabulary.encode(text).astype(np.uint8)
    smoothed: list[float] = []
    weights: list[np.ndarray] = []

    def on_event(event):
        if isinstance(event, events.StepDone):
            smoothed.append(event.loss)

    def initial(drawn):
        weights.extend(drawn[1:])
        return drawn

    fit(
        TrainingData(ids, ids[:0], vocabulary),
        resolved,
        backend(),
        Hooks(on_event=on_event),
        StartOptions(change_weights=initial),
    )
    expected = [loss for _, loss in min_char_rnn.train(ids, weights, len(smoothed))]
    assert len(smoothed) > 150
    # Both begin with the same weights and count in float64. Adagrad's first steps are so large
    # that rounding alone drives two runs apart after some fifty of them.
    np.testing.assert_allclose(smoothed[:30], expected[:30], rtol=1e-6)
    np.testing.assert_allclose(smoothed, expected, rtol=0.03)


def test_the_corpus_is_prepared_once(tmp_path, corpus):
    def cached(**how) -> bool:
        _, received = run(corpus, tmp_path / "model", **how, stop=lambda: True)
        (opening,) = (event for event in received if isinstance(event, events.CorpusOpened))
        return opening.from_cache

    assert [cached(), cached()] == [False, True]
    os.utime(corpus, (1, 1))
    assert [cached(), cached()] == [False, True]
    assert model_dir.read_training_corpus(
        tmp_path / "model", model_dir.read_model(tmp_path / "model").record
    )
    ids = tmp_path / "model/cache/ids.npy"
    ids.write_bytes(ids.read_bytes()[:-1])
    assert not cached() and not cached(force=True)  # --force reads the text again


def test_a_changed_text_with_the_old_time_is_read_again(tmp_path, corpus):
    """As `cp -p` leaves it."""
    status = corpus.stat()
    run(corpus, tmp_path / "model", stop=lambda: True)
    corpus.write_text(corpus.read_text().replace("cat", "cow"), encoding="utf-8")
    os.utime(corpus, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(OutputError, match="another corpus"):
        run(corpus, tmp_path / "model")
    run(corpus, tmp_path / "model", force=True, stop=lambda: True)
    prepared_corpus = open_prepared(tmp_path / "model/cache")
    assert "cow" in prepared_corpus.vocabulary.decode(prepared_corpus.ids)


def test_a_prepared_corpus_brings_its_windows_along(tmp_path, corpus):
    prepare([str(corpus)], tmp_path / "p", maxlen=7, targets="last")
    received: list[events.Event] = []
    options: dict[str, Any] = {"units": (4,), "epochs": 1, "batch_size": 512}
    train([str(tmp_path / "p")], model=tmp_path / "m", on_event=received.append, **options)
    (started,) = (event for event in received if isinstance(event, events.TrainingStarted))
    assert (started.maxlen, started.targets, started.carry_state) == (7, "last", False)
    with pytest.raises(UsageError, match="prepared already"):
        train([str(tmp_path / "p")], model=tmp_path / "m2", lowercase=True)
    train([tmp_path / "p"], model=tmp_path / "m", force=True, **options)  # a path by itself
    with pytest.raises(UsageError, match="name it alone"):
        train([str(tmp_path / "p"), str(corpus)], model=tmp_path / "m2")
    ids = tmp_path / "p/ids.npy"
    ids.write_bytes(ids.read_bytes()[:-1] + b"\1")
    with pytest.raises(PreparedError, match="textgen prepare"):
        train([str(tmp_path / "p")], model=tmp_path / "m2")
    assert not (tmp_path / "m2").exists()


def test_windows_that_nobody_chose_are_those_of_a_text(tmp_path, corpus):
    corpus.write_text(corpus.read_text() * 5)
    prepare([str(corpus)], tmp_path / "p")
    for text in (corpus, tmp_path / "p"):
        received: list[events.Event] = []
        train(
            [str(text)],
            model=tmp_path / f"model-{text.name}",
            on_event=received.append,
            stop=lambda: True,
            units=(4,),
        )
        (started,) = (event for event in received if isinstance(event, events.TrainingStarted))
        assert started.maxlen == 64


@pytest.mark.parametrize("options", [{"cell": "gru"}, {}, {"preset": "small"}])
def test_streams_that_nobody_chose_fit_a_short_text(tmp_path, text, options):
    short = tmp_path / "short.txt"
    short.write_text(text[:900])
    received: list[events.Event] = []
    preset = options.get("preset")
    options = {"epochs": 1, "units": (4,)} | ({} if preset else options)
    train(
        [str(short)], model=tmp_path / "model", preset=preset, on_event=received.append, **options
    )
    (started,) = (event for event in received if isinstance(event, events.TrainingStarted))
    assert started.batch_size == (810 - 1) // (4 * started.maxlen)


def test_windows_that_nobody_chose_fit_a_short_validation_part(tmp_path, text):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text(text * 20)
    share = 60 / (len(text) * 20)
    received: list[events.Event] = []
    options: dict[str, Any] = {"epochs": 1, "units": (4,), "validation": share}
    train([str(corpus)], model=tmp_path / "model", on_event=received.append, **options)
    (started,) = (event for event in received if isinstance(event, events.TrainingStarted))
    assert started.maxlen == 40


def test_a_network_larger_than_memory_is_one_line(tmp_path, corpus):
    with pytest.raises(TrainingError, match="training failed on cpu .* fewer --units"):
        run(corpus, tmp_path / "model", {"units": (3_000_000,), "embedding": 1})


def test_models_are_in_single_precision_whatever_keras_is_set_to(tmp_path, corpus):
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        run(corpus, tmp_path / "model", {"cell": "gru"})
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
    assert network_of(tmp_path / "model")


def test_what_cannot_be_trained_leaves_nothing_behind(tmp_path, corpus):
    with pytest.raises(CorpusError, match="--batch-size"):
        run(corpus, tmp_path / "a", {"batch_size": 5000, "maxlen": 10})
    with pytest.raises(CorpusError, match="training part"):
        run(corpus, tmp_path / "b", {"maxlen": 10_000})
    with pytest.raises(SettingsError, match="units"):
        run(corpus, tmp_path / "c", {"units": ()})
    with pytest.raises(CorpusError, match="No such file"):
        run(tmp_path / "nowhere", tmp_path / "d")
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()
    assert not (tmp_path / "c").exists() and not (tmp_path / "d").exists()


def test_a_missing_gpu_is_reported(tmp_path, corpus):
    if backend().first_gpu():
        pytest.skip("this machine has a GPU")
    with pytest.raises(TrainingError, match="--device cpu"):
        run(corpus, tmp_path / "model", device="gpu")


def test_existing_directories_are_not_touched(tmp_path, corpus, trained):
    with pytest.raises(OutputError, match="--force"):
        run(corpus, trained)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter").write_text("")
    with pytest.raises(OutputError, match="model directory"):
        run(corpus, tmp_path / "thesis", force=True)
    with pytest.raises(OutputError, match="model directory"):
        run(corpus, corpus)
    prepare(find_sources([str(corpus)]), tmp_path / "p")
    with pytest.raises(OutputError, match="prepared corpus"):
        run(corpus, tmp_path / "p", force=True)


def test_seeds_are_windows_of_the_training_text(trained, text):
    seeds = json.loads((trained / "seeds.json").read_text())
    training = text[: int(len(text) * 0.9)]
    assert len(seeds) > 20
    assert all(len(seed) == 20 and seed in training for seed in seeds)
    assert isinstance(find_sources(["-"])[0], Source)


def test_a_default_time_is_not_used_up_by_a_slow_start(tmp_path, corpus):
    """As on a busy machine, which is still importing when the time would end."""
    long_ago = time.monotonic() - 60
    stop = iter([False] * 20)
    slow = Job((corpus,), device="cpu", start_time=long_ago)
    options: dict[str, Any] = {"units": (8,), "sample_length": 0}
    job = replace(slow, model=tmp_path / "model", options=options)
    done = run_job(job, lambda _: None, lambda: next(stop, True))
    assert done.reason == "stopped"
    with pytest.raises(TrainingError, match="--time"):
        job = replace(slow, model=tmp_path / "other", options={"units": (8,), "time": 30.0})
        run_job(job, lambda _: None, lambda: False)
