"""Presets, and what the programs that two of them imitate do."""

from textgen.settings import PRESETS, resolve_settings


def test_presets_are_what_their_programs_do():
    """The figures of the two programs, as they were published."""
    keras = resolve_settings({}, "keras-example")
    assert (keras.windows.maxlen, keras.windows.step, keras.windows.targets) == (40, 3, "last")
    assert (keras.model.cell, keras.model.units, keras.model.embedding) == ("lstm", (128,), 0)
    assert (keras.training.optimizer, keras.training.learning_rate) == ("rmsprop", 0.01)
    assert keras.training.schedule == "constant" and keras.training.batch_size == 128
    assert keras.training.sample_temperatures == (0.2, 0.5, 1.0, 1.2)
    assert keras.training.sample_length == 400 and not keras.training.carry_state
    assert keras.training.clip_norm == keras.training.clip_value == keras.model.dropout == 0

    mini = resolve_settings({}, "min-char-rnn")
    assert (mini.model.cell, mini.model.units, mini.model.init_stddev) == ("rnn", (100,), 0.01)
    assert (mini.windows.maxlen, mini.windows.targets) == (25, "sequence")
    assert mini.training.carry_state and mini.training.batch_size == 1
    assert (mini.training.optimizer, mini.training.learning_rate) == ("adagrad", 0.1)
    assert mini.training.loss_reduction == "sum" and mini.training.schedule == "constant"
    assert (mini.training.clip_value, mini.training.clip_norm) == (5.0, 0)
    assert mini.training.loss_smoothing == 0.999
    assert set(PRESETS) == {"small", "medium", "large", "keras-example", "min-char-rnn"}
