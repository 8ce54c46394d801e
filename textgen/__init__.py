"""Train a character-level recurrent network on your own text with Keras and generate new text.

    import textgen
    textgen.train("corpus.txt", model="textgen-model", time="2m")
    model = textgen.load("textgen-model")
    print(model.generate("To be", length=200, temperature=0.5))

The names below are imported when they are first used, so that `import textgen` is quick and
loading a model for sampling brings in no deep-learning framework.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0.dev0"

if TYPE_CHECKING:
    from textgen.analysis.comparison import compare
    from textgen.analysis.document_scores import evaluate_each
    from textgen.analysis.evaluation import evaluate
    from textgen.analysis.label_comparison import compare_labels
    from textgen.analysis.novelty import novelty
    from textgen.analysis.report.page import report
    from textgen.analysis.surprise import inspect
    from textgen.api import train
    from textgen.errors import TextgenError
    from textgen.exporting import export
    from textgen.model.model_dir import load
    from textgen.sampling import Sampler
    from textgen.text.prepare import prepare

_HOME = {
    "TextgenError": "textgen.errors",
    "evaluate": "textgen.analysis.evaluation",
    "evaluate_each": "textgen.analysis.document_scores",
    "inspect": "textgen.analysis.surprise",
    "export": "textgen.exporting",
    "prepare": "textgen.text.prepare",
    "load": "textgen.model.model_dir",
    "compare": "textgen.analysis.comparison",
    "compare_labels": "textgen.analysis.label_comparison",
    "report": "textgen.analysis.report.page",
    "novelty": "textgen.analysis.novelty",
    "Sampler": "textgen.sampling",
    "train": "textgen.api",
}

__all__ = [
    "Sampler",
    "TextgenError",
    "__version__",
    "compare",
    "compare_labels",
    "evaluate",
    "evaluate_each",
    "export",
    "inspect",
    "load",
    "novelty",
    "prepare",
    "report",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'textgen' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
