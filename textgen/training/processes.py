"""What several processes check and exchange before they train together."""

import importlib.metadata
import tempfile
from collections.abc import Sequence
from pathlib import Path

import textgen
from textgen.distributed.cluster import Cluster
from textgen.distributed.communicator import Communicator
from textgen.errors import UsageError, option_name
from textgen.model.paths import checkpoint_path
from textgen.settings import Settings
from textgen.text.prepared import find_prepared
from textgen.text.sources import Source
from textgen.training import checkpoint, events
from textgen.training.checkpoint import Checkpoint, TrainingIdentity
from textgen.training.data import TrainingData, streams
from textgen.training.events import OnEvent


def check_prepared(corpora: Sequence[str | Path | Source]) -> None:
    """Raise `UsageError` unless a prepared corpus is named.

    Processes do not each read the texts, and standard input belongs to one of them.
    """
    if find_prepared(corpora) is None:
        raise UsageError(
            "several processes train on a prepared corpus: make it by `textgen prepare`, have it "
            "on every host, and name it alone, also to resume"
        )


def limit_events(communicator: Communicator, on_event: OnEvent) -> OnEvent:
    """The events that a process sends: all, or from any but process 0 just that it has started."""
    if communicator.is_main:
        return on_event
    return lambda event: on_event(event) if isinstance(event, events.TrainingStarted) else None


def check_same_job(
    communicator: Communicator, cluster: Cluster, identity: TrainingIdentity
) -> None:
    """Raise `UsageError` where the processes were given different jobs.

    Args:
        communicator: Of this process.
        cluster: The processes, as the user of this one named them.
        identity: What this process is to train.
    """
    settings = {
        f"--{option_name(name)}": "automatic" if name in identity.automatic else value
        for name, value in identity.parts().items()
    }
    versions = {
        f"version of {name}": importlib.metadata.version(name)
        for name in ("keras", "numpy", *communicator.packages)
    }
    communicator.check_same(
        {
            "--processes": cluster.processes,
            "corpus": identity.text,
            "vocabulary": identity.vocabulary.to_bytes().decode(),
            **settings,
            "version of textgen": textgen.__version__,
            **versions,
        }
    )


def broadcast_checkpoint(
    communicator: Communicator, directory: Path, unfinished: Checkpoint | None
) -> Checkpoint | None:
    """Process 0's checkpoint, for the processes that need not be able to read its file.

    Args:
        communicator: Of this process.
        directory: The model directory.
        unfinished: The checkpoint in it, in process 0.
    """
    content = communicator.broadcast(checkpoint_path(directory).read_bytes() if unfinished else b"")
    if communicator.is_main or not content:
        return unfinished
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        return checkpoint.read_checkpoint(Path(file.name))


def parts_to_read(
    communicator: Communicator, text: TrainingData, settings: Settings, validation: int
) -> list[slice]:
    """The parts of the corpus that one of several processes reads, as tokens.

    Args:
        communicator: Of this process.
        text: The training and the validation part, one after the other in the corpus.
        settings: Without carried state, windows are all over the text, and so are documents.
        validation: Tokens of the validation part that are read at most.
    """
    split = len(text.train)
    train = slice(0, split)
    if text.documents is not None:
        return [train, slice(split - 1, split - 1 + len(text.validation))]
    if settings.training.carry_state:
        train = streams(text.training_part, settings, communicator).extent
    return [train, slice(split, split + min(len(text.validation), validation))]
