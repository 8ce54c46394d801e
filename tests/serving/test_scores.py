"""Log-probabilities: those of `textgen evaluate`, as lm-evaluation-harness asks for them."""

from dataclasses import dataclass
from pathlib import Path

import pytest

import textgen
from tests.analysis.models import LABELS, MERGES, random_model, save_model
from tests.serving.serving import CONTINUOUS, DOCUMENTS, Running, serve
from textgen.model.model_dir import load
from textgen.settings import Decoding, ServeConfig

TEXTS = [
    "a bad cab\nabba chafe face\n\nbabe",
    "hag",
    "feed a gaffe abbabb chchfae\n" * 30,
]


@dataclass(frozen=True)
class Scored:
    """A model that is served, and how it is asked."""

    server: Running
    name: str
    directory: Path

    def score(self, prompt, max_tokens=1):
        """The choices that lm-evaluation-harness asks for."""
        answer = self.server.post(
            model=self.name,
            prompt=prompt,
            temperature=0,
            max_tokens=max_tokens,
            logprobs=1,
            seed=1234,
            echo=True,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["choices"]

    def encode(self, text):
        body = {"model": self.name, "prompt": text, "add_special_tokens": False}
        return self.server.post("/tokenize", **body).json()["tokens"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scored")
    models = {
        "letters": random_model(CONTINUOUS),
        "window": random_model(CONTINUOUS, window=5),
        "words": random_model(CONTINUOUS, merges=MERGES),
        "words-window": random_model(CONTINUOUS, window=5, merges=MERGES),
        "titles": random_model(DOCUMENTS, labels=LABELS),
        "plain-titles": random_model(DOCUMENTS),
        "title-words": random_model(DOCUMENTS, merges=MERGES),
    }
    directories = {name: save_model(model, folder / name) for name, model in models.items()}
    with serve(directories, ServeConfig(rows=4)) as server:
        yield {name: Scored(server, name, path) for name, path in directories.items()}


CONTINUOUS_MODELS = ["letters", "window", "words", "words-window"]
DOCUMENT_MODELS = ["titles", "title-words"]


@pytest.mark.parametrize("max_tokens", [0, 1])
@pytest.mark.parametrize("is_text", [True, False])
@pytest.mark.parametrize("name", CONTINUOUS_MODELS)
def test_a_text_has_the_loss_of_evaluate(models, name, is_text, max_tokens, tmp_path):
    model = models[name]
    prompts = TEXTS if is_text else [model.encode(text) for text in TEXTS]
    for text, choice in zip(TEXTS, model.score(prompts, max_tokens), strict=True):
        path = tmp_path / "text.txt"
        path.write_text(text)
        expected = textgen.evaluate(path, model=model.directory)
        count = len(model.encode(text))
        first, *scores = choice["logprobs"]["token_logprobs"][:count]
        assert first is None
        assert -sum(scores) / expected.predicted == pytest.approx(expected.loss, abs=1e-5)
        tokens = choice["logprobs"]["tokens"]
        assert len(tokens) == count + max_tokens
        assert "".join(tokens) == choice["text"]
        offsets = [len("".join(tokens[:place])) for place in range(len(tokens))]
        assert choice["logprobs"]["text_offset"] == offsets


@pytest.mark.parametrize("name", ["plain-titles", "title-words"])
def test_documents_have_the_loss_of_evaluate(models, name):
    """With their ends, whose probability is that of no more text."""
    model = models[name]
    texts = [text.replace("\n", " ") for text in TEXTS]
    total = 0.0
    for text, choice in zip(texts, model.score(texts), strict=True):
        count = len(model.encode(text))
        total += sum(choice["logprobs"]["token_logprobs"][:count])
        # As ids, since a text that ends inside a word can be continued by longer subwords, too.
        body = {"model": name, "prompt": model.encode(text), "max_tokens": 1, "logprobs": 20}
        (choice,) = model.server.post(**body).json()["choices"]
        total += choice["logprobs"]["top_logprobs"][0][""]
    expected = textgen.evaluate(documents=texts, model=model.directory)
    assert -total / expected.predicted == pytest.approx(expected.loss, abs=1e-5)


@pytest.mark.parametrize("name", DOCUMENT_MODELS)
def test_ids_that_begin_with_the_document_end_have_as_many_tokens(models, name):
    model = models[name]
    about = model.server.client.get("/tokenizer_info", params={"model": name}).json()
    (end,) = model.encode(about["eos_token"])
    for text in ("a bad cab", "hag"):
        ids = [end, *model.encode(text)]
        (choice,) = model.score([ids], max_tokens=0)
        tokens, scores = (choice["logprobs"][field] for field in ("tokens", "token_logprobs"))
        assert (len(tokens), tokens[0], scores[0]) == (len(ids), "", None)
        (expected,) = model.score([text], max_tokens=0)
        assert scores[1:] == expected["logprobs"]["token_logprobs"]
        assert choice["logprobs"]["text_offset"][1:] == expected["logprobs"]["text_offset"]


@pytest.mark.parametrize("name", [*CONTINUOUS_MODELS, *DOCUMENT_MODELS])
def test_there_is_one_token_after_the_prompt(models, name):
    """lm-evaluation-harness leaves the last one out, so it has to be there, and only once."""
    model = models[name]
    prompts = ["a", "abba", "bad cab", "f", "gaffe", "hag", "head", "ha", "c"]
    for prompt, choice in zip(prompts, model.score(prompts), strict=True):
        assert len(choice["logprobs"]["tokens"]) == len(model.encode(prompt)) + 1


@pytest.mark.parametrize("name", [*CONTINUOUS_MODELS, *DOCUMENT_MODELS])
def test_scores_do_not_change_the_texts(models, name):
    """Also after prompts that end inside a subword."""
    body = {"model": name, "prompt": ["ab", "fed", "cab f"], "n": 9, "seed": 2, "max_tokens": 30}
    texts = models[name].server.texts(**body, echo=True)
    answer = models[name].server.post(**body, echo=True, logprobs=2)
    choices = answer.json()["choices"]
    assert [choice["text"] for choice in choices] == texts
    assert ["".join(choice["logprobs"]["tokens"]) for choice in choices] == texts
    assert len(set(texts)) > 20


@pytest.mark.parametrize("name", CONTINUOUS_MODELS)
def test_tokens_that_are_the_most_likely_ones_can_be_recognised(models, name):
    """As lm-evaluation-harness does: with equal numbers."""
    model = models[name]
    (choice,) = model.score("abba", max_tokens=20)
    scores = choice["logprobs"]["token_logprobs"][len(model.encode("abba")) :]
    top = choice["logprobs"]["top_logprobs"][len(model.encode("abba")) :]
    assert scores and scores == [max(alternatives.values()) for alternatives in top]


def test_the_end_of_a_document_is_a_token_without_characters(models):
    model = models["titles"]
    sampler = load(model.directory)
    answer = model.server.post(model="titles", n=8, prompt="", max_tokens=200, logprobs=0, seed=3)
    expected = sampler.generate_batch(
        [""] * 8, Decoding(1.0), sampler.stop_condition(200), 3, scores=True
    )
    for choice, text in zip(answer.json()["choices"], expected, strict=True):
        logprobs = choice["logprobs"]
        assert (choice["finish_reason"], logprobs["tokens"][-1]) == ("stop", "")
        assert sum(logprobs["token_logprobs"]) == pytest.approx(text.log_probability, abs=1e-4)
        assert logprobs["text_offset"][-1] == len(choice["text"])
