"""What a model directory records about where its model comes from: corpus, command, versions."""

import importlib.metadata
import platform
import sys
from collections.abc import Mapping
from typing import Any

import textgen
from textgen.training.plan import Plan


def describe(
    plan: Plan, command: tuple[str, ...], backend: str, recorded: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What to record, as JSON.

    Args:
        plan: What is trained.
        command: The command line.
        backend: What Keras runs on.
        recorded: What the checkpoint of a training that is resumed says: only the corpus, perhaps
            read again, and what writes from here on are new.
    """
    corpus = {
        "settings": plan.corpus.corpus.to_json(),
        "sources": list(plan.corpus.sources),
        "characters": len(plan.corpus.ids),
    }
    if plan.corpus.documents is not None:
        parts = zip(("training", "validation", "test"), plan.corpus.documents.counts, strict=True)
        corpus["documents"] = dict(parts)
    if recorded is None:
        recorded = {
            "corpus": corpus,
            "preset": plan.preset,
            **({"init_from": plan.initial_model.to_json()} if plan.initial_model else {}),
            "command": list(command),
            "versions": {
                "textgen": textgen.__version__,
                "keras": importlib.metadata.version("keras"),
                "python": platform.python_version(),
                "platform": sys.platform,
            },
        }
    versions = {
        **recorded["versions"],
        "textgen": textgen.__version__,
        backend: importlib.metadata.version(backend),
    }
    return {**recorded, "corpus": corpus, "versions": versions}
