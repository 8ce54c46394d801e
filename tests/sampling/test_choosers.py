"""Rows that choose in different ways choose as each one alone."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sampling.subword_models import SUBWORDS
from textgen.sampling.choosers import Choosers
from textgen.sampling.requests import GenerationConfig
from textgen.sampling.stopping import StopCondition
from textgen.sampling.subwords import Spelling
from textgen.settings import Decoding

ROWS = 12
WAYS = st.builds(
    Decoding,
    temperature=st.sampled_from([0, 1e-9, 0.5, 1.0, 1.7]),
    top_k=st.sampled_from([0, 0, 0, 1, 4]),
    top_p=st.sampled_from([1.0, 1.0, 0.5, 0.9]),
    min_p=st.sampled_from([0, 0, 0.1, 0.5]),
)


@pytest.mark.parametrize("size", [SUBWORDS.size, 300])
@pytest.mark.parametrize("is_of_subwords", [True, False])
@settings(max_examples=40)
@given(ways=st.lists(WAYS, min_size=1, max_size=ROWS), seed=st.integers(0, 999))
def test_rows_choose_as_each_one_alone(is_of_subwords, size, ways, seed):
    spelling = Spelling(SUBWORDS) if is_of_subwords else None
    generator = np.random.default_rng(seed)
    logits = (generator.standard_normal((len(ways), size)) * 3).astype(np.float32)
    configs = [GenerationConfig(size, way, StopCondition(9), (2,), spelling) for way in ways]
    numbers = generator.random(len(ways))
    choosers = Choosers(ROWS)
    for row, config in enumerate(configs):
        choosers.add(row, config)
    chosen = choosers.choose(logits, numbers)
    for row, config in enumerate(configs):
        alone: Any = Choosers(ROWS)
        alone.add(0, config)
        assert alone.choose(logits[[row]], numbers[[row]])[0] == chosen[row] != 2
        assert config.make_chooser()(logits[row], numbers[row]) == chosen[row]
