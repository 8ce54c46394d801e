"""The tree of errors: classes that survive copies and process pools, and a complete catalogue."""

import copy
import multiprocessing
import pickle
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import textgen.cli  # noqa: F401  imports the modules that could define errors
from textgen import errors
from textgen.errors import SettingsError, TextgenError, load_catalogue
from textgen.settings import resolve_settings


def tree(error_class: type[TextgenError] = TextgenError) -> Iterator[type[TextgenError]]:
    yield error_class
    for subclass in error_class.__subclasses__():
        yield from tree(subclass)


def example(error_class: type[TextgenError]) -> TextgenError:
    """An error with a text for every argument, and a note."""
    arguments = ("step", "must be 1 or more") if error_class is SettingsError else ("a: b",)
    error = error_class(*arguments)
    error.add_note("a note")
    return error


def throw(error_class: type[TextgenError]) -> None:
    raise example(error_class)


def facts(error: BaseException) -> tuple[Any, ...]:
    return type(error), str(error), error.args, vars(error)


def test_every_error_is_defined_in_one_module():
    assert {error_class.__module__ for error_class in tree()} == {"textgen.errors"}


@pytest.mark.parametrize("error_class", [*tree()], ids=lambda error_class: error_class.__name__)
def test_errors_survive_pickling_and_copying(error_class):
    error = example(error_class)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert facts(pickle.loads(pickle.dumps(error, protocol))) == facts(error)
    assert facts(copy.copy(error)) == facts(copy.deepcopy(error)) == facts(error)


def test_errors_come_through_a_process_pool():
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        for error_class in tree():
            with pytest.raises(error_class) as caught:
                pool.submit(throw, error_class).result(60)
            assert type(caught.value) is error_class
            assert str(caught.value) == str(example(error_class))
        with pytest.raises(SettingsError) as settings_error:
            pool.submit(resolve_settings, {"dropout": 2}).result(60)
        error = settings_error.value
        assert (error.option, error.exit_status) == ("dropout", 2)
        assert pool.submit(random.Random(1).randint, 3, 3).result(60) == 3  # the pool still works


def test_the_text_of_a_settings_error_has_its_name_and_problem():
    error = SettingsError("step", "must be 1 or more, not 0")
    assert str(error) == "step must be 1 or more, not 0"
    assert (error.option, error.problem) == ("step", "must be 1 or more, not 0")


def test_the_catalogue_has_every_class_and_no_message_twice():
    catalogue = load_catalogue()
    assert catalogue.keys() == {*tree()} - {TextgenError}
    for entries in catalogue.values():
        assert len({entry.message for entry in entries}) == len(entries) > 0
        for entry in entries:
            assert entry.cause.endswith(".") and entry.remedy.endswith(".")


def test_the_docstring_shows_the_whole_tree():
    for error_class in tree():
        assert f" {error_class.__name__} " in (errors.__doc__ or "")
    assert Path(errors.__file__).with_suffix(".toml").exists()
