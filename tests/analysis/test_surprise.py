"""Documents are inspected one by one, with their ends."""

import json
import math
from typing import Any

import numpy as np
import pytest

from tests.analysis.models import LABELS, random_model, save_model
from tests.analysis.source import source
from tests.analysis.test_document_scores import LINES, NONE, ROWS, TABLE, document_nats, nats
from textgen import evaluate, inspect
from textgen.errors import CorpusError


def bits(values) -> Any:
    return pytest.approx([value / math.log(2) for value in values], abs=1e-5)


@pytest.mark.parametrize("window", [None, 3])
def test_each_document_is_read_from_its_beginning_to_its_end(tmp_path, window):
    trained = random_model(LINES, window=window)
    model = save_model(trained, tmp_path / "model")
    surprises = list(inspect([source("abba\nch\n")], model))
    assert [surprise.character for surprise in surprises] == [*"abba", "", *"ch", ""]
    expected = [*document_nats(trained, "abba", window=window)]
    expected += [*document_nats(trained, "ch", window=window)]
    assert [surprise.bits for surprise in surprises] == bits(expected)
    assert all(len(surprise.likeliest) == 5 for surprise in surprises)
    everything = next(iter(inspect([source("ab")], model, likeliest=99))).likeliest
    assert sorted(name for name, _ in everything) == ["", *sorted("\n abcdefgh")]
    assert sum(share for _, share in everything) == pytest.approx(1)


def test_labels_are_read(tmp_path):
    trained = random_model(ROWS, labels=LABELS)
    model = save_model(trained, tmp_path / "model")
    table = tmp_path / "table.csv"
    table.write_text(TABLE)
    surprises = list(inspect(table, model))
    expected = np.concatenate(
        [
            document_nats(trained, text, label_ids)
            for text, label_ids in (("abba", (1, 1)), ("ch", (2, 1)), ("gad fae", (2, 0)))
        ]
    )
    assert [surprise.bits for surprise in surprises[: len(expected)]] == bits(expected)
    mean = np.mean([surprise.bits for surprise in surprises]) * math.log(2)
    assert mean == pytest.approx(evaluate(table, model).loss, abs=1e-5)


def test_other_kinds_of_text(tmp_path):
    documents = random_model(LINES)
    model = save_model(documents, tmp_path / "documents")
    inside = list(inspect([source("ab\nc")], model, documents="none"))
    vocabulary = documents.record.vocabulary
    expected = nats(documents, vocabulary.encode("ab\nc"), [vocabulary.document_end_id])
    assert [surprise.bits for surprise in inside] == bits(expected)
    continuous = random_model(NONE)
    model = save_model(continuous, tmp_path / "continuous")
    lines = list(inspect([source("ab\ncd")], model, documents="lines"))
    assert [surprise.character for surprise in lines] == [*"ab\n", *"cd\n"]
    ids = continuous.record.vocabulary.encode
    expected = [
        *nats(continuous, ids("ab\n"), ids("\n")),
        *nats(continuous, ids("cd\n"), ids("\n")),
    ]
    assert [surprise.bits for surprise in lines] == bits(expected)
    with pytest.raises(CorpusError, match="the corpus is empty"):
        list(inspect([source("")], model, documents="lines"))


def test_the_command_shows_ends(textgen, tmp_path):
    model = save_model(random_model(LINES), tmp_path / "model")
    done = textgen("inspect", "-", "--model", model, stdin="abba\nch\n")
    assert (done.returncode, done.stdout) == (0, "abba\u25a0\nch\u25a0\n")
    colored = textgen("inspect", "-", "--color", "--model", model, stdin="abba\nch\n")
    assert "\u25a0" in colored.stdout and "\x1b[" in colored.stdout
    lines = textgen("inspect", "-", "--model", model, "--format", "jsonl", stdin="abba\nch\n")
    characters = [json.loads(line)["character"] for line in lines.stdout.splitlines()]
    assert characters == [*"abba", "", *"ch", ""]
