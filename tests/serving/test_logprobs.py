"""Log-probabilities in answers: exact, of the tokens that a client gets."""

import math

import pytest

from tests.serving.events import read_events
from textgen.model.model_dir import load


def test_log_probabilities_are_exact(server, served_models):
    request = {"model": "letters", "prompt": "abc", "max_tokens": 20, "seed": 4}
    (choice,) = server.post(**request, logprobs=3, temperature=0.5).json()["choices"]
    scores = choice["logprobs"]
    assert "".join(scores["tokens"]) == choice["text"]
    assert scores["text_offset"] == list(range(20))
    expected = load(served_models["letters"]).logprobs("abc" + choice["text"])[2:]
    assert scores["token_logprobs"] == pytest.approx(expected.tolist(), abs=1e-5)
    for token, logprob, top in zip(
        scores["tokens"], scores["token_logprobs"], scores["top_logprobs"], strict=True
    ):
        assert len(top) - (token not in list(top)[:3]) == 3
        assert top[token] == logprob
        assert list(top.values())[:3] == sorted(top.values(), reverse=True)[:3]


@pytest.mark.parametrize("max_tokens", [0, 5])
def test_echo_scores_the_prompt(server, served_models, max_tokens):
    answer = server.post(
        model="letters", prompt="abcfed", max_tokens=max_tokens, echo=True, logprobs=2, seed=1
    ).json()
    (choice,) = answer["choices"]
    assert choice["text"].startswith("abcfed")
    assert len(choice["text"]) == 6 + max_tokens
    scores = choice["logprobs"]
    assert (scores["token_logprobs"][0], scores["top_logprobs"][0]) == (None, None)
    expected = load(served_models["letters"]).logprobs(choice["text"]).tolist()
    assert scores["token_logprobs"][1:] == pytest.approx(expected, abs=1e-5)
    assert scores["text_offset"] == list(range(6 + max_tokens))
    assert answer["usage"]["completion_tokens"] == max_tokens
    assert all(math.isfinite(value) for value in scores["token_logprobs"][1:])


def test_a_document_is_scored_from_its_first_character(server, served_models):
    ask = {"model": "titles", "max_tokens": 0, "echo": True, "logprobs": 1, "label": "horror"}
    (choice,) = server.post(**ask, prompt="abcfed").json()["choices"]
    expected = load(served_models["titles"]).logprobs("abcfed", label="horror")
    scores = choice["logprobs"]["token_logprobs"]
    assert scores == pytest.approx(expected[:-1].tolist(), abs=1e-5)  # the last is of the end


@pytest.mark.parametrize("max_tokens", [0, 20])
def test_subwords_are_scored_whole(server, served_models, max_tokens):
    ask = {"model": "words", "echo": True, "logprobs": 2, "seed": 2, "max_tokens": max_tokens}
    (choice,) = server.post(**ask, prompt="abb chfae").json()["choices"]
    scores = choice["logprobs"]
    assert "".join(scores["tokens"])[: len(choice["text"])] == choice["text"]
    ids = load(served_models["words"]).vocabulary.encode("abb chfae")
    expected = load(served_models["words"]).logprobs("abb chfae").sum()
    assert sum(scores["token_logprobs"][1 : len(ids)]) == pytest.approx(expected, abs=1e-5)
    places = zip(scores["tokens"], scores["text_offset"], strict=True)
    assert all(choice["text"].startswith(token, place) for token, place in places)


def test_a_stream_has_the_same_scores(server):
    ask = {"model": "letters", "prompt": "abc", "max_tokens": 60, "seed": 4, "logprobs": 2}
    ask |= {"stop": "fe", "echo": True}
    (choice,) = server.post(**ask).json()["choices"]
    parts = [part["choices"][0] for part in read_events(server.post(**ask, stream=True))]
    assert "".join(part["text"] for part in parts) == choice["text"]
    for name, values in choice["logprobs"].items():
        assert [value for part in parts for value in part["logprobs"][name] or []] == values
