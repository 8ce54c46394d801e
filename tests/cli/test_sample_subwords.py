"""`textgen sample` with a model that has subwords: everything is in characters."""

import json
import subprocess
import sys
from typing import Any

import pytest

import textgen as package
from tests.sampling.subword_models import CHARACTERS, MERGES, SubwordModel
from textgen.text.vocabulary import Vocabulary

FIXED: Any = {"random_seed": 3, "temperature": 1.0}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return SubwordModel().save(tmp_path_factory.mktemp("subwords") / "model")


@pytest.fixture
def sample(textgen, model):
    def run(*arguments, **more):
        fixed = ("--random-seed", 3, "--temperature", 1)
        return textgen("sample", "--model", model, *fixed, *arguments, **more)

    return run


def test_texts_have_as_many_characters_as_requested(sample, model):
    done = sample("--seed", "a th", "--length", 7)
    assert done.stdout.removesuffix("\n") == package.load(model).generate("a th", length=7, **FIXED)
    done = sample("--seed", "th", "-n", 9, "--length", 5, "--format", "jsonl")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [len(record["text"]) for record in records] == [5] * 9
    for record in records:
        assert record["complete"]
        assert record["log_probability"] == pytest.approx(5 * record["mean_log_probability"])
    lines = sample("-n", 9, "--lines", 1, "--no-seed-text", "--seed", "\\n").stdout
    assert lines.count("\n") == 9
    until = sample("-n", 9, "--until", "ab", "--separator", "|", "--seed", "d")
    texts = until.stdout.removesuffix("|").split("|")
    assert len(texts) == 9 and all(text.find("ab") == len(text) - 2 for text in texts)
    skipped = sample("--seed", "théx", "--unknown", "skip", "--length", 2)
    assert len(skipped.stdout.removesuffix("\n")) == len("th") + 2
    assert "left out 2 characters" in skipped.stderr


def test_a_conversation_continues_inside_a_word(sample, model):
    done = sample("-i", "--length", 5, stdin="a th\n\n")
    loaded = package.load(model)
    first = loaded.generate("a th", length=5, **FIXED)
    second = loaded.generate(first, length=5, **FIXED)
    assert done.stdout == f"{first}\n{second.removeprefix(first)}\n"


def test_documents_begin_without_frameworks_and_tokenizers(tmp_path):
    """Both take a moment to import."""
    vocabulary = Vocabulary(CHARACTERS, has_document_end=True, merges=MERGES)
    directory = SubwordModel(vocabulary).save(tmp_path / "model")
    code = (
        "import sys, textgen; print(len(textgen.load(sys.argv[1]).generate(n=3)))\n"
        "print({'tokenizers', 'keras', 'tensorflow', 'jax', 'torch'} & sys.modules.keys())"
    )
    command = [sys.executable, "-c", code, str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "3\nset()\n"
