"""Documents that pass filters: which ones, in which order, and how many were tried."""

import re
from functools import partial
from typing import Any

import pytest

from tests.raising import raises_settings_error
from tests.sampling.document_models import NAMES, BigramModel
from tests.sampling.fake_networks import FakeNetwork
from tests.sampling.test_sampler import random_network
from textgen.errors import SeedError, SettingsError, TriesError
from textgen.sampling import Sampler
from textgen.sampling.selection import Selection
from textgen.sampling.texts import TextConfig
from textgen.settings import Decoding, DocumentFilters
from textgen.text.vocabulary import Vocabulary

MODEL = BigramModel(NAMES)
PLAIN: dict[str, Any] = {"temperature": 1.0, "random_seed": 3}


class Corpus:
    """A corpus in memory."""

    false_positives = 0.0

    def __init__(self, documents):
        self._documents = documents

    def find_documents(self, documents):
        return [document in self._documents for document in documents]

    def find_copies(self, documents, length):
        runs = {text[i : i + length] for text in self._documents for i in range(len(text))}
        return [
            any(text[i : i + length] in runs for i in range(len(text) - length + 1))
            for text in documents
        ]


def sampler(window=None, **options):
    model = MODEL.sampler(window, **options)
    model.corpus = Corpus(NAMES)
    return model


def first_of(documents, passes, count):
    return [document for document in documents if passes(document)][:count]


@pytest.mark.parametrize("window", [None, 2])
@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        ({"novel": True}, lambda text: text not in NAMES),
        ({"min_length": 6}, lambda text: len(text) >= 6),
        ({"max_length": 3}, lambda text: len(text) <= 3),
        ({"max_copy": 4}, lambda text: not Corpus(NAMES).find_copies([text], 4)[0]),
        (
            {"novel": True, "min_length": 4, "max_length": 5},
            lambda text: text not in NAMES and 4 <= len(text) <= 5,
        ),
    ],
)
def test_the_first_documents_that_pass_are_kept(window, filters, passes):
    """They are those that are generated without filters, less some."""
    documents = sampler(window).generate(n=20, **PLAIN, **filters)
    unfiltered = sampler(window).generate(n=2000, **PLAIN)
    assert documents == first_of(unfiltered, passes, 20) and len(documents) == 20
    assert documents == sampler(window, batch_states=7).generate(n=20, **PLAIN, **filters)
    assert documents[:3] == sampler(window).generate(n=3, **PLAIN, **filters)
    assert documents[0] == sampler(window).generate(**PLAIN, **filters)


def test_no_document_appears_twice():
    documents = sampler().generate(n=100, unique=True, **PLAIN)
    assert len({*documents}) == 100
    plain = sampler().generate(n=100, **PLAIN)
    distinct = [*dict.fromkeys(plain)]
    assert documents[: len(distinct)] == distinct and len(distinct) < 100


def test_filters_work_together_and_with_seeds_and_labels():
    labelled = BigramModel([*NAMES, "Bob", "Bobo"], ["name"] * len(NAMES) + ["other"] * 2).sampler()
    labelled.corpus = Corpus((*NAMES, "Bob", "Bobo"))
    documents = labelled.generate("A", n=15, label="name", novel=True, unique=True, **PLAIN)
    assert len({*documents}) == 15 and not {*documents} & {*NAMES}
    assert all(document.startswith("A") and "o" not in document for document in documents)


def test_what_was_found_is_in_the_error_when_the_tries_run_out():
    few = BigramModel(["ab", "ac"]).sampler()
    few.corpus = Corpus(["ab"])
    with pytest.raises(TriesError, match="only 1 of 5 documents") as caught:
        few.generate(n=5, novel=True, unique=True, tries=20, **PLAIN)
    assert caught.value.documents == ("ac",)
    counts = re.findall(r"([\d,]+) (in the corpus|repeated)", str(caught.value))
    assert "of 100 generated" in str(caught.value) and sum(int(n) for n, _ in counts) == 99
    with pytest.raises(
        TriesError, match="only 0 of 1 documents .* 2 of fewer than 3 characters; raise --tries"
    ):
        few.generate(min_length=3, tries=2)
    with pytest.raises(TriesError, match="2 of more than 1 char"):
        few.generate(max_length=1, tries=2)
    with pytest.raises(TriesError, match="2 with a copy of 1 char"):
        few.generate("ab", max_copy=1, tries=2)


def test_documents_that_get_too_long_are_stopped():
    read = 0

    class Counting(FakeNetwork):
        """A network whose steps are counted."""

        def make_reader(self, allocate):
            reader = endless.network._make_reader(allocate)

            def step(ids):
                nonlocal read
                read += 1
                return reader.step(ids)

            return type(reader)(step, reader.reset, reader.activations, reader.set_labels)

    endless = BigramModel(["ab"])
    endless.weights[-1][endless.vocabulary.document_end_id] -= 1000
    network: Any = Counting()
    model = Sampler(network, endless.vocabulary, None, [])
    with pytest.raises(TriesError, match="only 0 of 4"):
        model.generate(n=4, max_length=10, tries=50)
    assert read < 200  # and not 50 times 10,000


def test_each_seed_gets_its_documents():
    config = TextConfig(Decoding(1.0), sampler().stop_condition(100), 3)
    generate = partial(sampler().generate_candidates, config=config)
    seeds = ["A", "Di", "N", "Na"] * 100
    for filters in ({"unique": True}, {"novel": True, "max_length": 6}):
        selection = Selection(DocumentFilters(**filters), Corpus(NAMES))
        texts = list(selection.select(generate, seeds[:4], 5))
        assert [text.seed for text in texts] == [seed for seed in seeds[:4] for _ in range(5)]
        assert selection.accepted == selection.wanted == 20
        assert selection.generated == 20 + selection.rejected.total()
    selection = Selection(DocumentFilters(min_length=3), None)
    assert [text.seed for text in selection.select(generate, seeds, 2)] == [
        seed for seed in seeds for _ in range(2)
    ]
    # One that cannot have its documents does not keep the others from theirs.
    selection = Selection(DocumentFilters(max_length=4, tries=9), None)
    texts = list(selection.select(generate, ["Aaaa", "Nan"], 3))
    assert {text.seed for text in texts} >= {"Nan"}


def test_a_selection_remembers_documents_between_temperatures():
    selection, texts = Selection(DocumentFilters(unique=True, tries=1000), None), []
    for temperature in (0.8, 1.0):
        config = TextConfig(Decoding(temperature), sampler().stop_condition(100), 3)
        generate = partial(sampler().generate_candidates, config=config)
        texts += [text.document for text in selection.select(generate, [""], 20)]
    assert len({*texts}) == len(texts) == 40


def test_scores_and_labels_come_with_selected_documents():
    config = TextConfig(Decoding(1.0), sampler().stop_condition(100), 3, scores=True)
    generate = partial(sampler().generate_candidates, config=config)
    selection = Selection(DocumentFilters(min_length=4), None)
    for text in selection.select(generate, ["", "Di"], 9):
        logs = sampler().logprobs(text.document)[len(text.seed) :]
        assert text.log_probability == pytest.approx(logs.sum(), abs=1e-4)
        assert text.mean_log_probability == pytest.approx(logs.mean(), abs=1e-4)


def test_the_same_random_seed_gives_the_same_documents():
    filters: Any = {"unique": True, "novel": True, "max_length": 9}
    first, second, third = (
        sampler().generate(n=30, temperature=1.0, random_seed=seed, **filters) for seed in (1, 1, 2)
    )
    assert first == second != third


def test_many_rejections_are_generated_in_waves():
    documents = sampler().generate(n=3, min_length=14, tries=10_000, unique=True, **PLAIN)
    assert len({*documents}) == 3 and all(len(document) >= 14 for document in documents)


@pytest.mark.parametrize(
    ("filters", "option"),
    [
        ({"min_length": 5, "max_length": 4}, "min_length"),
        ({"max_copy": 0}, "max_copy"),
        ({"tries": 0}, "tries"),
        ({"max_length": 0}, "max_length"),
        ({"min_length": -1}, "min_length"),
        ({"unique": 1}, "unique"),
        ({"max_length": 5, "length": 5}, "max_length"),
    ],
)
def test_filters_that_make_no_sense_are_refused(filters, option):
    with raises_settings_error(option):
        sampler().generate(**filters)


def test_filters_that_the_model_cannot_apply_are_refused():
    plain = Sampler(random_network(), Vocabulary("abcdefgh"), None, ["a"])
    for filters in ({"unique": True}, {"novel": True}, {"max_length": 4}):
        with pytest.raises(SettingsError, match=f"{next(iter(filters))} needs a model of doc"):
            plain.generate(**filters)
    for filters in ({"novel": True}, {"max_copy": 4}):
        with pytest.raises(SettingsError, match="loaded from its directory"):
            MODEL.sampler().generate(**filters)
    with pytest.raises(SeedError, match="the seed has 4 characters, more than --max-length 3"):
        sampler().generate("Anna", max_length=3)
    assert sampler().generate("Ann", max_length=3, tries=1000, **PLAIN) == "Ann"
