"""`best_of`: the most probable of several texts, as `textgen sample --best-of` writes it."""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.serving.serving import serve
from tests.serving.test_limits import is_idle, wait_until
from textgen.model.model_dir import load
from textgen.sampling.candidates import rate
from textgen.sampling.texts import Candidate, TextConfig
from textgen.serving.best_of import BestOf
from textgen.serving.engine import Update
from textgen.settings import Decoding, ServeConfig

CONTROLLED = {"temperature": "1.0:0.5", "ban": "x-z", "repetition_penalty": 1.5, "no_repeat": 6}


@pytest.mark.parametrize("options", [{"temperature": 0.8}, CONTROLLED])
@pytest.mark.parametrize("name", ["letters", "titles", "words"])
def test_the_best_text_is_that_of_the_sampler(server, served_models, name, options):
    """Alone, and while others are generated."""
    sampler = load(served_models[name])
    request = {"model": name, "prompt": "ab", "max_tokens": 30, "best_of": 5, **options}
    expected = [
        sampler.generate("ab", random_seed=seed, length=30, best_of=5, **options)
        for seed in range(6)
    ]
    firsts = [sampler.generate("ab", random_seed=seed, length=30, **options) for seed in range(6)]
    assert expected != firsts
    assert ["ab" + server.texts(**request, seed=seed)[0] for seed in range(6)] == expected
    with ThreadPoolExecutor(12) as threads:
        others = [
            threads.submit(server.texts, model=name, prompt="ba", n=9, max_tokens=length)
            for length in (1, 30, 200, 500)
        ]
        texts = list(threads.map(lambda seed: server.texts(**request, seed=seed), range(6)))
        assert all(len(other.result()) == 9 for other in others)
    assert ["ab" + text for (text,) in texts] == expected


@pytest.mark.parametrize("name", ["letters", "titles", "words"])
def test_the_n_best_come_in_order(server, served_models, name):
    sampler = load(served_models[name])
    config = TextConfig(Decoding(1.0), sampler.stop_condition(30), 7, scores=True)
    request = {"model": name, "max_tokens": 30, "seed": 7, "n": 3, "best_of": 8}
    texts = server.texts(**request, prompt=["ab", "ba"])
    for number, prompt in enumerate(("ab", "ba")):
        candidates = [Candidate(prompt, 3 * number, choice=choice) for choice in range(8)]
        found = sampler.generate_candidates(candidates, config)
        ranked = sorted(found, key=rate, reverse=True)
        assert texts[3 * number : 3 * number + 3] == [text.text for text in ranked[:3]]


def test_best_of_n_leaves_nothing_out(server):
    request = {"model": "letters", "prompt": "ab", "max_tokens": 30, "seed": 7, "n": 3}
    assert server.texts(**request, best_of=3) == server.texts(**request)
    assert server.post(**request, best_of=3, stream=True).status_code == 200


def test_the_best_text_has_its_scores_after_those_of_the_prompt(server):
    request = {"model": "letters", "prompt": "abc", "max_tokens": 9, "seed": 7, "best_of": 6}
    (text,) = server.texts(**request)
    scored = {**request, "n": 6, "best_of": 7, "echo": True, "logprobs": 2}
    choices = server.post(**scored).json()["choices"]
    assert choices[0]["text"] == "abc" + server.texts(**{**request, "best_of": 7})[0]
    means = []
    for choice in choices:
        logprobs = choice["logprobs"]
        assert "".join(logprobs["tokens"]) == choice["text"]
        assert [len(values) >= 2 for values in logprobs["top_logprobs"][1:]] == [True] * 11
        means.append(sum(logprobs["token_logprobs"][3:]) / 9)
    assert means == sorted(means, reverse=True)
    assert len(text) == 9


def test_a_stop_text_counts_and_is_left_out(server, served_models):
    request = {"model": "letters", "prompt": "ab", "seed": 7, "best_of": 5, "stop": "ba"}
    expected = load(served_models["letters"]).generate(
        "ab", until="ba", random_seed=7, temperature=1.0, best_of=5
    )
    (choice,) = server.post(**request).json()["choices"]
    assert (f"ab{choice['text']}ba", choice["finish_reason"]) == (expected, "stop")


def test_labels_and_a_missing_prompt_are_those_of_the_sampler(server, served_models):
    for name in ("letters", "titles"):
        sampler = load(served_models[name])
        expected = sampler.generate(random_seed=3, length=30, temperature=1.0, best_of=4)
        request = {"model": name, "max_tokens": 30, "seed": 3, "best_of": 4, "echo": True}
        assert server.texts(**request) == [expected]
    answer = server.post(model="titles", seed=3, label="horror", best_of=4)
    (choice,) = answer.json()["choices"]
    assert choice["textgen"]["labels"]["genre"] == "horror"


def test_filters_judge_the_best_document(server, served_models):
    options: Any = {"best_of": 4, "min_length": 8, "match": "a.*b"}
    sampler = load(served_models["titles"])
    for seed in range(3):
        expected = sampler.generate(random_seed=seed, temperature=1.0, **options)
        assert server.texts(model="titles", seed=seed, **options) == [expected]


def test_chats_have_it_too(server):
    request = {"model": "letters", "max_tokens": 30, "seed": 7, "best_of": 5}
    answer = server.post(
        "/v1/chat/completions", **request, messages=[{"role": "user", "content": "ab"}]
    )
    (choice,) = answer.json()["choices"]
    assert [choice["message"]["content"]] == server.texts(**request, prompt="ab")


def test_without_time_for_all_there_is_no_best_one(served_models):
    """The texts that are left end: others can be generated."""
    limits = ServeConfig(max_length=5_000_000, time_limit=0.5, rows=4)
    with serve({"letters": served_models["letters"]}, limits) as running:
        answer = running.post(prompt="abc", max_tokens=5_000_000, best_of=8)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "timeout")
        wait_until(lambda: is_idle(running))


def test_equal_and_empty_texts():
    received = []
    best = BestOf(3, 4, lambda place, update: received.append((place, update)))
    for number, mean in enumerate((math.nan, -2.0, -1.0, -2.0)):
        best.receive(number, Update([str(number)], [-1.0]))
        assert not received
        best.receive(number, Update([], [], finish="length", mean_log_probability=mean))
    assert [(place, update.pieces) for place, update in received] == [
        (0, ["2"]),
        (1, ["1"]),
        (2, ["3"]),
    ]
    assert received[0][1].log_probabilities == [-1.0]


def test_an_error_comes_at_once():
    received = []
    best = BestOf(1, 2, lambda place, update: received.append((place, update)))
    error = Update([], error=RuntimeError())
    best.receive(1, error)
    assert received == [(0, error)]
