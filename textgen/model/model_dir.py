"""The model directory on disk: everything about one trained model. It is complete or absent.

A model directory holds

    model.keras      stock Keras layers; loads with keras.models.load_model anywhere
    vocabulary.json  characters in the order of their ids, and how subwords are made of them
    settings.json    the settings that it was trained with, sources, versions, command
    history.json     losses and samples at each validation
    seeds.json       windows of the corpus that sampling can start from
    labels.json      labels of the corpus's documents, if they have any
    documents.bloom  a fingerprint of the documents: says whether a text is one of them
    starter.bloom    the fingerprint of the starter that the model descends from, if any
    manifest.json    size and SHA-256 of each
    checkpoint.npz   the state of an unfinished training; only that training reads it
    cache/           the prepared corpus; the next training in this directory starts faster with it

Reading one loads no deep-learning framework.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from textgen import storage
from textgen.errors import ModelError
from textgen.model.paths import (
    HISTORY,
    LABELS,
    MODEL,
    MODEL_KIND,
    SEEDS,
    SETTINGS,
    VOCABULARY,
    cache_path,
    checkpoint_path,
    resume_command,
)
from textgen.model.record import ModelRecord, parse_record
from textgen.model.starters import find_model
from textgen.model.weights import read_weights
from textgen.sampling import Sampler
from textgen.sampling.mixing import mix_samplers
from textgen.sampling.network import Network, weight_specs
from textgen.settings import Mix
from textgen.text.fingerprints import same_sources
from textgen.text.prepared import Prepared, open_prepared


@dataclass(frozen=True)
class TrainedModel:
    """A trained model in memory.

    Attributes:
        record: What its directory says about it.
        weights: float32 arrays as `weight_specs` lists them.
    """

    record: ModelRecord
    weights: Sequence[npt.NDArray[np.float32]]

    def network(self) -> Network:
        """The network in NumPy."""
        record = self.record
        return Network(record.settings.model, record.vocabulary.size, self.weights)

    def sampler(self, context: str | None = None) -> Sampler:
        """A sampler that generates text with the model; `context` is as in `load`."""
        record = self.record
        window = record.window(context)
        sampler = Sampler(
            self.network(), record.vocabulary, window, record.seeds, labels=record.labels
        )
        if sampler.generates_documents:
            mode, sampler.separator = record.documents
            # A model that knows line ends, from an earlier training, can learn from lines.
            sampler.excluded = "\n" if mode == "lines" else ""
            sampler.document_length = record.document_length
        return sampler

    def sampler_in(self, directory: str | Path, context: str | None = None) -> Sampler:
        """The same, and it knows the documents that the model was trained on.

        Args:
            directory: The model directory, or the name of a starter.
            context: As in `load`.
        """
        from textgen.model.known_documents import KnownDocuments

        sampler = self.sampler(context)
        if sampler.generates_documents:
            sampler.corpus = KnownDocuments(find_model(directory), self.record)
        return sampler

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        # With one-hot input the first weights are a fixed identity matrix.
        fixed = 0 if self.record.settings.model.embedding else 1
        return sum(weight.size for weight in self.weights[fixed:])


def load(directory: str | Path | Mix, context: str | None = None) -> Sampler:
    """Load a trained model for generating text, without any deep-learning framework.

    Args:
        directory: A model directory, or the name of a starter. Or a mix of several, which then
            predict as one.
        context: `carry` to carry the state from character to character, `window` to predict from
            exactly the last maxlen characters; None for what the model was trained with.

    Raises:
        ModelError: there is none, or it is damaged or of another version; or models of a mix have
            different tokens or labels.
        SettingsError: an unknown context, or a mix without any character that all models know.

    Example:
        >>> model = load("textgen-model")  # doctest: +SKIP
        >>> print(model.generate("To be", length=200, temperature=0.5))  # doctest: +SKIP
    """
    if isinstance(directory, Mix):
        return mix_samplers([load(each, context) for each in directory.models], directory)
    return read_model(directory).sampler_in(directory, context)


def read_model(directory: str | Path) -> TrainedModel:
    """Read a trained model.

    Args:
        directory: A model directory, or the name of a starter.

    Raises:
        ModelError: there is none, or it is damaged or of another version.
    """
    directory = find_model(directory)
    files = _read_files(directory)
    record = parse_record(directory, files)
    specs = weight_specs(record.settings.model, record.vocabulary.size)
    return TrainedModel(record, read_weights(directory / MODEL, files[MODEL], specs))


def save(
    directory: Path,
    write_model: Callable[[Path], object],
    record: ModelRecord,
    *,
    changed: bool = True,
    fingerprints: Mapping[str, bytes] = MappingProxyType({}),
) -> None:
    """Replace the model of a directory, in one step for every reader.

    Args:
        directory: Created if it is missing.
        write_model: Writes the `.keras` file to the path it is given.
        record: All else.
        changed: Whether the weights have changed since this process last saved them; if not, the
            `.keras` file of the directory stays as it is.
        fingerprints: Fingerprints of documents, as from `make_fingerprint`, by file name.

    Raises:
        OSError: the disk is full, or the directory cannot be written; the old model is still
            complete.
    """
    writers: dict[str, Callable[[Path], object]] = {MODEL: write_model}
    if not changed:
        with suppress(ModelError):  # if the user has deleted the file, it is written again
            storage.locate_files(directory, MODEL_KIND, [MODEL])
            del writers[MODEL]
    for name, data in {**record.to_files(), **fingerprints}.items():
        writers[name] = lambda path, data=data: path.write_bytes(data)  # type: ignore[misc]
    storage.commit(directory, MODEL_KIND, writers, unchanged={MODEL} - writers.keys())


def read_training_corpus(directory: str | Path, record: ModelRecord) -> Prepared | None:
    """The corpus that a model was trained on; None if its directory does not have it.

    Its vocabulary lacks the characters that came with `--init-from`.

    Args:
        directory: A model directory.
        record: What it says about its model.

    Raises:
        PreparedError: the corpus is damaged.
        ModelError: as in `ModelRecord.corpus_config`.
    """
    path = cache_path(Path(directory))
    if not path.exists():
        return None
    config = record.corpus_config(directory)
    corpus = open_prepared(path)
    # A new training in the directory may have put its own text there.
    about = record.about.get("corpus", {})
    same = (config, about.get("characters")) == (corpus.corpus, len(corpus.ids))
    return corpus if same and same_sources(about.get("sources"), list(corpus.sources)) else None


def _read_files(directory: Path) -> dict[str, bytes]:
    if storage.read_kind(directory) is None and not (directory / MODEL).exists():
        if checkpoint_path(directory).exists():
            raise ModelError(
                f"{directory}: no trained model yet; wait for the training in it to validate, or "
                f"resume it with `{resume_command(directory)}`"
            )
        if directory.is_dir():
            raise ModelError(
                f"{directory}: no trained model in this directory; make one with "
                f"`textgen train CORPUS --model {directory}`"
            )
        raise ModelError(
            f"{directory}: no such model directory; make one with `textgen train CORPUS`, or name "
            "another one"
        )
    names = (MODEL, VOCABULARY, SETTINGS, SEEDS, HISTORY)
    return storage.read_files(directory, MODEL_KIND, names, optional=(LABELS,))
