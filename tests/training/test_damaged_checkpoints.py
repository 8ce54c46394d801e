"""Checkpoints that are damaged, or that somebody forged."""

import io
import json
import math
import shutil
import traceback
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.spoiling import spoil
from tests.training.stopping import QUICK, RELEASED, Stop
from textgen.api import train
from textgen.errors import (
    ModelError,
    PreparedError,
    TextgenError,
)
from textgen.model.paths import checkpoint_path
from textgen.training import checkpoint

pytestmark = pytest.mark.framework


def stopped(folder, text, **options):
    """The directory of a training that was stopped after some steps."""
    (folder / "corpus.txt").write_text(text, encoding="utf-8")
    train(
        [str(folder / "corpus.txt")], model=folder / "model", stop=Stop(20), **{**QUICK, **options}
    )
    return folder / "model"


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory, text):
    return stopped(tmp_path_factory.mktemp("by-epochs"), text)


@pytest.fixture(scope="module")
def unfinished_by_time(tmp_path_factory, text):
    return stopped(tmp_path_factory.mktemp("by-time"), text, epochs=0, time=60.0)


@pytest.fixture(scope="module")
def intact(unfinished):
    return checkpoint_path(unfinished).read_bytes()


@given(st.data())
def test_a_damaged_checkpoint_is_refused_or_the_same(tmp_path_factory, intact, data):
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    content = bytearray(intact)
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(content) - 1))
            content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    try:
        damaged = checkpoint.read_checkpoint(path)
    except ModelError as error:
        assert "\n" not in str(error) and "start again with --force" in str(error)
    else:
        path.write_bytes(intact)
        whole = checkpoint.read_checkpoint(path)
        assert (damaged.identity, damaged.snapshot.state) == (whole.identity, whole.snapshot.state)


@settings(max_examples=30)
@given(st.data())
def test_any_value_anywhere_in_a_checkpoint(tmp_path_factory, unfinished, intact, data):
    """Whole archives, so that all that is in them is looked at, and used for a step."""
    directory = tmp_path_factory.getbasetemp() / "false"
    with np.load(io.BytesIO(intact)) as archive:
        members = {name: archive[name] for name in archive.files}
    if data.draw(st.integers(0, 3)):
        about = json.loads(members["about"].tobytes())
        spoil(about, data.draw)
        members["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    else:
        name = data.draw(st.sampled_from(sorted(members)))
        array = data.draw(st.sampled_from([np.zeros(3), np.float32(1), np.full((2, 2), np.nan)]))
        members[name] = array
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(unfinished, directory)
    np.savez(checkpoint_path(directory), **members)
    try:
        train(model=directory, resume=True, stop=lambda: True)
    except TextgenError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("figures", "left"),
    [
        ({"clock": {"used": math.nan}}, None),
        ({"clock": {"report": -1.0}}, None),
        ({"best_loss": math.nan}, None),
        ({"steps": -1}, None),
        ({"curve": [1.0, -1.0, 0.0, 0.0]}, None),
        ({"curve": [1.0]}, None),
        ({}, 1e15),
        ({}, math.nan),
    ],
)
def test_a_checkpoint_whose_training_would_not_end_is_refused(
    tmp_path, unfinished_by_time, figures, left
):
    directory = tmp_path / "model"
    shutil.copytree(unfinished_by_time, directory)
    path = checkpoint_path(directory)
    original = checkpoint.read_checkpoint(path)
    snapshot = original.snapshot
    for name, value in figures.items():
        old = snapshot.state[name]
        received = {**old, **value} if isinstance(old, dict) else value
        snapshot = replace(snapshot, state={**snapshot.state, name: received})
    snapshot = replace(snapshot, seconds_left=snapshot.seconds_left if left is None else left)
    checkpoint.write_checkpoint(path, replace(original, snapshot=snapshot))
    with pytest.raises(ModelError, match="--force"):
        train(model=directory, resume=True)


def test_a_checkpoint_that_lies_about_its_sizes_is_refused(tmp_path, corpus):
    directory = tmp_path / "model"
    train([str(corpus)], model=directory, stop=Stop(20), **QUICK)
    path = checkpoint_path(directory)
    original = checkpoint.read_checkpoint(path)
    huge = replace(original.identity.settings.model, units=(10**9,))
    lying = replace(
        original,
        identity=replace(
            original.identity, settings=replace(original.identity.settings, model=huge)
        ),
    )
    checkpoint.write_checkpoint(path, lying)
    with pytest.raises(ModelError, match="weights"):
        train(model=directory, resume=True)
    about = replace(original, prepared="/nowhere")
    checkpoint.write_checkpoint(path, about)
    with pytest.raises(PreparedError, match="/nowhere"):
        train(model=directory, resume=True)
    for group, message in (
        ("layers", "does not fit this training"),
        ("best", "its weights are not"),
    ):
        arrays = {**original.snapshot.arrays, group: [np.zeros(3, np.float32)]}
        checkpoint.write_checkpoint(
            path, replace(original, snapshot=replace(original.snapshot, arrays=arrays))
        )
        with pytest.raises(ModelError, match=message):
            train(model=directory, resume=True)
    figures = {"steps": 3}
    checkpoint.write_checkpoint(
        path, replace(original, snapshot=replace(original.snapshot, state=figures))
    )
    with pytest.raises(ModelError, match="does not fit this training"):
        train(model=directory, resume=True)


def test_a_checkpoint_that_cannot_be_written_leaves_its_buffer_released(tmp_path):
    """Python 3.12.1 crashes at exit where an error's traceback still has such a view."""
    original = checkpoint.read_checkpoint(RELEASED / "unfinished/checkpoint.npz")
    with pytest.raises(OSError) as raised:
        checkpoint.write_checkpoint(tmp_path / "missing" / "checkpoint.npz", original)
    views = [
        value
        for frame, _ in traceback.walk_tb(raised.value.__traceback__)
        for value in frame.f_locals.values()
        if isinstance(value, memoryview)
    ]
    assert views
    for view in views:
        with pytest.raises(ValueError, match="released"):
            view.tobytes()
