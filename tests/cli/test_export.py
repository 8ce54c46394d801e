"""`textgen export`, as its users run it."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.exporting.test_formats import needs_packages
from textgen.settings import STEP_FORMATS, WEB_FORMATS


@pytest.mark.parametrize("name", STEP_FORMATS)
def test_an_export_is_two_lines_on_standard_error(name, textgen, trained, tmp_path):
    needs_packages(name)
    done = textgen("export", "--model", trained, "--format", name, "-o", "exported")
    assert done.returncode == 0 and done.stdout == "", done.stderr
    wrote, verified = done.stderr.splitlines()
    assert wrote.startswith(f"textgen: wrote exported ({name}, ") and "e-0" in verified
    assert json.loads((tmp_path / "exported/signature.json").read_text())["format"] == name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exported"]


@pytest.mark.parametrize("name", WEB_FORMATS)
def test_an_export_for_the_web_is_three_lines(name, textgen, trained, tmp_path):
    done = textgen("export", "--model", trained, "--format", name, "-o", "new")
    assert done.returncode == 0 and done.stdout == "", done.stderr
    wrote, compared, cost = done.stderr.splitlines()
    assert wrote.startswith(f"textgen: wrote new ({name}, ")
    assert "B with --weights float32" in wrote and "B with --weights int8" in wrote
    assert compared.startswith("textgen: run in ") and " along 500 characters, it" in compared
    if (trained / "cache").exists():
        figures = r"cost 0\.00\d\d nats per character \(float32 0\.0000, int8 -?0\.\d{4}\)"
        assert re.search(f"float16 weights {figures}, measured on [\\d,]+ characters", cost)
    else:
        assert cost.endswith("was not measured: the model directory has no validation text")
    again = textgen("export", "--model", trained, "--format", name, "-o", "new")
    assert (again.returncode, len(again.stderr.splitlines())) == (1, 1)
    assert "exists; name another" in again.stderr
    forced = ("--force", "--weights", "int8")
    assert textgen("export", "--model", trained, "--format", name, "-o", "new", *forced).stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new"]


def test_a_page_is_written_to_standard_output(textgen, trained, tmp_path):
    done = textgen("export", "--model", trained, "--format", "html", "-o", "-")
    assert done.returncode == 0, done.stderr
    textgen("export", "--model", trained, "--format", "html", "-o", "page.html")
    assert done.stdout == (tmp_path / "page.html").read_text("utf-8")
    assert done.stderr.startswith("textgen: wrote a page (html, ")


def test_without_node_and_a_browser_a_line_says_so(textgen, trained, tmp_path):
    (tmp_path / "empty").mkdir()
    arguments = ("export", "--model", trained, "--format", "js", "-o", "new")
    done = textgen(*arguments, PATH=str(tmp_path / "empty"))
    assert done.returncode == 0
    assert "not compared with textgen's probabilities: neither Node nor" in done.stderr


def test_an_export_that_cannot_run_is_one_line(textgen, trained, tmp_path):
    """A program named node says that the model predicts something else."""
    (tmp_path / "bin").mkdir()
    node = tmp_path / "bin/node"
    node.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo v20.0.0 && exit\n'
        'echo \'{"error": "Error: out of order"}\'\n'
    )
    node.chmod(0o755)
    arguments = ("export", "--model", trained, "--format", "html", "-o", "page.html")
    done = textgen(*arguments, PATH=f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "does not run in Node 20.0.0: Error: out of order; nothing was written" in done.stderr
    assert not (tmp_path / "page.html").exists()


def test_keras_is_on_tensorflow_for_an_export_whatever_trains(textgen, trained):
    arguments = ("export", "--model", trained, "--format", "saved-model", "-o", "new")
    done = textgen(*arguments, KERAS_BACKEND="jax")
    assert done.returncode == 0, done.stderr


def test_the_model_is_named_as_for_other_commands(textgen, trained, tmp_path):
    for _ in range(2):
        done = textgen(
            "export", "--format", "numpy", "-o", "a/b", "--force", TEXTGEN_MODEL=str(trained)
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "a/b/model.npz").exists()


def test_wrong_uses(textgen, trained, tmp_path):
    assert textgen("export", "--model", trained, "--format", "numpy", "-o", "made").returncode == 0
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['onnxruntime'] = None\n")
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    without = {"PYTHONPATH": os.pathsep.join(paths)}
    for arguments, extra, status, says in (
        (
            ("--model", trained, "--format", "pickle", "-o", "new"),
            {},
            2,
            "'pickle' is not one of 'onnx'",
        ),
        (("--model", trained, "--format", "numpy"), {}, 2, "'-o'"),
        (
            ("--model", "nothing", "--format", "numpy", "-o", "new"),
            {},
            1,
            "no such model directory",
        ),
        (("--model", trained, "--format", "numpy", "-o", "made"), {}, 1, "replace it with --force"),
        (("--model", trained, "--format", "numpy", "-o", trained), {}, 1, "is not a model export"),
        (("--model", trained, "-o", "new"), without, 1, "pip install 'keras-textgen[export]'"),
        (
            ("--model", trained, "-o", "new", "--format", "numpy", "--weights", "int8"),
            {},
            2,
            "weights is for the formats html and js; leave it out",
        ),
        (
            ("--model", trained, "-o", "new", "--format", "js", "--weights", "int4"),
            {},
            2,
            "'int4' is not one of 'float32', 'float16', 'int8'",
        ),
        (("--model", trained, "-o", "-", "--format", "js"), {}, 2, "js is a directory; give it a"),
        (("--model", trained, "-o", "-"), {}, 2, "onnx is a directory; give it a name"),
        (("--model", trained, "-o", ".", "--format", "html"), {}, 1, "is not a file in an exist"),
        (("--model", trained, "-o", "made", "--format", "js"), {}, 1, "replace it with --force"),
    ):
        done = textgen("export", *arguments, **extra)
        assert (done.returncode, says in done.stderr) == (status, True), done.stderr
        assert len(done.stderr.splitlines()) == 1 and done.stdout == ""
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["numpy", *WEB_FORMATS])
def test_some_formats_are_written_without_a_framework(name, trained, tmp_path):
    code = (
        "import sys, textgen\n"
        f"textgen.export({str(trained)!r}, {str(tmp_path / 'new')!r}, {name!r})\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert not {"keras", "tensorflow", "jax", "torch"} & set(done.stdout.split())
