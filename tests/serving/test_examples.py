"""The examples of docs/serving.md, run as they are, and its tables."""

import os
import re
import shutil
import string
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import httpx
import pytest

from tests.analysis.models import model_of_titles, random_model, save_model
from tests.serving.processes import serve_in_process
from tests.serving.serving import CONTINUOUS
from textgen.serving.requests import ChatRequest, CompletionRequest
from textgen.settings import ServeConfig

PAGE = (Path(__file__).parents[2] / "docs/serving.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"
NODE, CURL = shutil.which("node"), shutil.which("curl")
LLM = Path(sys.executable).with_name("llm")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


CURL_ONCE, CURL_STREAM, LLM_PROMPT, LM_EVAL = blocks("bash")
STREAM_AND_DOCUMENTS, SCORES = blocks("python")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A server with the models of the page: poems, and titles with the genre horror."""
    folder = tmp_path_factory.mktemp("examples")
    poems = random_model(CONTINUOUS, string.ascii_letters + " ,\n")
    poems = replace(poems, record=replace(poems.record, seeds=("To be",)))
    directory, *_ = model_of_titles(folder)
    models = {"poems": save_model(poems, folder / "poems"), "titles": directory}
    with serve_in_process(models) as server:
        yield server.address


def run(command, code, address, folder, **environment):
    """What a program writes that reads an example."""
    assert ADDRESS in code or "llm" in code
    done = subprocess.run(
        [*command, code.replace(ADDRESS, address)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(CURL is None, reason="no curl here")
def test_curl(address, tmp_path):
    assert '"object":"text_completion"' in run(["bash", "-c"], CURL_ONCE, address, tmp_path)
    assert run(["bash", "-c"], CURL_STREAM, address, tmp_path).endswith("data: [DONE]\n\n")


def test_python(address, tmp_path):
    text = run([sys.executable, "-c"], STREAM_AND_DOCUMENTS, address, tmp_path)
    assert len(text.split("\n")) > 5 and len(text) > 200
    scores = run([sys.executable, "-c"], SCORES, address, tmp_path).splitlines()
    assert scores[0] == "'T' None"
    assert [line[:3] for line in scores] == [f"'{c}'" for c in "To be, or not to be"]


@pytest.mark.skipif(NODE is None, reason="no Node here")
def test_node(address, tmp_path):
    (example,) = blocks("javascript")
    text = run([NODE, "--input-type=module", "-e"], example, address, tmp_path)
    assert len(text) == 200 + len("\n")


@pytest.mark.skipif(not LLM.exists(), reason="no llm here")
def test_llm(address, tmp_path):
    (models,) = blocks("yaml")
    (tmp_path / "extra-openai-models.yaml").write_text(models.replace(ADDRESS, address))
    path = f"{LLM.parent}:{os.environ['PATH']}"
    text = run(
        ["bash", "-c"], LLM_PROMPT, address, tmp_path, PATH=path, LLM_USER_PATH=str(tmp_path)
    )
    assert len(text) >= 200


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_the_unit_is_one_of_systemd(tmp_path):
    (unit,) = blocks("ini")
    path = tmp_path / "textgen.service"
    path.write_text(unit.replace("/opt/textgen/bin/textgen", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_tables_name_everything_that_there_is(address):
    for field in fields(ServeConfig):
        option = f"`--{field.name.replace('_', '-')}`"
        (row,) = re.findall(rf"^\| {option} \| ([\d,]+) ", PAGE, re.MULTILINE)
        value = int(row.replace(",", ""))
        assert field.default in (value, 60 * value), option
    named = set(re.findall(r"`(\w+)`", PAGE))
    others = {"model", "messages", "max_completion_tokens", "top_logprobs"}
    requests = {*CompletionRequest.model_fields, *ChatRequest.model_fields}
    assert requests - others <= named
    metrics = re.findall(r"^# TYPE (\w+) \w+$", httpx.get(f"{address}/metrics").text, re.MULTILINE)
    documented = set(re.findall(r"`(textgen_\w+)", PAGE))
    assert documented == {name for name in metrics if not name.endswith("_created")}
