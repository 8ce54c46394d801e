"""What messages say about checkpoints that cannot be read."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from textgen.errors import ModelError
from textgen.training.checkpoint import read_checkpoint

RELEASED = Path(__file__).parents[1] / "released/0.1.0/unfinished/checkpoint.npz"


def write(path, change):
    """Write the released checkpoint with a change of its JSON object."""
    with np.load(RELEASED) as archive:
        members = {name: archive[name] for name in archive.files}
    about = json.loads(members["about"].tobytes())
    about = change(about) or about
    content = io.BytesIO()
    members["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(content, **members)
    path.write_bytes(content.getvalue())
    return path


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda about: about.pop("about") and None, "about is missing"),
        (lambda about: about["about"].update(versions=3), "versions "),
        (lambda about: about.pop("settings") and None, "settings is missing"),
        (lambda about: about["settings"].pop("windows") and None, "windows is missing"),
        (lambda about: about["settings"]["model"].pop("units") and None, "units is missing"),
        (lambda about: about.pop("vocabulary") and None, "vocabulary is missing"),
        (lambda about: about.update(vocabulary="{}"), "characters is missing"),
        (lambda about: about.update(text=3), "text "),
        (lambda about: about.update(init_from=3), "init_from "),
        (lambda about: about.update(prepared=[]), "prepared "),
        (lambda about: about.update(suited="units"), "suited "),
        (lambda about: about.update(left="1"), "left "),
        (lambda about: about.update(figures=[]), "figures "),
        (lambda about: about.update(left=1e15), "more time is left than there was"),
        (lambda about: [about], "not an object"),
    ],
)
def test_a_problem_of_a_checkpoint_is_named(tmp_path, change, problem):
    path = write(tmp_path / "checkpoint.npz", change)
    message = rf"^{path}: not a checkpoint that textgen wrote \({problem}.*; start again with"
    with pytest.raises(ModelError, match=message):
        read_checkpoint(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY"])
def test_a_file_that_is_no_archive_cannot_be_read(tmp_path, content):
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"not a checkpoint that textgen wrote \(cannot be read\)"):
        read_checkpoint(path)


def test_an_archive_of_something_else_lacks_the_description(tmp_path):
    path = tmp_path / "checkpoint.npz"
    np.savez(path, weights=np.zeros(3))
    with pytest.raises(ModelError, match=r"\(about\.npy is missing\)"):
        read_checkpoint(path)


def test_the_released_checkpoint_is_complete(tmp_path):
    path = write(tmp_path / "checkpoint.npz", lambda about: None)
    assert read_checkpoint(path).identity == read_checkpoint(RELEASED).identity
