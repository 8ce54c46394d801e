"""What a mixture of models is worth on a text, compared with reading it a token at a time."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.analysis.models import LABELS, LETTERS, MERGES, random_model, save_model
from tests.analysis.source import source
from textgen import evaluate, load
from textgen.errors import CorpusError, ModelError, SettingsError
from textgen.sampling.mixing import mix_samplers
from textgen.settings import CorpusConfig, Mix

TEXT = "abc had a bad cab\nbeef fed a bee\n" * 4
LINES = CorpusConfig(documents="lines")
PLAIN = CorpusConfig(documents="none")


@pytest.fixture
def save(tmp_path):
    def run(*models):
        names = []
        for number, (model, seed) in enumerate(models):
            generator = np.random.default_rng(seed)
            weights = [
                generator.standard_normal(weight.shape).astype(np.float32)
                for weight in model.weights
            ]
            names.append(save_model(replace(model, weights=weights), tmp_path / f"model{number}"))
        return names

    return run


def losses(evaluation):
    return [member.loss for member in evaluation.members]


@pytest.mark.parametrize("by", ["probabilities", "logits"])
@pytest.mark.parametrize("windows", [None, 7])
def test_a_mixture_of_a_model_with_itself_has_its_loss(save, by, windows):
    (one,) = save((random_model(PLAIN), 1))
    alone = evaluate([source(TEXT)], one, windows=windows)
    both = evaluate([source(TEXT)], Mix([one, one], (0.3, 0.7), by=by), windows=windows)
    assert both.loss == pytest.approx(alone.loss, abs=1e-6)
    assert (both.predicted, both.characters) == (alone.predicted, alone.characters)
    assert losses(both) == pytest.approx([alone.loss] * 2, abs=1e-6)


@pytest.mark.parametrize("by", ["probabilities", "logits"])
def test_the_loss_of_a_text_in_order_is_that_of_the_mixture_that_writes(save, by):
    """One model carries its state, one has windows and one knows other characters."""
    names = save(
        (random_model(PLAIN), 1),
        (random_model(PLAIN, window=3), 2),
        (random_model(PLAIN, LETTERS + "é", has_unknown=True), 3),
    )
    mix = Mix(names, (0.2, 0.3, 0.5), by=by)
    text = TEXT if by == "logits" else TEXT.replace("beef", "béf")
    evaluation = evaluate([source(text)], mix)
    assert evaluation.loss == pytest.approx(-load(mix).logprobs(text).mean(), abs=1e-6)
    for member, name, known in zip(
        evaluation.members, names, (text.replace("é", "e"),) * 2 + (text,), strict=True
    ):
        assert member.model == str(name)
        logs = load(name).logprobs(known)
        counted = [place for place, c in enumerate(text[1:]) if known is text or c != "é"]
        assert member.loss == pytest.approx(-logs[counted].mean(), abs=1e-6)


def test_windows_are_read_from_a_zero_state(save):
    names = save((random_model(PLAIN), 1), (random_model(PLAIN, LETTERS + "x", window=3), 2))
    evaluation = evaluate([source(TEXT)], Mix(names, (0.25, 0.75)), windows=10)
    carried = Mix(names, (0.25, 0.75))
    sampler = mix_samplers([load(name, "carry") for name in names], carried)
    starts = range(0, (len(TEXT) - 1) // 10 * 10, 10)
    logs = [sampler.logprobs(TEXT[start : start + 11]) for start in starts]
    assert evaluation.loss == pytest.approx(-np.mean(logs), abs=1e-6)
    assert evaluation.predicted == 10 * len(starts)


@pytest.mark.parametrize("by", ["probabilities", "logits"])
@pytest.mark.parametrize("labels", [None, LABELS])
def test_documents_are_read_one_by_one(save, by, labels):
    names = save((random_model(LINES, labels=labels), 1), (random_model(LINES, window=4), 2))
    mix = Mix(names, (0.6, 0.4), by=by)
    evaluation = evaluate([source(TEXT)], mix)
    documents = TEXT.splitlines()
    expected = -sum(load(mix).logprobs(document).sum() for document in documents)
    assert evaluation.nats_per_document == pytest.approx(expected / len(documents), abs=1e-5)
    assert evaluation.documents == evaluation.ends == len(documents)
    for member, name in zip(evaluation.members, names, strict=True):
        alone = evaluate([source(TEXT)], name)
        assert member.loss == pytest.approx(alone.loss, abs=1e-6)
        assert member.bits_per_character == pytest.approx(alone.bits_per_character, abs=1e-6)


def test_subwords_are_mixed_by_token(save):
    names = save(*((random_model(PLAIN, merges=MERGES), seed) for seed in (1, 2)))
    mix = Mix(names, (0.6, 0.4))
    evaluation = evaluate([source(TEXT)], mix)
    sampler = load(mix)
    first = sampler.vocabulary.lengths[sampler.vocabulary.encode(TEXT)[0]]
    assert evaluation.predicted == len(TEXT) - first
    assert evaluation.loss == pytest.approx(-sampler.logprobs(TEXT).mean(), abs=1e-6)
    assert evaluation.perplexity_per_token is not None


def test_the_best_weights_have_the_lowest_loss(save):
    names = save((random_model(PLAIN), 1), (random_model(PLAIN), 2))
    best = [member.best_weight or 0.0 for member in evaluate([source(TEXT)], Mix(names)).members]
    assert math.fsum(best) == pytest.approx(1)
    lowest = evaluate([source(TEXT)], Mix(names, best)).loss
    for change in (-0.02, 0.02):
        weights = np.clip([best[0] + change, best[1] - change], 0, 1)
        if abs(weights.sum() - 1) < 1e-9:
            assert evaluate([source(TEXT)], Mix(names, weights.tolist())).loss > lowest
    by_logits = evaluate([source(TEXT)], Mix(names, by="logits"))
    assert {member.best_weight for member in by_logits.members} == {None}


def test_a_model_without_weight_is_left_out(save):
    names = save((random_model(PLAIN), 1), (random_model(PLAIN, LETTERS + "é"), 2))
    text = TEXT + "é"
    alone, mixed = evaluate([source(text)], names[0]), evaluate([source(text)], Mix(names, (1, 0)))
    assert mixed == alone and not mixed.members and "members" not in mixed.to_json()


def test_figures_of_the_models_are_in_the_json(save):
    names = save((random_model(PLAIN), 1), (random_model(PLAIN), 2))
    (one, two) = evaluate([source(TEXT)], Mix(names)).to_json()["members"]
    assert one.keys() == {"model", "weight", "loss", "bits_per_character", "best_weight"}
    assert (one["model"], two["weight"]) == (str(names[0]), 0.5)


def test_mixed_logits_give_no_probability_to_what_one_model_lacks(save):
    names = save((random_model(PLAIN), 1), (random_model(PLAIN, LETTERS + "é"), 2))
    with pytest.raises(CorpusError, match="the text has 'é', which not all of the models know"):
        evaluate([source(TEXT + "é")], Mix(names, by="logits"))
    assert evaluate([source(TEXT + "é")], Mix(names)).loss < 10


def test_a_mix_that_changes_or_of_different_models_is_an_error(save):
    names = save((random_model(PLAIN), 1), (random_model(LINES), 2))
    with pytest.raises(SettingsError, match="mix can change over a text that is generated only"):
        evaluate([source(TEXT)], Mix(names, (1, 0), to=(0, 1)))
    with pytest.raises(ModelError, match="mix models of the same kind"):
        evaluate([source(TEXT)], Mix(names))
