"""Trainings on subwords."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.stopping import Stop, losses
from textgen.api import train
from textgen.errors import OutputError, UsageError
from textgen.model import model_dir
from textgen.settings import ModelConfig
from textgen.text.prepare import prepare
from textgen.text.tokens import choice
from textgen.text.tokens.subwords import select_merges
from textgen.text.vocabulary import Vocabulary
from textgen.training import events
from textgen.training.new_tokens import map_tokens
from textgen.training.transfer import map_ids, unite

SMALL: dict[str, Any] = {
    "tokens": "bpe:60",
    "units": 16,
    "embedding": 8,
    "epochs": 2,
    "batch_size": 4,
    "maxlen": 10,
    "sample_length": 20,
}
MERGES = (("t", "h"), ("th", "e"), ("a", "b"))


def test_a_union_has_the_subwords_of_the_old_vocabulary():
    old = Vocabulary("abeht", has_document_end=True, merges=MERGES)
    new = Vocabulary("ehtz", has_document_end=True, merges=select_merges(MERGES, "ehtz"))
    both = unite(old, new)
    assert both == Vocabulary("abehtz", has_document_end=True, merges=MERGES)
    assert map_ids(old, both).tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    ids = map_ids(new, both)
    assert both.decode(ids[new.encode("thezt")].tolist()) == "thezt"
    assert ids[-1] == both.document_end_id
    assert map_tokens(old, both).sources.tolist() == [0, 1, 2, 3, 4, -1, 5, 6, 7, 8]


@pytest.mark.framework
@pytest.mark.parametrize("targets", ["sequence", "last"])
def test_losses_are_per_character(corpus, tmp_path, targets):
    seen: list[events.Event] = []
    options = {**SMALL, "targets": targets, "carry_state": targets == "sequence"}
    train(corpus, model=tmp_path / "model", on_event=seen.append, **{**options, "epochs": 1})
    opened = next(event for event in seen if isinstance(event, events.CorpusOpened))
    first = next(event for event in seen if isinstance(event, events.StepDone))
    last = [event for event in seen if isinstance(event, events.Validated)][-1]
    assert opened.characters == len(corpus.read_text(encoding="utf-8"))
    per_token = opened.characters / opened.tokens
    assert opened.subwords == 60 - opened.vocabulary_size
    assert per_token > 1.3
    # An untrained network gives each token about the same probability.
    assert first.step_loss == pytest.approx(math.log(60) / per_token, rel=0.2)
    assert 4 * 10 * 1.1 < first.characters < 4 * 10 * 2.5
    assert last.validation_loss == pytest.approx(last.loss, rel=0.3)
    assert model_dir.load(tmp_path / "model").vocabulary.size == 60


@pytest.mark.framework
def test_a_training_is_resumed(corpus, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(corpus, model=whole, **SMALL)
    train(corpus, model=parts, stop=Stop(20), **SMALL)
    train(model=parts, resume=True)
    assert losses(parts) == losses(whole)
    for first, second in zip(
        model_dir.read_model(parts).weights, model_dir.read_model(whole).weights, strict=True
    ):
        np.testing.assert_array_equal(first, second)


@pytest.mark.framework
def test_the_cache_is_read_again_only_for_the_same_tokens(corpus, tmp_path):
    def read_before(**options: Any) -> bool:
        seen: list[events.Event] = []
        options = {**SMALL, "epochs": 1, **options}
        train(corpus, model=tmp_path / "model", on_event=seen.append, **options)
        for path in (tmp_path / "model").iterdir():
            if path.is_file():
                path.unlink()
        return next(event for event in seen if isinstance(event, events.CorpusOpened)).from_cache

    assert not read_before()
    assert read_before()
    assert not read_before(tokens="bpe:50")
    assert not read_before(tokens="characters")


@pytest.mark.framework
def test_a_training_is_resumed_with_its_own_tokens(corpus, tmp_path, monkeypatch):
    small = {name: SMALL[name] for name in ("units", "batch_size", "sample_length")}
    options: dict[str, Any] = {**small, "epochs": 2}
    train(corpus, model=tmp_path / "model", stop=Stop(3), tokens="characters", **options)
    # Another version or machine chooses subwords for this text.
    monkeypatch.setattr(choice, "_CLEARLY_FROM", 2000)
    monkeypatch.setattr(choice, "_SECONDS_FROM", 0)
    with pytest.raises(OutputError, match="unfinished training with another corpus"):
        train(corpus, model=tmp_path / "model", resume=True, tokens="bpe:60", **options)
    train(corpus, model=tmp_path / "model", resume=True, **options)
    assert not model_dir.load(tmp_path / "model").vocabulary.merges


@pytest.mark.framework
def test_training_begins_with_a_model_of_the_same_subwords(corpus, tmp_path, text):
    base = tmp_path / "base"
    train(corpus, model=base, **SMALL)
    other = tmp_path / "other.txt"
    other.write_text("Zwölf Boxkämpfer\n" * 20 + text[1000:6000], encoding="utf-8")
    options = {name: SMALL[name] for name in ("batch_size", "maxlen", "sample_length")}
    train(other, model=tmp_path / "next", init_from=base, epochs=1, **options)
    before, after = (model_dir.load(path).vocabulary for path in (base, tmp_path / "next"))
    assert after.merges == before.merges
    record = model_dir.read_model(tmp_path / "next").record
    assert record.corpus_config(tmp_path / "next").tokens == "bpe"
    assert set(after.characters) == set(before.characters) | set("ZwölfBxkämp")
    with pytest.raises(UsageError, match="reads 3. subwords, .* leave out --tokens"):
        train(other, model=tmp_path / "no", init_from=base, epochs=1, tokens="characters")
    with pytest.raises(UsageError, match="english: reads characters"):
        train(other, model=tmp_path / "no", init_from="english", epochs=1, tokens="bpe:60")
    prepare(other, tmp_path / "prepared", tokens="bpe:60")
    with pytest.raises(UsageError, match="name the texts themselves"):
        train(tmp_path / "prepared", model=tmp_path / "no", init_from=base, epochs=1)
    assert not (tmp_path / "no").exists()


@pytest.mark.framework
def test_default_tokens(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(choice, "_AUTO_FROM", 2000)
    monkeypatch.setattr(choice, "_SECONDS_FROM", 0)

    def opened(corpora: Path = corpus, **options: Any) -> events.CorpusOpened:
        seen: list[events.Event] = []
        small = {name: SMALL[name] for name in ("units", "batch_size", "sample_length")}
        options = {**small, "epochs": 1, **options}
        train(corpora, model=tmp_path / "model", force=True, on_event=seen.append, **options)
        return next(event for event in seen if isinstance(event, events.CorpusOpened))

    few = opened()  # better by less than it takes for a default
    assert (few.subwords, few.offers_subwords) == (0, True)
    assert opened(tokens="auto").subwords
    settings = model_dir.read_model(tmp_path / "model").record.settings
    assert settings.model.embedding == 192 > ModelConfig().embedding
    chosen = opened(tokens="characters")
    assert (chosen.subwords, chosen.offers_subwords) == (0, False)
    prepare(corpus, tmp_path / "prepared")
    assert opened(tmp_path / "prepared").offers_subwords
    monkeypatch.setattr(choice, "_CLEARLY_FROM", 2000)
    assert opened().subwords
    for options in (
        {"maxlen": 10},
        {"preset": "small"},
        {"cell": "gru"},
        {"embedding": 0},
        {"init_from": "auto"},
    ):
        of_characters = opened(**options)
        assert (of_characters.subwords, of_characters.offers_subwords) == (0, False)
