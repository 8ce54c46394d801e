"""Numbers that are very small or very large: each is refused in one line, or training works."""

import math
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import textgen
from textgen.errors import SettingsError, TextgenError
from textgen.settings import TrainConfig, resolve_settings
from textgen.training.schedule import learning_rate

NUMBERS = (
    "dropout",
    "drop_connect",
    "init_stddev",
    "learning_rate",
    "clip_norm",
    "clip_value",
    "weight_decay",
    "time",
    "noise",
    "loss_smoothing",
    "sample_temperatures",
    "validation",
    "maxlen",
    "step",
    "units",
    "embedding",
    "batch_size",
    "epochs",
    "patience",
    "sample_length",
    "random_seed",
)
SEVERAL = ("units", "sample_temperatures")
values = st.floats() | st.integers() | st.sampled_from([10**400, -(10**400), 2**63, 5e-324, 1e308])


@given(st.sampled_from(NUMBERS), values)
@example("learning_rate", 10**400)
@example("step", 10**400)
@example("epochs", 10**400)
def test_a_number_is_a_setting_or_is_refused_in_one_line(name, value):
    options = {name: (value,) if name in SEVERAL else value}
    try:
        resolve_settings({"epochs": 1, **options} if name != "time" else options)
    except SettingsError as error:
        assert "\n" not in str(error) and str(error)


@given(
    st.floats(1e-30, 3.4e38),
    st.integers(0, 10**9),
    st.floats(0, 1),
    st.sampled_from(["cosine", "constant"]),
)
@example(1e-30, 0, 1.0, "cosine")
def test_every_learning_rate_that_is_allowed_has_a_schedule(rate, step, done, schedule):
    config = TrainConfig(learning_rate=rate, schedule=schedule)
    assert 0 < learning_rate(config, step, done) <= 1.01 * rate
    assert math.isfinite(learning_rate(config, step, done))


TINY: dict[str, Any] = {
    "units": (4,),
    "embedding": 4,
    "maxlen": 8,
    "batch_size": 4,
    "epochs": 1,
    "sample_length": 3,
}
BELOW_ONE = math.nextafter(1, 0)


@pytest.mark.framework
@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": 1e-322},
        {"learning_rate": 1e-30},
        {"learning_rate": 3.4e38},
        {"learning_rate": 1e-30, "weight_decay": BELOW_ONE, "clip_norm": 1e-30},
        {"learning_rate": 1e-30, "optimizer": "adagrad"},
        {"clip_norm": 1e-322},
        {"clip_norm": 3.4e38},
        {"clip_norm": sys.float_info.max},
        {"clip_norm": 0.0, "clip_value": 1e-30},
        {"weight_decay": 5e-324},
        {"init_stddev": 1e-30},
        {"init_stddev": 1e300},
        {"dropout": BELOW_ONE, "drop_connect": BELOW_ONE, "noise": BELOW_ONE},
        {"dropout": 5e-324, "drop_connect": 5e-324, "noise": 5e-324},
        {"loss_smoothing": BELOW_ONE, "sample_temperatures": (1e-300, 1e6)},
        {"epochs": 0, "time": 1e-300},
        {"epochs": 0, "time": 1_000_000_000.0},
        {"epochs": 0, "time": 1e308},
        {"epochs": 2**63 - 1, "patience": 2**63 - 1},
        {"units": (2**63,)},
        {"embedding": 10**30},
    ],
    ids=str,
)
def test_an_extreme_number_works_or_is_refused_in_one_line(options, tmp_path):
    (tmp_path / "corpus.txt").write_text("the cat sat on the mat.\na dog ran off.\n" * 20)
    steps = iter(range(100))
    try:
        finished = textgen.train(
            [tmp_path / "corpus.txt"],
            model=tmp_path / "m",
            stop=lambda: next(steps) > 8,
            **{**TINY, **options},
        )
    except TextgenError as error:
        assert "\n" not in str(error) and str(error)
        assert not (tmp_path / "m/manifest.json").exists()
    else:
        assert math.isfinite(finished.best_loss)
        assert len(textgen.load(tmp_path / "m").generate("the", length=5)) == 8
