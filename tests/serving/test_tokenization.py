"""Ids of texts, for clients that count them."""

import pytest

from textgen.model.model_dir import load
from textgen.serving.tokenization import DOCUMENT_END


@pytest.mark.parametrize("name", ["letters", "titles", "words"])
def test_ids_are_those_of_the_vocabulary(server, served_models, name):
    text = "a bad cab\nabba chafe"
    answer = server.post("/tokenize", model=name, prompt=text, add_special_tokens=False).json()
    assert answer["tokens"] == load(served_models[name]).vocabulary.encode(text).tolist()
    assert answer["count"] == len(answer["tokens"])
    back = server.post("/detokenize", model=name, tokens=answer["tokens"]).json()
    assert back == {"prompt": text}


def test_the_document_end(server, served_models):
    def describe(name):
        return server.client.get("/tokenizer_info", params={"model": name}).json()

    assert (describe("letters")["eos_token"], describe("titles")["eos_token"]) == (
        None,
        DOCUMENT_END,
    )
    answer = server.post("/tokenize", model="titles", prompt=DOCUMENT_END).json()
    assert answer["tokens"] == [load(served_models["titles"]).vocabulary.document_end_id]
    assert server.post("/detokenize", model="titles", tokens=answer["tokens"]).json() == {
        "prompt": ""
    }


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/tokenize", {"prompt": "Q"}, "prompt"),
        ("/tokenize", {"prompt": DOCUMENT_END}, "prompt"),
        ("/tokenize", {"prompt": ["a"]}, "prompt"),
        ("/tokenize", {"prompt": "a" * 20_001}, "prompt"),
        ("/detokenize", {"tokens": [99]}, "tokens"),
        ("/detokenize", {"tokens": [0] * 20_001}, "tokens"),
    ],
)
def test_wrong_requests(server, path, body, param):
    answer = server.post(path, model="letters", **body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
