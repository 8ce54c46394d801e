"""Going on from another model."""

import re
from typing import Any

import numpy as np
import pytest

from tests.raising import raises_settings_error
from textgen import evaluate, train
from textgen.errors import ModelError, OutputError, SettingsError
from textgen.model import model_dir
from textgen.model.model_dir import TrainedModel
from textgen.model.record import ModelRecord
from textgen.sampling.network import weight_specs
from textgen.settings import ModelConfig
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

    from textgen.settings import resolve_settings

    settings = resolve_settings({"units": (4,), "embedding": embedding})
    record = ModelRecord(settings, old, {}, (), {})
    transferred = transfer_weights(TrainedModel(record, filled(2, 1.0)), both, None, filled(3, 2.0))
    assert [array.shape for array in transferred] == [
        spec.shape for spec in weight_specs(config, 3)
    ]
    rows = transferred[1] if embedding == 0 else transferred[0]
    assert rows[:, 0].tolist() == [1, 2, 1]
    assert transferred[-2][0].tolist() == [1, 2, 1] and transferred[-1].tolist() == [1, 2, 1]
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
