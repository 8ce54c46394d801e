"""What a training writes into its model directory, and what it replaces there."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from textgen import storage
from textgen.errors import ModelError, OutputError
from textgen.model import model_dir
from textgen.model.paths import (
    FINGERPRINT,
    MODEL_KIND,
    STARTER_FINGERPRINT,
    check_new_model,
    checkpoint_path,
    remove_half_written,
)
from textgen.model.record import ModelRecord
from textgen.text.corpus_fingerprint import make_fingerprint
from textgen.training import checkpoint
from textgen.training.checkpoint import Checkpoint, Snapshot
from textgen.training.job import Job
from textgen.training.loop import Loop
from textgen.training.plan import Plan

_LOCKED = "another training is writing to it; wait, or name another one"


@contextmanager
def open_directory(job: Job) -> Iterator[Checkpoint | None]:
    """Lock the model directory of a job.

    Yields:
        The checkpoint of the unfinished training in it, unless the job replaces it.

    Raises:
        OutputError: it is something else, holds a model that the job does not replace, or another
            training has locked it.
        ModelError: there is no training to resume, or its checkpoint is damaged.
    """
    directory = job.model
    check_new_model(directory, force=True)
    if job.resume:
        _check_unfinished(directory)
    with storage.lock_directory(directory, _LOCKED):
        remove_half_written(directory)
        path, unfinished = checkpoint_path(directory), None
        if not job.force and path.exists():
            unfinished = checkpoint.read_checkpoint(path)
        if unfinished is None:
            check_new_model(directory, force=job.force)
        yield unfinished


def _check_unfinished(directory: Path) -> None:
    if checkpoint_path(directory).exists():
        return
    if storage.read_kind(directory) == MODEL_KIND.name:
        raise ModelError(
            f"{directory}: its training is finished; to train its model further, train with "
            "--init-from"
        )
    raise ModelError(f"{directory}: no training to resume in it; name another one with --model")


class Saver:
    """Writes models and checkpoints of one training.

    With `force`, what was in the directory before stays until the first of them is written.

    Args:
        directory: The model directory.
        plan: What is trained.
        provenance: As from `provenance.describe`.
        force: Whether another training in the directory is replaced.
    """

    def __init__(
        self, directory: Path, plan: Plan, provenance: Mapping[str, Any], *, force: bool
    ) -> None:
        self._directory, self._plan, self._provenance = directory, plan, provenance
        self._checkpoint = checkpoint_path(directory)
        self._has_replaced = not force

    def save_model(self, loop: Loop) -> None:
        """Write the model with the best weights so far."""
        identity, documents = self._plan.identity, self._plan.corpus.documents
        record = ModelRecord(
            identity.settings,
            identity.vocabulary,
            loop.state.history,
            loop.seeds,
            dict(self._provenance),
            None if documents is None else documents.labels,
        )
        with self._writing():
            model_dir.save(
                self._directory,
                loop.model.save,
                record,
                changed=loop.state.unsaved,
                fingerprints=self._fingerprints,
            )

    def save_checkpoint(self, snapshot: Snapshot) -> None:
        """Write a checkpoint in place of the one before."""
        prepared = self._plan.corpus_path(self._directory)
        content = Checkpoint(self._plan.identity, prepared, self._provenance, snapshot)
        with self._writing():
            checkpoint.write_checkpoint(self._checkpoint, content)

    def finish(self) -> None:
        """Remove the checkpoint of a training that is finished."""
        self._checkpoint.unlink(missing_ok=True)

    @cached_property
    def _fingerprints(self) -> dict[str, bytes]:
        contents = {
            FINGERPRINT: make_fingerprint(self._plan.corpus),
            STARTER_FINGERPRINT: self._plan.starter_fingerprint,
        }
        return {name: content for name, content in contents.items() if content is not None}

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Replace the training before, and turn a full disk and the like into a clear line."""
        try:
            if not self._has_replaced:
                self._checkpoint.unlink(missing_ok=True)
                self._plan.replace_cache(self._directory)
                self._has_replaced = True
            yield
        except OSError as error:
            has_checkpoint = os.path.exists(self._checkpoint)  # noqa: PTH110 never raises
            raise OutputError(
                f"{self._directory}: cannot be written: {error.strerror or error}; "
                + (
                    "what was saved before is still there: the same command, without --force, "
                    "resumes from the last checkpoint"
                    if has_checkpoint
                    else "fix that, and run the same command again"
                )
            ) from error
