"""Whether a starter knows the language of a text."""

import math
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from tests.sampling.document_models import NAMES, BigramModel
from tests.training.name_starter import save_starter, write_names
from textgen.errors import ModelError, SettingsError
from textgen.training import starter_check
from textgen.training.events import StarterChecked
from textgen.training.fine_tuning import choose_fine_tuning
from textgen.training.initial_model import InitialModel
from textgen.training.job import Job
from textgen.training.plan import Plan, create_plan
from textgen.training.starter_check import expected_gain, knows_language


@pytest.fixture
def english(tmp_path, monkeypatch):
    return save_starter(tmp_path, monkeypatch)


def plan(corpus: Path, init_from: str | None = "auto", documents: str = "lines", **options) -> Plan:
    job = Job(
        (corpus,),
        corpus.with_name("model"),
        options=options,
        reading={"documents": documents},
        init_from=init_from,
        force=True,
    )
    return create_plan(job, None, lambda _: None)


def test_the_loss_of_ngrams_is_that_of_a_search_by_hand():
    generator = np.random.default_rng(2)
    training = generator.integers(0, 3, 60)
    asked = generator.integers(0, 4, (40, 5))
    followers: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for order in range(5):
        for place in range(len(training) - order):
            *context, last = training[place : place + order + 1].tolist()
            followers[tuple(context)][last] += 1

    def probability(context: tuple[int, ...], last: int) -> float:
        below = probability(context[1:], last) if context else 1 / 4
        counts = followers[context]
        if not counts:
            return below
        return (counts[last] + len(counts) * below) / (counts.total() + len(counts))

    expected = [-math.log(probability(tuple(row[:-1]), row[-1])) for row in asked.tolist()]
    losses = starter_check._ngram_losses(training, 4, asked)
    np.testing.assert_allclose(losses, expected)


def test_a_starter_knows_the_language_that_it_predicts_well_and_better_than_ngrams_do():
    assert knows_language(1.9, 2.2)
    assert not knows_language(1.9, 1.2) and not knows_language(3.1, 3.5)


def test_a_longer_text_gains_less():
    gains = [expected_gain(characters) for characters in (0, 5_000, 50_000, 200_000, 10**9)]
    assert gains == sorted(gains, reverse=True) and gains[0] <= 1 and gains[-1] > 0


def test_auto_takes_the_starter_for_texts_in_its_language(english, tmp_path):
    planned = plan(write_names(tmp_path))
    check = planned.starter_check
    assert check is not None and planned.initial_model is not None
    assert (check.requested, check.starter, check.knows_language) == (True, "english", True)
    assert 0.3 < check.loss < 3 and 0.3 < check.ngram_loss < 3
    assert planned.identity.init_from == "english"
    assert (
        planned.identity.settings.model.cell == "rnn"
        and "Z" in planned.identity.vocabulary.characters
    )
    assert plan(write_names(tmp_path)).identity == planned.identity


@pytest.mark.parametrize("documents", ["lines", "none"])
def test_auto_starts_from_scratch_on_other_texts(english, tmp_path, documents):
    corpus = tmp_path / "numbers.txt"
    corpus.write_text("".join(f"{number * number}\n" for number in range(300)))
    planned = plan(corpus, documents=documents)
    assert planned.initial_model is None and planned.identity.init_from is None
    assert planned.starter_check is not None and not planned.starter_check.knows_language
    assert planned.identity.settings.model.cell == "lstm"


@pytest.mark.parametrize("validation", [0.1, 0.0])
def test_a_continuous_text_is_checked_with_and_without_validation(english, tmp_path, validation):
    planned = plan(write_names(tmp_path), documents="none", validation=validation)
    check = planned.starter_check
    assert check is not None and 0.3 < check.loss < 9 and 0.3 < check.ngram_loss < 3


def test_auto_starts_from_scratch_where_no_starter_has_the_chosen_layers(english, tmp_path):
    planned = plan(write_names(tmp_path), units=(16,))
    assert planned.initial_model is None and planned.starter_check == StarterChecked(requested=True)


def test_a_directory_named_auto_takes_precedence(english, tmp_path):
    (tmp_path / "auto").mkdir()
    with pytest.raises(ModelError, match="^auto: no trained model"):
        plan(write_names(tmp_path))


def test_a_short_text_in_its_language_gets_a_hint(english, tmp_path):
    corpus = write_names(tmp_path)
    planned = plan(corpus, None)
    check = planned.starter_check
    assert check is not None and not check.requested and check.expected_gain > 0.3
    assert planned.initial_model is None and planned.identity.init_from is None
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("".join(f"{number * number}\n" for number in range(300)))
    assert plan(numbers, None).starter_check is None
    assert plan(corpus, None, units=(16,)).starter_check is None
    assert plan(corpus, "english").starter_check is None
    corpus.write_text(corpus.read_text("utf-8") * 1000, "utf-8")
    assert plan(corpus, None).starter_check is None


def test_a_starter_decides_on_the_layers(english, tmp_path):
    with pytest.raises(SettingsError, match="^units must be left out"):
        plan(write_names(tmp_path), "english", units=(16,))


def test_what_is_recorded_leads_to_the_starter(english, tmp_path):
    recorded = InitialModel.open("english").to_json()
    assert recorded["name"] == recorded["starter"] == "english" and len(recorded["sha256"]) == 64
    other = BigramModel(NAMES).save(tmp_path / "other")
    assert InitialModel.open(other).to_json()["starter"] is None


def test_fine_tuning_changes_what_nobody_chose():
    chosen = {"time": 60.0, "units": (64,), "dropout": 0.3}
    values = choose_fine_tuning(80_000, chosen)
    assert values["learning_rate"] < 0.01 and not values.keys() & chosen.keys()
    assert "learning_rate" not in choose_fine_tuning(80_000, {**chosen, "learning_rate": 0.1})
