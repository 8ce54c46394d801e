"""Programs and libraries that people have already, with `textgen serve` as their server."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types import Completion, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.optional import present
from tests.serving.processes import serve_in_process
from textgen.model.model_dir import load

LLM = Path(sys.executable).with_name("llm")
NODE, CURL = shutil.which("node") or "", shutil.which("curl") or ""
REQUEST: dict[str, Any] = {
    "model": "letters",
    "prompt": "abc",
    "max_tokens": 40,
    "temperature": 0.8,
    "seed": 7,
}
CHAT: dict[str, Any] = {**REQUEST, "messages": [{"role": "user", "content": "abc"}]}
del CHAT["prompt"]
LONG: dict[str, Any] = {**REQUEST, "max_tokens": 1_000_000}
KEY = "secret"


@pytest.fixture(scope="module")
def page() -> Iterator[ThreadingHTTPServer]:
    """Another site, on another port."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(Path(__file__).parent / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        threading.Thread(target=site.serve_forever).start()
        yield site
        site.shutdown()


@pytest.fixture(scope="module")
def address(served_models, page):
    """A server for everybody on this computer, and for pages of that site."""
    origin = f"http://127.0.0.1:{page.server_port}"
    with serve_in_process(served_models, "--allow-origin", origin) as server:
        yield server.address


@pytest.fixture(scope="module")
def busy_address(served_models):
    """A server with a key that generates one text at a time, and lets none wait."""
    limits = ("--rows", "1", "--max-waiting", "0", "--max-length", "1000000")
    with serve_in_process(served_models, *limits, key=KEY) as server:
        yield server.address


@pytest.fixture
def client(address):
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as found:
        yield found


@pytest.fixture(scope="module")
def expected(served_models):
    """What `textgen sample` writes for REQUEST, after its prompt."""
    text = load(served_models["letters"]).generate("abc", length=40, random_seed=7, temperature=0.8)
    return text.removeprefix("abc")


def test_openai_completions(client, expected, served_models):
    answer = client.completions.create(**REQUEST)
    assert [choice.text for choice in answer.choices] == [expected]
    assert answer.choices[0].finish_reason == "length"
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (3, 43)
    several = client.completions.create(**{**REQUEST, "prompt": ["abc", "bad"]}, n=2, echo=True)
    sampler = load(served_models["letters"])
    options: dict[str, Any] = {"length": 40, "random_seed": 7, "temperature": 0.8}
    texts = [choice.text for choice in several.choices]
    assert texts[:2] == sampler.generate("abc", n=2, **options)
    assert [text[:3] for text in texts] == ["abc", "abc", "bad", "bad"]
    assert [choice.index for choice in several.choices] == [0, 1, 2, 3]


def test_openai_streams(client, expected):
    stream = client.completions.create(
        **REQUEST, stream=True, stream_options={"include_usage": True}
    )
    *parts, last = stream
    assert "".join(part.choices[0].text for part in parts) == expected
    assert [part.choices[0].finish_reason for part in parts][-1] == "length"
    assert (last.choices, last.usage.completion_tokens) == ([], 40)


def test_openai_stop(client, expected):
    answer = client.completions.create(**REQUEST, stop=[expected[10:12]])
    assert answer.choices[0].text == expected[: expected.index(expected[10:12])]
    assert answer.choices[0].finish_reason == "stop"


def test_openai_chat(client, expected):
    answer = client.chat.completions.create(**CHAT)
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content == expected
    stream = list(client.chat.completions.create(**CHAT, stream=True))
    assert stream[0].choices[0].delta.role == "assistant"
    assert not any(part.choices[0].delta.role for part in stream[1:])
    assert "".join(part.choices[0].delta.content or "" for part in stream) == expected
    assert stream[-1].choices[0].finish_reason == "length"
    # The helper that collects a stream takes a text that is cut as an error.
    with client.chat.completions.stream(**CHAT, stop=[expected[10:12]]) as events:
        content = events.get_final_completion().choices[0].message.content
    assert content == expected[: expected.index(expected[10:12])]


def test_openai_asynchronously(address, expected):
    async def write() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="none") as client:
            create = client.completions.create
            answers = await asyncio.gather(*(create(**REQUEST) for _ in range(8)))
            stream = await create(**REQUEST, stream=True)
            parts = [part.choices[0].text async for part in stream]
        return [*(answer.choices[0].text for answer in answers), "".join(parts)]

    # In a thread without an event loop: this one may have that of a browser.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(asyncio.run, write()).result() == [expected] * 9


def test_openai_models(client):
    assert [model.id for model in client.models.list()] == ["letters", "titles", "words"]
    model = client.models.retrieve("titles")
    assert (model.object, model.owned_by) == ("model", "textgen")


def test_openai_extensions(client, served_models):
    answer = client.completions.with_raw_response.create(
        model="titles",
        prompt="",
        n=3,
        seed=5,
        user="me",
        extra_body={"label": "horror", "top_k": 4},
    )
    assert answer.headers["x-textgen-ignored"] == "user"
    expected = load(served_models["titles"]).generate(
        n=3, random_seed=5, temperature=1.0, label="horror", top_k=4
    )
    assert [choice.text for choice in answer.parse().choices] == expected


@pytest.mark.parametrize(
    ("error", "change"),
    [
        (openai.NotFoundError, {"model": "gpt-4"}),
        (openai.BadRequestError, {"prompt": "Q"}),
        (openai.BadRequestError, {"max_tokens": 10**6}),
        (openai.BadRequestError, {"logit_bias": {"1": 5}}),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
def test_openai_errors(client, error, change, streams):
    with pytest.raises(error) as caught:
        client.completions.create(**{**REQUEST, **change}, stream=streams)
    assert caught.value.param == next(iter(change))
    assert caught.value.body["message"] in str(caught.value)


def test_openai_sends_the_key(busy_address):
    wrong = openai.OpenAI(base_url=f"{busy_address}/v1", api_key="wrong", max_retries=0)
    with wrong, pytest.raises(openai.AuthenticationError) as caught:
        wrong.models.list()
    assert caught.value.code == "invalid_api_key"


def test_openai_tries_again_while_the_server_is_busy(busy_address):
    client = openai.OpenAI(base_url=f"{busy_address}/v1", api_key=KEY, max_retries=0)
    with client, client.completions.create(**LONG, stream=True) as stream:
        next(iter(stream))
        with pytest.raises(openai.RateLimitError) as caught:
            client.completions.create(**REQUEST)
        assert caught.value.response.headers["retry-after"] == "1"
        threading.Timer(0.2, stream.close).start()
        answer = client.with_options(max_retries=2).completions.create(**REQUEST)
    assert len(answer.choices[0].text) == 40


def test_a_stream_that_is_closed_makes_room(busy_address):
    with openai.OpenAI(base_url=f"{busy_address}/v1", api_key=KEY, max_retries=2) as client:
        for _ in range(2):
            with client.completions.create(**LONG, stream=True) as stream:
                next(iter(stream))


def test_answers_have_the_types_of_the_client(client):
    """The client itself accepts whatever it gets."""
    raw = client.with_raw_response
    answer = raw.completions.create(**REQUEST, n=2, logprobs=3).http_response
    body = Completion.model_validate_json(answer.content, strict=True)
    assert not body.model_extra
    assert all(choice.logprobs and not choice.model_extra for choice in body.choices)
    chat = raw.chat.completions.create(**CHAT).http_response
    assert not ChatCompletion.model_validate_json(chat.content, strict=True).model_extra
    stream = raw.chat.completions.create(
        **CHAT, stream=True, stream_options={"include_usage": True}
    ).http_response
    events = stream.read().decode().removesuffix("\n\n").split("\n\n")
    assert events.pop() == "data: [DONE]"
    for event in events:
        chunk = ChatCompletionChunk.model_validate_json(event.removeprefix("data: "), strict=True)
        assert not chunk.model_extra
        assert all(not choice.model_extra for choice in chunk.choices)
    model = raw.models.retrieve("letters").http_response
    assert present(Model.model_validate_json(model.content, strict=True).model_extra).keys() == {
        "textgen"
    }


@pytest.fixture
def llm(address, tmp_path):
    """Runs `llm`, which knows the server's models as completion and as chat."""
    if not LLM.exists():
        pytest.skip("no llm here")
    models: list[dict[str, Any]] = [
        {"model_id": "letters", "model_name": "letters", "completion": True},
        {"model_id": "chat", "model_name": "letters"},
    ]
    (tmp_path / "extra-openai-models.yaml").write_text(
        json.dumps([{**model, "api_base": f"{address}/v1"} for model in models])  # JSON is YAML
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [LLM, *arguments],
            env={**os.environ, "LLM_USER_PATH": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.mark.parametrize("arguments", [["-m", "letters"], ["-m", "chat", "--no-stream"]])
def test_llm(llm, arguments, expected):
    options = ["-o", "max_tokens", "40", "-o", "temperature", "0.8", "-o", "seed", "7"]
    done = llm(*arguments, "abc", *options)
    assert (done.returncode, done.stdout.removesuffix("\n")) == (0, expected.removesuffix("\n"))


def test_llm_shows_errors(llm):
    done = llm("-m", "letters", "Q", "--no-stream")
    assert done.returncode == 1
    problem = "prompt: character 1, 'Q' (U+0051), is not in the model's vocabulary; leave it out"
    assert done.stderr.endswith(f"{problem}\n")


@pytest.mark.skipif(not CURL, reason="no curl here")
def test_curl(address, expected):
    command = [CURL, "--silent", "--no-buffer", f"{address}/v1/completions", "--json"]
    done = subprocess.run([*command, json.dumps({**REQUEST, "stream": True})], capture_output=True)
    lines = done.stdout.decode().split("\n\n")[:-1]
    assert lines.pop() == "data: [DONE]"
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert "".join(event["choices"][0]["text"] for event in events) == expected


# Reads a stream as pages and Node do, from whatever chunks it arrives in.
READ = """async ([address, request]) => {
  const answer = await fetch(`${address}/v1/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...request, stream: true, user: "me" }),
  });
  let text = "", rest = "";
  for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + part).split("\\n\\n");
    rest = lines.pop();
    for (const line of lines)
      if (line !== "data: [DONE]") text += JSON.parse(line.slice(6)).choices[0].text;
  }
  return { text, status: answer.status, ignored: answer.headers.get("X-Textgen-Ignored") };
}"""


def test_a_page_of_an_allowed_site(browser, page, address, expected):
    found = {"text": expected, "status": 200, "ignored": "user"}
    tab = browser.new_page()
    tab.goto(f"http://127.0.0.1:{page.server_port}/nothing")
    assert tab.evaluate(READ, [address, REQUEST]) == found
    tab.goto(f"http://localhost:{page.server_port}/nothing")  # another site
    with pytest.raises(Exception, match="Failed to fetch"):
        tab.evaluate(READ, [address, REQUEST])
    tab.close()


@pytest.mark.skipif(not NODE, reason="no Node here")
def test_node(address, expected):
    code = f"({READ})({json.dumps([address, REQUEST])}).then(r => console.log(JSON.stringify(r)))"
    done = subprocess.run([NODE, "-e", code], capture_output=True, timeout=60)
    assert json.loads(done.stdout)["text"] == expected, done.stderr.decode()
