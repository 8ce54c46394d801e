"""The examples of docs/python.md run, one after the other, and print what the page shows."""

import re
from pathlib import Path

PAGE = (Path(__file__).parent.parent / "docs/python.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)


def test_every_example_runs_and_prints_what_is_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    examples = list(EXAMPLE.finditer(PAGE))
    assert len(examples) == PAGE.count("```python") > 10
    assert PAGE.count("```text") == sum(example[2] is not None for example in examples)
    names = {"__name__": "python.md"}
    for example in examples:
        # As many empty lines before it as there are in the page, for the traceback.
        code = "\n" * PAGE.count("\n", 0, example.start(1)) + example[1]
        exec(compile(code, "docs/python.md", "exec"), names)
        assert capsys.readouterr().out == (example[2] or ""), example[1]
