"""`textgen export`, as its users run it."""

import json
import os
import subprocess
import sys

import pytest

from tests.exporting.test_formats import needs_packages
from textgen.settings import EXPORT_FORMATS


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_an_export_is_two_lines_on_standard_error(name, textgen, trained, tmp_path):
    needs_packages(name)
    done = textgen("export", "--model", trained, "--format", name, "-o", "exported")
    assert done.returncode == 0 and done.stdout == "", done.stderr
    wrote, verified = done.stderr.splitlines()
    assert wrote.startswith(f"textgen: wrote exported ({name}, ") and "e-0" in verified
    assert json.loads((tmp_path / "exported/signature.json").read_text())["format"] == name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exported"]


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
    ):
        done = textgen("export", *arguments, **extra)
        assert (done.returncode, says in done.stderr) == (status, True), done.stderr
        assert len(done.stderr.splitlines()) == 1 and done.stdout == ""
    assert not (tmp_path / "new").exists()


def test_plain_arrays_are_written_without_a_framework(trained, tmp_path):
    code = (
        "import sys, textgen\n"
        f"textgen.export({str(trained)!r}, {str(tmp_path / 'new')!r}, 'numpy')\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert not {"keras", "tensorflow", "jax", "torch"} & set(done.stdout.split())
