"""Each example of docs/python.md prints what the page shows."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parent.parent / "docs/python.md").read_text(encoding="utf-8")
EXAMPLES = list(
    re.finditer(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", PAGE, re.DOTALL),
)


def line_of(example: re.Match[str]) -> int:
    return PAGE.count("\n", 0, example.start(1)) + 1


def name_of(example: re.Match[str]) -> str:
    """The heading above an example, and its line in the page."""
    heading = re.findall(r"^#+ (.+)$", PAGE[: example.start()], re.MULTILINE)[-1]
    return f"{heading}, line {line_of(example)}"


class Reader:
    """Runs the examples in the order of the page, each once, in one namespace and directory."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.namespace: dict[str, Any] = {"__name__": "python.md"}
        self.results: list[str | Exception] = []

    def output_of(self, number: int) -> str:
        """What an example prints, after those before it."""
        while len(self.results) <= number:
            self.results.append(self._run(EXAMPLES[len(self.results)]))
        result = self.results[number]
        if isinstance(result, Exception):
            raise result
        return result

    def _run(self, example: re.Match[str]) -> str | Exception:
        # The empty lines give a traceback the line numbers of the page.
        code = compile("\n" * (line_of(example) - 1) + example[1], "docs/python.md", "exec")
        output = io.StringIO()
        try:
            with contextlib.chdir(self.directory), contextlib.redirect_stdout(output):
                exec(code, self.namespace)
        except Exception as error:  # noqa: BLE001  raised in the test of this example
            return error
        return output.getvalue()


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    return Reader(tmp_path_factory.mktemp("python-md"))


def test_every_block_of_the_page_is_an_example_or_its_output():
    assert len(EXAMPLES) == PAGE.count("```python") > 10
    assert PAGE.count("```text") == sum(example[2] is not None for example in EXAMPLES)


@pytest.mark.parametrize("number", range(len(EXAMPLES)), ids=map(name_of, EXAMPLES))
def test_an_example_prints_what_the_page_shows(reader, number):
    assert reader.output_of(number) == (EXAMPLES[number][2] or "")
