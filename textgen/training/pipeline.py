"""From a corpus to a model directory."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from textgen.compute import runtime
from textgen.compute.backend import Backend
from textgen.distributed.communicator import Communicator
from textgen.errors import OutputError
from textgen.training import events, processes, provenance
from textgen.training.callbacks.base import Callback
from textgen.training.callbacks.tensorboard import TensorBoard
from textgen.training.checkpoint import Checkpoint
from textgen.training.events import OnEvent
from textgen.training.fit import Hooks, StartOptions, fit
from textgen.training.job import Job
from textgen.training.plan import Plan, create_plan
from textgen.training.saving import Saver, open_directory
from textgen.training.validation import TOKENS_AT_MOST

_EXIT, _EXIT_SHARE = 1.2, 0.03  # seconds from the last step to the prompt; of a short time a share
_DEFAULT_SHARE = 0.8  # of a time that nobody chose, what is left at least after a slow start


def run_job(job: Job, on_event: OnEvent, stop: Callable[[], bool]) -> events.TrainingFinished:
    """Train what a job asks for, and write its model directory.

    Importing Keras takes seconds, so what can be refused without it is refused before.
    """
    start_time = time.monotonic() if job.start_time is None else job.start_time
    runtime.check(job.backend, job.cluster)
    runtime.require("numba")
    backend, communicator = None, Communicator()
    if job.cluster is not None:  # only together do processes know which of them writes
        processes.check_prepared(job.corpora)
        backend = runtime.start(job.device, job.backend, job.cluster, debug=job.debug)
        communicator = backend.communicator
        start_time = time.monotonic()  # others may have come late
        on_event(events.ProcessesJoined())
        on_event = processes.limit_events(communicator, on_event)
    with ExitStack() as lock:
        unfinished = None
        with communicator.starting():
            if communicator.is_main:
                unfinished = lock.enter_context(open_directory(job))
            plan = create_plan(job, unfinished, on_event, check_ids=communicator.reads_all)
        on_event(_describe_corpus(plan))
        if plan.starter_check is not None:
            on_event(plan.starter_check)
        backend = backend or runtime.start(job.device, job.backend, debug=job.debug)
        if job.cluster is not None:
            processes.check_same_job(communicator, job.cluster, plan.identity)
            unfinished = processes.broadcast_checkpoint(communicator, job.model, unfinished)
        finished = _train(
            job, plan, unfinished, backend, start_time, Hooks(on_event=on_event, stop=stop)
        )
        on_event(finished)
    return finished


def _train(
    job: Job,
    plan: Plan,
    unfinished: Checkpoint | None,
    backend: Backend,
    start_time: float,
    hooks: Hooks,
) -> events.TrainingFinished:
    """Train, and save what is learned, once the corpus and the backend are there."""
    communicator, precision = backend.communicator, None
    if unfinished is not None:  # it may differ in settings that nobody chose
        plan = replace(plan, identity=unfinished.identity)
    backend = _shard(backend, plan.identity.settings.training.batch_size)
    if unfinished is None:
        plan, precision = _adapt(plan, backend)
    data, settings = plan.data(), plan.identity.settings
    with communicator.starting():
        if not communicator.reads_all:
            parts = processes.parts_to_read(communicator, data, settings, TOKENS_AT_MOST)
            plan.corpus.tokens.verify(parts)
        callbacks = _log_to_tensorboard(job, backend)
    recorded = unfinished.about if unfinished else None
    record = provenance.describe(plan, job.command, backend.name, recorded)
    saver = Saver(job.model, plan, record, force=job.force)
    if communicator.is_main:
        hooks = replace(
            hooks,
            save_model=saver.save_model,
            save_checkpoint=saver.save_checkpoint,
            checkpoint_interval=job.checkpoint_every,
            callbacks=callbacks,
        )
    start = StartOptions(
        _deadline(start_time, plan, unfinished),
        plan.initial_weights,
        unfinished.snapshot if unfinished else None,
        precision,
        plan.identity.init_from or "",
    )
    with backend.session():
        state = fit(data, settings, backend, hooks, start).state
    if communicator.is_main and state.reason != "stopped":
        saver.finish()
    communicator.all_gather(0)  # wait for all: one that has ended looks like a lost one
    return events.TrainingFinished(state.reason, state.best_epoch, state.best_loss, str(job.model))


def _describe_corpus(plan: Plan) -> events.CorpusOpened:
    data, corpus, vocabulary = plan.data(), plan.corpus, plan.identity.vocabulary
    parts = corpus.split(plan.identity.settings.windows.validation)
    training, validation, test = corpus.documents.counts if corpus.documents else (0, 0, 0)
    fields = data.labels.fields if data.labels else ()
    return events.CorpusOpened(
        characters=len(corpus.ids),
        training_characters=len(parts[0]),
        validation_characters=len(parts[1]),
        unknown_characters=corpus.unknown,
        vocabulary_size=vocabulary.size - len(vocabulary.subwords),
        subwords=len(vocabulary.subwords),
        tokens=len(corpus.tokens.ids),
        offers_subwords=plan.offers_subwords,
        from_cache=plan.from_cache,
        reading=corpus.reading,
        test_characters=len(corpus.test),
        training_documents=training,
        validation_documents=validation,
        test_documents=test,
        labels={label.name: len(label.values) for label in fields},
    )


def _shard(backend: Backend, rows: int) -> Backend:
    """A backend with no more devices than should share a batch of so many rows.

    Raises:
        SettingsError: the devices of several processes cannot share it evenly.
    """
    sharding = backend.sharding.limited_to(rows, gpu=not backend.device.is_cpu)
    sharding.check_rows(rows)
    return backend.with_sharding(sharding)


def _adapt(plan: Plan, backend: Backend) -> tuple[Plan, str | None]:
    """The plan with settings for the speed of a device, and the precision if it was measured."""
    if plan.settings_for is None:
        return plan, None
    from textgen.training import device_speed

    settings, size = plan.identity.settings, plan.identity.vocabulary.size
    with backend.alone().session(), backend.seeded(settings.training.random_seed):
        settings, precision = device_speed.adapt(settings, plan.settings_for, size, backend)
    return plan.with_settings(settings), precision


def _log_to_tensorboard(job: Job, backend: Backend) -> list[Callback]:
    """The callback that writes logs, in the process that writes, if they are wanted."""
    if job.tensorboard is None or not backend.communicator.is_main:
        return []
    directory = Path(job.tensorboard)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{directory}: the logs for TensorBoard cannot be written: "
            f"{error.strerror or error}; name another directory with --tensorboard"
        ) from error
    return [TensorBoard(directory, backend)]


def _deadline(start_time: float, plan: Plan, unfinished: Checkpoint | None) -> float:
    """When a training by time has to end, as time.monotonic() tells it."""
    if unfinished is not None:
        return start_time + unfinished.snapshot.seconds_left
    seconds = plan.identity.settings.training.time
    seconds -= min(_EXIT, _EXIT_SHARE * seconds)
    deadline = start_time + seconds
    if "time" in plan.identity.automatic:  # a slow start must not use up a time nobody chose
        deadline = max(deadline, time.monotonic() + seconds * _DEFAULT_SHARE)
    return deadline
