"""Whatever is sent to the server, it does not fail, it always answers, and nothing is left."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Err
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.serving.fuzzing import OPTIONS, Fuzzer, Resources
from tests.serving.processes import serve_in_process

# A description cannot say which characters a model knows; and a wrong body may be too large, too.
_NOT_CHECKED = [positive_data_acceptance, negative_data_rejection]


@pytest.fixture(scope="module")
def process(served_models):
    with serve_in_process(served_models, *OPTIONS) as found:
        yield found


def test_requests_that_no_client_should_send(process):
    fuzzer = Fuzzer(process.address)
    fuzzer.run(range(100))  # what is loaded and allocated once
    resources = Resources(process.address, process.pid)
    fuzzer.run(range(100, 700))
    resources.check(more_bytes=30_000_000)
    assert fuzzer.counts["200"] > 100 and fuzzer.counts["400"] > 50


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_answers_are_those_of_the_description(process, mode):
    """For requests that it allows, and for others, which have to be refused."""
    schema = schemathesis.openapi.from_url(f"{process.address}/openapi.json")
    is_positive = mode == GenerationMode.POSITIVE
    operations = schema if is_positive else schema.include(method="POST")
    statuses = set[int]()
    for result in operations.get_all_operations():
        assert not isinstance(result, Err)
        operation = result.ok()

        @given(operation.as_strategy(generation_mode=mode))
        @settings(max_examples=10, suppress_health_check=list(HealthCheck), derandomize=True)
        def check(case):
            if is_positive and isinstance(case.body, dict):
                case.body["model"] = "letters"
            answer = case.call_and_validate(timeout=20, excluded_checks=_NOT_CHECKED)
            assert is_positive or 400 <= answer.status_code < 500
            statuses.add(answer.status_code)

        check()
    assert statuses >= ({200, 400, 404} if is_positive else {400})
