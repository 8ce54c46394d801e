"""Controls, which see the text so far: the same in a stream and in a batch, for all tokens."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from tests.sampling.document_models import NAMES, BigramModel
from tests.sampling.subword_models import SubwordModel
from tests.sampling.test_sampler import LETTERS, random_network
from textgen.sampling import Sampler
from textgen.sampling.batch import Batch
from textgen.sampling.generation import generate_batch, generate_stream
from textgen.sampling.requests import TextRequest
from textgen.settings import Decoding


class Once:
    """Chooses no token twice, where it can, and ends a text after some tokens."""

    def __init__(self, request: TextRequest, most: int = 3, *, is_preference: bool = True):
        self.is_preference = is_preference
        self.ids: list[int] = []
        self.lefts: list[int] = []
        self._most = most

    def adjust(self, logits, left):
        logits[self.ids] = -np.inf
        self.lefts.append(left)

    def advance(self, token_id):
        self.ids.append(token_id)

    @property
    def is_complete(self):
        return len(self.ids) == self._most


SAMPLERS = {
    "characters": lambda: Sampler(random_network(), LETTERS, None, ["a"]),
    "windows": lambda: Sampler(random_network(), LETTERS, 3, ["a"]),
    "subwords": lambda: SubwordModel().sampler(),
    "documents": lambda: BigramModel(NAMES).sampler(),
}
SEEDS = {"subwords": ["a", "the"], "documents": ["", "A"]}


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_stream_and_a_batch_have_the_same_controls(name):
    sampler = SAMPLERS[name]()
    made: list[Once] = []

    def make(request: TextRequest) -> Once:
        made.append(Once(request))
        return made[-1]

    config = sampler.requests.config(Decoding(1.0), sampler.stop_condition(40))
    config = replace(config, controls=(make,))
    requests = [
        sampler.requests.text(seed, 3, number=number)
        for number in range(4)
        for seed in SEEDS.get(name, ["a", "b"])
    ]
    complete: list[TextRequest] = []
    streams = []
    for request in requests:
        note = partial(complete.append, request)
        stream = generate_stream(sampler.predictor.reader(), request, config, note)
        streams.append(list(stream))
    batch = list(generate_batch(sampler.make_rows, iter(requests), 3, config))
    end = sampler.vocabulary.document_end_id
    for ids, result, request in zip(streams, batch, requests, strict=True):
        assert [number for number in result.ids.tolist() if number != end] == ids
        assert result.complete == (request in complete)
    for control in made:
        distinct = len(set(control.ids))
        available = sampler.vocabulary.size - (end is not None)
        assert distinct == min(len(control.ids), available)
        assert control.lefts == sorted(control.lefts, reverse=True) and control.lefts[0] == 40
    assert any(control.is_complete for control in made)


def test_a_control_that_is_complete_ends_a_text_before_its_first_token():
    sampler = SAMPLERS["characters"]()
    config = sampler.requests.config(Decoding(1.0), sampler.stop_condition(40))
    config = replace(config, controls=(lambda request: Once(request, 0),))
    request = sampler.requests.text("abc", 3)
    ended: list[int] = []
    stream = generate_stream(sampler.predictor.reader(), request, config, lambda: ended.append(1))
    assert list(stream) == [] and ended == [1]
    batch = Batch(sampler.make_rows(2), config)
    text = batch.start(request, config)
    while text not in batch.step():
        pass
    assert not len(batch.result(text).ids) and batch.result(text).complete


def test_a_preference_that_leaves_nothing_is_passed_over_and_a_requirement_is_not():
    sampler = SAMPLERS["characters"]()
    config = sampler.requests.config(Decoding(1.0), sampler.stop_condition(20))
    config = replace(config, controls=(lambda request: Once(request, 20),))
    request = sampler.requests.text("a", 3)
    ids = list(generate_stream(sampler.predictor.reader(), request, config))
    assert sorted(ids[:8]) == list(range(8)) and len(ids) == 20
