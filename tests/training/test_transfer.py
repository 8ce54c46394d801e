"""Going on from another model."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.raising import raises_settings_error
from textgen import evaluate, train
from textgen.errors import ModelError, OutputError, SettingsError
from textgen.model import model_dir
from textgen.model.model_dir import TrainedModel
from textgen.model.record import ModelRecord
from textgen.sampling.network import Network, weight_specs
from textgen.settings import ModelConfig, resolve_settings
from textgen.text.documents.labels import LabelField, Labels
from textgen.text.vocabulary import Vocabulary
from textgen.training.transfer import MappedIds, map_ids, transfer_weights, unite

STILL: dict[str, Any] = {
    "epochs": 1,
    "learning_rate": 1e-9,
    "optimizer": "sgd",
    "batch_size": 4,
    "maxlen": 10,
}


def test_a_union_has_the_characters_of_both():
    old, new = Vocabulary("ace", has_unknown=True), Vocabulary("bcd")
    both = unite(old, new)
    assert both == Vocabulary("abcde", has_unknown=True)
    assert map_ids(old, both).tolist() == [0, 2, 4, 5] and map_ids(new, both).tolist() == [1, 2, 3]
    ids = MappedIds(np.array([0, 2, 1]), map_ids(new, both))
    assert len(ids) == 3 and ids[1:].tolist() == [3, 2] and ids[np.array([[0]])].tolist() == [[1]]


@pytest.mark.parametrize("embedding", [0, 3])
def test_known_characters_keep_their_rows_and_others_are_new(embedding):
    old, both = Vocabulary("ac"), Vocabulary("abc")
    config = ModelConfig(units=(4,), embedding=embedding)

    def filled(size, value):
        return [np.full(spec.shape, value, np.float32) for spec in weight_specs(config, size)]

    settings = resolve_settings({"units": (4,), "embedding": embedding})
    record = ModelRecord(settings, old, {}, (), {})
    transferred = transfer_weights(TrainedModel(record, filled(2, 1.0)), both, None, filled(3, 2.0))
    assert [array.shape for array in transferred] == [
        spec.shape for spec in weight_specs(config, 3)
    ]
    rows = transferred[1] if embedding == 0 else transferred[0]
    assert rows[:, 0].tolist() == [1, 3, 1]
    assert (transferred[-2] == 1).all() and (transferred[-1] == 1).all()
    assert (transferred[2] == 1).all() and (transferred[3] == 1).all()


@pytest.mark.framework
def test_a_training_from_another_model_starts_with_its_weights(trained, tmp_path, text):
    """On a text with two more characters; a rate of almost nothing leaves the weights alone."""
    corpus = tmp_path / "other.txt"
    corpus.write_text(text[:3000] + "Zwölf Äpfel.\n" * 30 + text[3000:5000], encoding="utf-8")
    model = tmp_path / "model"
    train([str(corpus)], model=model, init_from=trained, **{**STILL, "sample_length": 0})
    vocabulary = model_dir.load(model).vocabulary
    assert set("öÄ") < set(vocabulary.characters)
    old, new = evaluate([str(corpus)], trained), evaluate([str(corpus)], model)
    assert old.unknown > 0 and new.unknown == 0
    plain = tmp_path / "plain.txt"
    plain.write_text(text[:2000], encoding="utf-8")
    before = evaluate([str(plain)], trained).loss
    # The new characters take a little of the probability; the rest is what was learned.
    assert evaluate([str(plain)], model).loss == pytest.approx(before, abs=0.05)
    fresh = tmp_path / "fresh"
    train(
        [str(corpus)], model=fresh, **{**STILL, "sample_length": 0, "units": (48,), "embedding": 16}
    )
    assert evaluate([str(plain)], fresh).loss > before + 1


@pytest.mark.framework
def test_without_init_from_it_is_another_training(trained, tmp_path, corpus):
    options: dict[str, Any] = {"epochs": 2, "batch_size": 4, "maxlen": 10}
    model = tmp_path / "model"
    corpus.write_text(corpus.read_text().replace("!", "."))
    train([str(corpus)], model=model, init_from=trained, stop=lambda: True, **options)
    with pytest.raises(OutputError, match="another init-from"):
        train([str(corpus)], model=model, **options)


@pytest.mark.framework
def test_another_shape_is_refused(trained, tmp_path, corpus):
    with pytest.raises(SettingsError, match=r"^units .*\b48\b"):
        train([str(corpus)], model=tmp_path / "m", init_from=trained, units=(64,))
    with raises_settings_error("cell"):
        train([str(corpus)], model=tmp_path / "m", init_from=trained, cell="gru")
    with pytest.raises(SettingsError, match=r"^units .*\b48\b"):
        train([str(corpus)], model=tmp_path / "m", preset="large", init_from=trained)
    with pytest.raises(ModelError, match="nowhere"):
        train([str(corpus)], model=tmp_path / "m", init_from=tmp_path / "nowhere")
    assert not (tmp_path / "m").exists()


@pytest.mark.framework
def test_a_model_can_be_trained_further_in_its_directory(textgen, trained, corpus, tmp_path):
    quick = ("--epochs", 1, "--batch-size", 4, "--sample-length", 0)
    done = textgen("train", corpus, "--init-from", trained, "--model", "m", *quick)
    assert done.returncode == 0, done.stderr
    again = textgen("train", corpus, "--init-from", "m", "--model", "m", "--force", *quick)
    assert again.returncode == 0, again.stderr
    refused = textgen("train", corpus, "--init-from", "m", "--model", "n", "--units", "9")
    assert refused.returncode == 2 and re.search(r"--units .*\b48\b", refused.stderr)
    assert not (tmp_path / "n").exists()


GENRE = LabelField("genre", ("comedy", "horror"), (7, 9), rare=3, rare_values=2)
AUTHOR = LabelField("author", ("Ann", "Bob"), (7, 9))
LABELS = Labels((GENRE, AUTHOR), (((1, 1), 16),))


def documents_model(embedding, cell="lstm") -> TrainedModel:
    vocabulary = Vocabulary("abc", has_document_end=True)
    options = {"units": (4,), "has_document_end": True, "label_sizes": LABELS.sizes}
    settings = resolve_settings({**options, "embedding": embedding, "cell": cell})
    record = ModelRecord(settings, vocabulary, {}, (), {}, LABELS)
    return TrainedModel(record, random_weights(settings.model, vocabulary.size, 1))


def random_weights(config: ModelConfig, size: int, seed: int):
    generator = np.random.default_rng(seed)
    weights = [
        generator.normal(size=spec.shape).astype(np.float32) for spec in weight_specs(config, size)
    ]
    if not config.embedding:
        weights[0] = np.eye(size, dtype=np.float32)
    return weights


def logits(config, size, weights, ids, label_ids):
    reader = Network(config, size, weights).reader()
    if label_ids:
        reader.set_labels((), np.array(label_ids))
    return np.array([reader.step(number).copy() for number in ids])


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("embedding", [0, 3])
def test_a_model_of_documents_reads_other_labels_and_characters_as_before(embedding, cell):
    base = documents_model(embedding, cell)
    genre = LabelField("genre", ("drama", "horror"), (7, 9), rare=1, rare_values=1)
    year = LabelField("year", ("1999",), (16,))
    labels = Labels((year, genre), (((1, 1), 16),))
    vocabulary = Vocabulary("abcd", has_document_end=True)
    config = replace(base.record.settings.model, label_sizes=labels.sizes)
    fresh = random_weights(config, vocabulary.size, 2)
    weights = transfer_weights(base, vocabulary, labels, fresh)
    assert [array.shape for array in weights] == [
        spec.shape for spec in weight_specs(config, vocabulary.size)
    ]
    year_free = [array.copy() for array in weights]
    year_free[1][:] = 0  # a new label starts anywhere
    ids, old_ids = [4, 0, 2, 1, 4], [3, 0, 2, 1, 3]
    old = base.record.settings.model
    for new_labels, old_labels in (((0, 0), (0, 0)), ((1, 2), (2, 0)), ((0, 3), (3, 0))):
        expected = logits(old, 4, base.weights, old_ids, old_labels)
        got = logits(config, 5, year_free, ids, new_labels)[:, [0, 1, 2, 4]]
        np.testing.assert_allclose(got, expected, atol=1e-4)
    np.testing.assert_array_equal(weights[1], fresh[1])


@pytest.mark.parametrize("embedding", [0, 3])
def test_a_model_of_documents_reads_a_continuous_text_as_without_labels(embedding):
    base = documents_model(embedding)
    vocabulary = unite(base.record.vocabulary, Vocabulary("abx"))
    assert vocabulary == Vocabulary("abcx")
    config = replace(base.record.settings.model, has_document_end=False, label_sizes=())
    weights = transfer_weights(base, vocabulary, None, random_weights(config, 4, 2))
    expected = logits(base.record.settings.model, 4, base.weights, [0, 2, 1], (0, 0))[:, :3]
    np.testing.assert_allclose(
        logits(config, 4, weights, [0, 2, 1], ())[:, :3], expected, atol=1e-4
    )


def test_document_ends_begin_as_line_ends_in_a_model_of_a_continuous_text():
    settings = resolve_settings({"units": (4,), "embedding": 3})
    old = Vocabulary("\nc")
    base = TrainedModel(
        ModelRecord(settings, old, {}, (), {}), random_weights(settings.model, 2, 1)
    )
    corpus = Vocabulary("\nb", has_document_end=True)
    vocabulary = unite(old, corpus)
    assert vocabulary == Vocabulary("\nbc", has_document_end=True)
    assert map_ids(corpus, vocabulary).tolist() == [0, 1, 3]
    config = replace(settings.model, has_document_end=True)
    fresh = random_weights(config, 4, 2)
    weights = transfer_weights(base, vocabulary, None, fresh)
    np.testing.assert_array_equal(weights[0][[0, 2]], base.weights[0])
    np.testing.assert_array_equal(weights[0][3], base.weights[0][0])
    np.testing.assert_array_equal(weights[-2][:, 3], base.weights[-2][:, 0])


def test_new_characters_begin_like_similar_ones_or_rare():
    settings = resolve_settings({"units": (4,), "embedding": 3})
    old = Vocabulary('"abcdefgh')
    config = settings.model
    base = TrainedModel(ModelRecord(settings, old, {}, (), {}), random_weights(config, old.size, 1))
    vocabulary = unite(old, Vocabulary("éλ“"))
    weights = transfer_weights(base, vocabulary, None, random_weights(config, vocabulary.size, 2))
    quote, e, accent, greek, curly = vocabulary.encode('"eéλ“').tolist()
    np.testing.assert_array_equal(weights[0][[curly, accent]], weights[0][[quote, e]])
    before = logits(config, old.size, base.weights, old.encode("bad"), ())
    after = logits(config, vocabulary.size, weights, vocabulary.encode("bad"), ())
    np.testing.assert_allclose(after[:, : old.size], before, atol=1e-4)
    np.testing.assert_allclose(after[:, curly], after[:, quote] - 1, atol=1e-4)
    np.testing.assert_allclose(after[:, accent], after[:, e] - 4, atol=1e-4)
    assert (after[:, greek] < before.mean(axis=1)).all()
