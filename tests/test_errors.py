"""The tree of errors: every class survives a copy and the way through a process pool."""

import copy
import multiprocessing
import pickle
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

import textgen.cli  # noqa: F401  brings in the modules that could define errors
from textgen.errors import SettingsError, TextgenError
from textgen.settings import resolve_settings


def tree(kind: type[TextgenError] = TextgenError) -> Iterator[type[TextgenError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from tree(below)


def example(kind: type[TextgenError]) -> TextgenError:
    """An error with a text for every argument, and a note."""
    error = kind("step", "must be 1 or more") if issubclass(kind, SettingsError) else kind("a: b")
    error.add_note("a note")
    return error


def throw(kind: type[TextgenError]) -> None:
    raise example(kind)


def same(one: BaseException, other: BaseException) -> bool:
    return (type(one), str(one), one.args, vars(one)) == (
        type(other),
        str(other),
        other.args,
        vars(other),
    )


@pytest.mark.parametrize("kind", [*tree()], ids=lambda kind: kind.__name__)
def test_errors_survive_pickling_and_copying(kind):
    error = example(kind)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert same(pickle.loads(pickle.dumps(error, protocol)), error)
    assert same(copy.copy(error), error) and same(copy.deepcopy(error), error)


def test_errors_come_through_a_process_pool():
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        for kind in tree():
            with pytest.raises(kind) as caught:
                pool.submit(throw, kind).result(60)
            assert type(caught.value) is kind and str(caught.value) == str(example(kind))
        with pytest.raises(SettingsError) as caught:
            pool.submit(resolve_settings, {"dropout": 2}).result(60)
        assert (caught.value.option, caught.value.exit_status) == ("dropout", 2)
        assert pool.submit(random.Random(1).randint, 3, 3).result(60) == 3  # the pool still works


def test_the_text_of_a_settings_error_has_its_name_and_problem():
    error = SettingsError("step", "must be 1 or more, not 0")
    assert str(error) == "step must be 1 or more, not 0"
    assert (error.option, error.problem) == ("step", "must be 1 or more, not 0")
