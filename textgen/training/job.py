"""A training as the user asks for it, before anything is read or checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textgen.distributed.cluster import Cluster
from textgen.settings import CHECKPOINT_INTERVAL, DEFAULT_MODEL
from textgen.text.sources import Source


@dataclass(frozen=True)
class Job:
    """A training as the user asks for it.

    Attributes:
        corpora: Paths of files and directories, `-`, sources; or one prepared corpus. Empty to
            resume a training, which knows its corpus.
        model: The model directory to write.
        options: Settings of windows, model and training by name, as far as the user chose them.
        reading: Settings of CorpusConfig by name, as far as the user chose them.
        preset: Name of a preset that the options change.
        init_from: A model directory, or the name of a starter, whose weights training begins with;
            characters that its vocabulary lacks are added. `auto` for a starter if one knows the
            language of the corpus.
        device: `auto`, `cpu` or `gpu`.
        backend: `tensorflow`, `jax` or `torch`; None for what `KERAS_BACKEND` says, else Keras's
            settings file, else TensorFlow.
        cluster: The processes to train together with, each of which has the same job; None for
            this one alone.
        force: Replace a model or an unfinished training in the model directory.
        resume: Require an unfinished training in the model directory.
        checkpoint_every: Seconds between checkpoints, at most, in addition to those at reports;
            more if checkpoints would take more than a tenth of the time.
        tensorboard: Directory for TensorBoard's logs; None for none.
        debug: Let the framework write its own log lines.
        command: The command line, for the record.
        start_time: When it began, as time.monotonic() tells it: a training by time counts from
            there. None for when it is run.
    """

    corpora: tuple[str | Path | Source, ...] = ()
    model: Path = Path(DEFAULT_MODEL)
    options: Mapping[str, Any] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)
    preset: str | None = None
    init_from: str | Path | None = None
    device: str = "auto"
    backend: str | None = None
    cluster: Cluster | None = None
    force: bool = False
    resume: bool = False
    checkpoint_every: float = CHECKPOINT_INTERVAL
    tensorboard: str | Path | None = None
    debug: bool = False
    command: tuple[str, ...] = ()
    start_time: float | None = None
