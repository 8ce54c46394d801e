"""A training as lines."""

from tests.cli.display.example import STARTED, draw, state_after, training_events
from textgen.cli.display.lines import LineDisplay, QuietDisplay
from textgen.training import events


def test_a_gpu_is_described_with_cudnn_or_why_it_is_not_used(capsys):
    gpu = {**vars(STARTED), "device": "NVIDIA H100", "slowdown": 0.0}
    assert "on NVIDIA H100 (tensorflow, bfloat16, cuDNN)" in "\n".join(
        draw(state_after(events.TrainingStarted(**gpu)), 80, 24)
    )
    with_kernel = events.TrainingStarted(**{**gpu, "backend": "jax", "replaces_cudnn": True})
    LineDisplay()(with_kernel)
    assert "(jax, bfloat16, textgen's own LSTM: faster than cuDNN's)" in capsys.readouterr().err
    without = events.TrainingStarted(
        **{**gpu, "no_cudnn_reason": "it has LSTM and GRU layers only"}
    )
    for tell in (LineDisplay(), QuietDisplay()):
        tell(without)
    err = capsys.readouterr().err
    assert "on NVIDIA H100 (tensorflow, bfloat16)\n" in err
    assert err.count("without cuDNN: it has LSTM and GRU layers only\n") == 2


def test_a_quiet_display_writes_warnings_only(capsys):
    for listener, count in ((QuietDisplay(), 1), (LineDisplay(), 24)):
        for event in training_events("a"):
            listener(event)
        lines = capsys.readouterr().err.splitlines()
        assert [line for line in lines if "takes 1.2 times as long as in float32" in line]
        assert len(lines) == count
