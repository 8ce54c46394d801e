"""POST /v1/chat/completions: the last message of the user is the prompt."""

import pytest

from tests.serving.events import read_events

CHAT = "/v1/chat/completions"
ASK = {"model": "letters", "seed": 3, "max_tokens": 30}


def messages(*contents):
    return [{"role": "user", "content": content} for content in contents]


def test_an_answer_continues_the_message(server):
    (expected,) = server.texts(**ASK, prompt="abc")
    answer = server.post(CHAT, **ASK, messages=messages("abc")).json()
    assert (answer["object"], answer["id"][:9]) == ("chat.completion", "chatcmpl-")
    (choice,) = answer["choices"]
    assert choice["message"] == {"role": "assistant", "content": expected, "refusal": None}
    assert choice["finish_reason"] == "length"
    assert answer["usage"] == {"prompt_tokens": 3, "completion_tokens": 30, "total_tokens": 33}


def test_a_stream_has_the_same_text(server):
    ask = {**ASK, "n": 2, "messages": messages("abc")}
    whole = server.post(CHAT, **ask).json()
    usage = {"stream": True, "stream_options": {"include_usage": True}}
    *parts, last = read_events(server.post(CHAT, **ask, **usage))
    assert last["usage"] == whole["usage"]
    for choice in whole["choices"]:
        own = [c for part in parts for c in part["choices"] if c["index"] == choice["index"]]
        assert own[0]["delta"] == {"role": "assistant", "content": ""}
        text = "".join(part["delta"].get("content", "") for part in own)
        assert text == choice["message"]["content"]
        assert own[-1]["finish_reason"] == "length"


def test_earlier_messages_are_ignored_and_named(server):
    history = [
        {"role": "system", "content": "Be brief."},
        *messages("fed"),
        {"role": "assistant", "content": "feed"},
        *messages([{"type": "text", "text": "ab"}, {"type": "text", "text": "c"}]),
    ]
    answer = server.post(CHAT, **ASK, messages=history)
    assert answer.headers["x-textgen-ignored"] == "messages"
    assert answer.json()["choices"][0]["message"]["content"] == server.texts(**ASK, prompt="abc")[0]


def test_the_newer_name_of_the_length(server):
    ask = {"model": "letters", "messages": messages("abc"), "max_completion_tokens": 7}
    (choice,) = server.post(CHAT, **ask).json()["choices"]
    assert len(choice["message"]["content"]) == 7


@pytest.mark.parametrize(
    ("param", "body"),
    [
        ("messages", {"messages": []}),
        ("messages", {"messages": [{"role": "system", "content": "abc"}]}),
        ("messages", {"messages": [{"content": "abc"}]}),
        (
            "messages",
            {"messages": messages([{"type": "image_url", "image_url": {"url": "file:"}}])},
        ),
        ("messages", {}),
        ("tools", {"messages": messages("abc"), "tools": [{"type": "function"}]}),
        (
            "response_format",
            {"messages": messages("a"), "response_format": {"type": "json_object"}},
        ),
        ("logprobs", {"messages": messages("abc"), "logprobs": True}),
        ("prompt", {"messages": messages("abcQ")}),
    ],
)
def test_a_wrong_field_is_an_error_that_names_it(server, param, body):
    answer = server.post(CHAT, **ASK, **body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
