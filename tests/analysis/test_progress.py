"""How much of a text has been read while it is analysed."""

import numpy as np
import pytest

from tests.analysis.models import LABELS, LETTERS, random_model, save_model
from tests.analysis.source import source
from textgen.analysis.comparison import compare
from textgen.analysis.document_scores import evaluate_each
from textgen.analysis.evaluation import evaluate
from textgen.analysis.label_comparison import compare_labels
from textgen.sampling import scorer
from textgen.settings import CorpusConfig


@pytest.fixture
def text(monkeypatch):
    monkeypatch.setattr(scorer, "_STEPS", 100)
    letters = np.random.default_rng(0).choice(list(LETTERS), 1000)
    return "".join(letters) + "\n"


@pytest.mark.parametrize("options", [{}, {"windows": 30}, {"documents": "lines"}, {"exact": True}])
def test_characters_are_counted_up_to_the_end(tmp_path, text, options):
    model, calls = save_model(random_model(CorpusConfig(documents="none")), tmp_path / "model"), []
    evaluate([source(text)], model, on_progress=lambda *call: calls.append(call), **options)
    read = [done for done, _ in calls]
    assert read == sorted(read)
    length = len(text) - (text.count("\n") if options.get("documents") else 0)
    assert length - 31 <= read[-1] <= length
    assert len(calls) > 5 or options.keys() & {"documents", "windows"}


def test_a_file_has_a_known_length(tmp_path, text):
    model, calls = save_model(random_model(CorpusConfig(documents="none")), tmp_path / "model"), []
    path = tmp_path / "text.txt"
    path.write_text(text)
    list(evaluate_each(path, model, on_progress=lambda *call: calls.append(call)))
    letters = len(text) - text.count("\n")
    assert calls[-1] == (letters, letters)
    compared = list[tuple[str, int, int | None]]()
    compare([model], path, lambda *call: compared.append(call))
    assert compared[-1] == (str(model), len(text) - 1, len(text))  # nothing predicts the first


def test_labels_are_compared_under_all_values(tmp_path, text):
    trained = random_model(CorpusConfig(documents="lines"), labels=LABELS)
    model, calls = save_model(trained, tmp_path / "model"), []
    comparison = compare_labels(
        model,
        [source(text)],
        label="author",
        documents="lines",
        on_progress=lambda *call: calls.append(call),
    )
    assert comparison.documents > 5 and calls[-1][0] == calls[-1][1]
    assert calls[-1][1] == 3 * sum(len(line) for line in text.split("\n"))
