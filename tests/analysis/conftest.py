"""What several tests of analysis need."""

from pathlib import Path

import pytest

from tests.analysis.models import model_of_titles
from textgen.model.model_dir import TrainedModel
from textgen.text.prepared import Prepared


@pytest.fixture
def titles(tmp_path: Path) -> tuple[Path, TrainedModel, Prepared]:
    """A model directory with a table of titles as its corpus, the model and the corpus."""
    return model_of_titles(tmp_path)
