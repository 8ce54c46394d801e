"""`textgen.train`. Uses cli/display to show progress."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Unpack

from textgen.distributed.cluster import Cluster
from textgen.settings import (
    CHECKPOINT_INTERVAL,
    DEFAULT_MODEL,
    CorpusConfig,
    CorpusOptions,
    TrainingOptions,
    normalize_options,
)
from textgen.text.documents.document_list import take_documents
from textgen.text.sources import Corpora, list_corpora
from textgen.training import events
from textgen.training.events import OnEvent
from textgen.training.job import Job
from textgen.training.pipeline import run_job


class JobOptions(CorpusOptions, TrainingOptions, total=False):
    """All settings of a training and of reading its corpus, all optional."""


def train(
    corpora: Corpora = (),
    *,
    labels: Any = None,
    model: str | Path = DEFAULT_MODEL,
    preset: str | None = None,
    init_from: str | Path | None = None,
    device: str = "auto",
    backend: str | None = None,
    cluster: Cluster | None = None,
    force: bool = False,
    resume: bool = False,
    checkpoint_every: float = CHECKPOINT_INTERVAL,
    tensorboard: str | Path | None = None,
    debug: bool = False,
    on_event: OnEvent = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    progress: bool | None = None,
    **options: Unpack[JobOptions],
) -> events.TrainingFinished:
    """Train a model on a corpus and write its model directory.

    Where the directory holds the same training unfinished, resumes it from its last checkpoint.

    Random state, environment variables, loggers and Keras's global settings are afterwards as they
    were before, and do not influence the training. What a framework reads when it is imported
    stays: TensorFlow, for example, does not see a GPU that was hidden from it (`device="cpu"`).

    Args:
        corpora: A path of a file or directory, `-` for standard input, a source, or a list of
            them; or one prepared corpus. Empty if `documents` is a list of texts, and to resume a
            training, which knows its corpus.
        labels: The label of each text in a list of documents; or a mapping from the name of each
            kind of label to the labels of all texts.
        model: The model directory to write.
        preset: Name of a preset that the options change.
        init_from: A model directory, or the name of a starter, whose weights training begins with;
            characters that its vocabulary lacks are added. `auto` for a starter if one knows the
            language of the corpus.
        device: `auto`, `cpu` or `gpu`.
        backend: `tensorflow`, `jax` or `torch`; None for what `KERAS_BACKEND` says, else Keras's
            settings file, else TensorFlow.
        cluster: The processes to train together with, each of which is called in the same way;
            None for this one alone.
        force: Replace a model or an unfinished training in the model directory.
        resume: Require an unfinished training in the model directory.
        checkpoint_every: Seconds between checkpoints, at most, in addition to those after
            validations; more if checkpoints would take more than a tenth of the time.
        tensorboard: Directory for TensorBoard's logs; None for none.
        debug: Let the framework write its own log lines.
        on_event: Called with each event of `textgen.training.events`.
        stop: Called after every step; once it returns true, training ends early, with a checkpoint
            to resume from and the best model so far.
        progress: Whether to write lines about the training to standard error; None to do so in an
            interactive session only, such as a notebook or Python's prompt.
        options: The settings of WindowConfig, ModelConfig and TrainConfig; and those of
            CorpusConfig, which for a prepared corpus must be those that it was made with.
            `documents` may also be the documents themselves: a list of texts, a column of a data
            frame or a generator.

    Returns:
        How it ended.

    Raises:
        UsageError: an option that cannot be used (`SettingsError`), corpora that do not mix, or
            a backend that Keras cannot change to; processes that have different jobs.
        CorpusError: the corpus cannot be read or is too short.
        PreparedError: the prepared corpus is damaged.
        ModelError: the model to begin with, or the training to resume, is missing or damaged.
        OutputError: the model directory exists, cannot be written, or another training has it;
            or the logs for TensorBoard cannot be written.
        TrainingError: no such device, a package that is not installed or has another version than
            textgen works with, no TensorFlow to write logs for TensorBoard with, another process
            that is lost, or a loss that is not a number any more.

    Example:
        >>> train("corpus.txt", model="textgen-model", time="2m", units=256)  # doctest: +SKIP
        >>> train(documents=titles, labels=forums, model="titles")  # doctest: +SKIP
    """
    corpora, chosen = take_documents(corpora, options, labels)
    values = normalize_options(chosen)
    names = {field.name for field in fields(CorpusConfig)}
    job = Job(
        corpora=tuple(list_corpora(corpora)),
        model=Path(model),
        options={name: value for name, value in values.items() if name not in names},
        reading={name: value for name, value in values.items() if name in names},
        preset=preset,
        init_from=init_from,
        device=device,
        backend=backend,
        cluster=cluster,
        force=force,
        resume=resume,
        checkpoint_every=checkpoint_every,
        tensorboard=tensorboard,
        debug=debug,
    )
    is_interactive = hasattr(sys, "ps1")  # also in IPython
    if progress if progress is not None else is_interactive:
        with _show_lines(on_event) as show_event:
            return run_job(job, show_event, stop)
    return run_job(job, on_event, stop)


@contextmanager
def _show_lines(on_event: OnEvent) -> Iterator[OnEvent]:
    """Also write the lines that the command writes, except for what concerns it alone."""
    from textgen.cli.display.lines import LineDisplay

    with closing(LineDisplay(in_python=True)) as lines:

        def show_event(event: events.Event) -> None:
            if not (isinstance(event, events.TrainingStarted) and event.process):
                lines(event)  # of several processes, process 0 writes them
            on_event(event)

        yield show_event
