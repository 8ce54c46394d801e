"""POST /v1/completions: the texts that `textgen sample` writes, as clients expect them."""

from typing import Any

import pytest

from tests.serving.events import read_events
from textgen.model.model_dir import load


@pytest.mark.parametrize("name", ["letters", "titles", "words"])
def test_the_texts_are_those_of_the_sampler(server, served_models, name):
    texts = server.texts(model=name, prompt="abc", n=3, seed=7, max_tokens=30, temperature=0.8)
    sampler = load(served_models[name])
    expected = sampler.generate("abc", n=3, random_seed=7, length=30, temperature=0.8)
    assert ["abc" + text for text in texts] == expected


@pytest.mark.parametrize("name", ["letters", "titles", "words"])
def test_the_texts_are_controlled_as_those_of_the_sampler(server, served_models, name):
    options: dict[str, Any] = {
        "temperature": 0.8,
        "ban": "x-z",
        "repetition_penalty": 1.5,
        "no_repeat": 6,
    }
    texts = server.texts(model=name, prompt="abc", n=3, seed=7, max_tokens=30, **options)
    expected = load(served_models[name]).generate("abc", n=3, random_seed=7, length=30, **options)
    assert ["abc" + text for text in texts] == expected


def test_a_stop_text_with_a_banned_character_stops_nothing(server):
    request = {"model": "letters", "prompt": "abc", "max_tokens": 20, "seed": 5, "ban": "a"}
    assert server.texts(**request, stop="ba") == server.texts(**request)


def test_an_answer_has_what_clients_read(server):
    answer = server.post(model="letters", prompt="abc", max_tokens=12, seed=1)
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body.keys() == {"id", "object", "created", "model", "choices", "usage"}
    assert (body["object"], body["model"]) == ("text_completion", "letters")
    (choice,) = body["choices"]
    assert choice.keys() == {"index", "text", "logprobs", "finish_reason"}
    assert (choice["index"], choice["finish_reason"], choice["logprobs"]) == (0, "length", None)
    assert len(choice["text"]) == 12
    assert body["usage"] == {"prompt_tokens": 3, "completion_tokens": 12, "total_tokens": 15}


def test_temperature_is_1_by_default_and_0_is_the_most_likely(server):
    request = {"model": "letters", "prompt": "abc", "max_tokens": 40, "seed": 3}
    assert server.texts(**request) == server.texts(**request, temperature=1)
    greedy = [server.texts(**{**request, "seed": seed}, temperature=0) for seed in (1, 2)]
    assert greedy[0] == greedy[1]


def test_a_stream_has_the_same_text(server):
    request = {"model": "letters", "prompt": ["abc", "fed"], "n": 2, "max_tokens": 40, "seed": 3}
    whole = server.post(**request).json()
    answer = server.post(**request, stream=True, stream_options={"include_usage": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    *parts, last = read_events(answer)
    assert (last["choices"], last["usage"]) == ([], whole["usage"])
    assert all(part["usage"] is None for part in parts)
    assert {part["id"] for part in parts} == {last["id"]}
    for choice in whole["choices"]:
        own = [c for part in parts for c in part["choices"] if c["index"] == choice["index"]]
        assert "".join(part["text"] for part in own) == choice["text"]
        assert [part["finish_reason"] for part in own][-1] == choice["finish_reason"]
        assert not any(part["finish_reason"] for part in own[:-1])


def test_a_stop_text_ends_a_text_and_is_left_out(server):
    request = {"model": "letters", "prompt": "abc", "max_tokens": 200, "seed": 5}
    (whole,) = server.texts(**request)
    stop = whole[60:63]
    for streams in (False, True):
        # Q is not in the vocabulary, so it cannot occur.
        answer = server.post(**request, stop=["Q", stop, ""], stream=streams)
        choices = [
            c
            for part in (read_events(answer) if streams else [answer.json()])
            for c in part["choices"]
        ]
        assert "".join(choice["text"] for choice in choices) == whole[: whole.index(stop)]
        assert choices[-1]["finish_reason"] == "stop"


def test_a_prompt_of_ids_is_that_of_its_text(server, served_models):
    ids = load(served_models["letters"]).vocabulary.encode("abc").tolist()
    request = {"model": "letters", "max_tokens": 20, "seed": 5}
    texts = server.texts(**request, prompt="abc")
    assert server.texts(**request, prompt=ids) == texts
    assert server.texts(**request, prompt=[ids]) == texts


def test_without_a_prompt_a_text_starts_as_sample_starts_it(server, served_models):
    for name in ("letters", "titles"):
        request = {"model": name, "max_tokens": 20, "seed": 5, "temperature": 1, "echo": True}
        expected = load(served_models[name]).generate(random_seed=5, length=20, temperature=1.0)
        (choice,) = server.post(**request).json()["choices"]
        assert choice["text"] == expected
        assert expected.startswith(choice.get("textgen", {}).get("prompt", ""))
        assert ("prompt" in choice.get("textgen", {})) == (name == "letters")


def test_labels_choose_the_documents(server, served_models):
    request = {"model": "titles", "prompt": "", "max_tokens": 50, "seed": 5, "n": 4}
    sampler = load(served_models["titles"])
    for label in ("horror", ["genre=horror", "author=Ann"], {"genre": "comedy"}):
        expected = sampler.generate(n=4, length=50, random_seed=5, temperature=1.0, label=label)
        assert server.texts(**request, label=label) == expected
        labels = [
            choice["textgen"]["labels"]
            for choice in server.post(**request, label=label).json()["choices"]
        ]
        assert {each["genre"] for each in labels} == {
            "comedy" if label == {"genre": "comedy"} else "horror"
        }


def test_documents_that_pass_filters(server, served_models):
    request = {"model": "titles", "n": 5, "seed": 5, "unique": True, "match": "a.*b"}
    expected = load(served_models["titles"]).generate(
        n=5, random_seed=5, temperature=1.0, unique=True, match="a.*b"
    )
    assert server.texts(**request) == expected
    parts = read_events(server.post(**request, stream=True))
    assert [part["choices"][0]["text"] for part in parts] == expected


def test_too_few_documents_are_an_error(server):
    answer = server.post(model="titles", n=2, min_length=500, tries=3)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "too_few_documents"
    assert error["message"] == (
        "only 0 of 2 documents passed the filters (6 of fewer than 500 characters); raise tries, "
        "or ask for less"
    )
    (event,) = read_events(server.post(model="titles", n=2, min_length=500, tries=3, stream=True))
    assert event == answer.json()


def test_unknown_fields_are_ignored_and_named(server):
    answer = server.post(
        model="letters", prompt="abc", max_tokens=1, user="me", frequency_penalty=0, **{"ü\n": 1}
    )
    assert answer.status_code == 200
    assert answer.headers["x-textgen-ignored"] == "?, user"


@pytest.mark.parametrize(
    ("param", "body"),
    [
        ("prompt", {"prompt": 3}),
        ("prompt", {"prompt": []}),
        ("prompt", {"prompt": ["abc", 3]}),
        ("prompt", {"prompt": "abcQ"}),
        ("prompt", {"prompt": [1, 99]}),
        ("prompt", {"prompt": "a" * 20_001}),
        ("max_tokens", {"max_tokens": -1}),
        ("max_tokens", {"max_tokens": 10_001}),
        ("max_tokens", {"max_tokens": "5"}),
        ("temperature", {"temperature": -1}),
        ("temperature", {"temperature": "0.7"}),
        ("temperature", {"temperature": "1:0.5/word/line"}),
        ("top_p", {"top_p": 0}),
        ("min_p", {"min_p": 2}),
        ("ban", {"ban": "\n -~"}),
        ("ban", {"ban": "z-a"}),
        ("only", {"only": ""}),
        ("only", {"only": "0-9"}),
        ("repetition_penalty", {"repetition_penalty": 0.5}),
        ("no_repeat", {"no_repeat": -1}),
        ("n", {"n": 0}),
        ("n", {"prompt": ["a", "b"], "n": 33}),
        ("stop", {"stop": ["a"] * 17}),
        ("logprobs", {"logprobs": 21}),
        ("label", {"label": "horror"}),
        ("novel", {"novel": True}),
        ("best_of", {"best_of": 0}),
        ("best_of", {"n": 3, "best_of": 2}),
        ("best_of", {"best_of": 3, "stream": True}),
        ("best_of", {"best_of": 65}),
        ("best_of", {"prompt": ["a", "b"], "best_of": 33}),
        ("best_of", {"model": "titles", "n": 2, "best_of": 3, "unique": True}),
        ("suffix", {"suffix": "x"}),
        ("presence_penalty", {"presence_penalty": 0.5}),
        ("logit_bias", {"logit_bias": {"1": 5}}),
        ("grammar", {"grammar": "root"}),
        ("match", {"match": "("}),
        ("match", {"match": "ü"}),
        ("match", {"match": "^b"}),
        ("match", {"match": "b{9}", "max_tokens": 8}),
    ],
)
def test_a_wrong_field_is_an_error_that_names_it(server, param, body):
    answer = server.post(**{"model": "letters", "prompt": "abc", **body})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert "\n" not in error["message"]


def test_models_by_name(server):
    answer = server.post(model="gpt-4", prompt="abc")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model_not_found"
    assert server.post(prompt="abc").status_code == 400
    listed = server.client.get("/v1/models").json()
    assert [model["id"] for model in listed["data"]] == ["letters", "titles", "words"]
    about = server.client.get("/v1/models/titles").json()["textgen"]
    assert about["documents"]
    assert about["labels"][0] == {"name": "genre", "values": ["comedy", "horror"]}
    assert server.client.get("/v1/models/none").status_code == 404


@pytest.mark.parametrize(
    ("request_body", "message"),
    [
        (
            {"model": "letters", "prompt": [[]]},
            "prompt: it is empty; give at least one character, or no prompt at all",
        ),
        (
            {"model": "titles", "min_length": 9, "max_length": 3},
            "min_length must be at most the maximum length, 3, not 9",
        ),
    ],
)
def test_errors_have_the_words_of_requests(server, request_body, message):
    assert server.post(**request_body).json()["error"]["message"] == message
