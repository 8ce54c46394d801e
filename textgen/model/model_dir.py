"""The model directory on disk: everything about one trained model, whole or absent.

Knows which files there are and how they are checked; knows nothing of training and loads no
deep-learning framework. A model directory holds

    model.keras      stock Keras layers; loads with keras.models.load_model anywhere
    vocabulary.json  characters in the order of their ids
    settings.json    the settings that it was trained with, sources, versions, command
    history.json     losses and samples, epoch by epoch
    seeds.json       windows of the corpus that sampling can start from
    manifest.json    size and SHA-256 of each
    checkpoint.npz   where an unfinished training is; nothing but that training reads it
    cache/           the prepared corpus; a training in this directory goes on sooner with it
"""

import io
import json
import shlex
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen import storage
from textgen.errors import ModelError, NewerVersionError, OutputError, SettingsError
from textgen.sampling import Sampler
from textgen.sampling.network import Network, WeightSpec, weight_specs
from textgen.settings import CONTEXTS, CorpusConfig, Settings, check_choice, check_integer
from textgen.text.prepared import (
    Prepared,
    check_text,
    open_prepared,
    same_sources,
    vocabulary_from_json,
    vocabulary_json,
)
from textgen.text.vocabulary import Vocabulary

KIND = storage.DirectoryKind(
    "model directory", version=1, error=ModelError, remedy="train it again with `textgen train`"
)

_MODEL, _VOCABULARY, _SETTINGS = "model.keras", "vocabulary.json", "settings.json"
_HISTORY, _SEEDS = "history.json", "seeds.json"
_CHECKPOINT, _CACHE, _ASIDE = storage.CHECKPOINT, "cache", ".cache.new"
_WEIGHTS = "model.weights.h5"
_WINDOW_AT_MOST = 50_000_000  # numbers: 200 MB, enough for windows of 10,000 and LSTM 512,512
# Bytes of structure in an HDF5 file, at most: some ten thousand, and 2,300 to 3,400 for each array.
_HDF5_OVERHEAD, _HDF5_OVERHEAD_OF_ARRAY = 1 << 20, 1 << 13


@dataclass(frozen=True)
class Record:
    """What a model directory says about its model.

    Attributes:
        settings: What the training was told.
        vocabulary: The characters.
        history: `epochs`, a list with an object for each, and what else training recorded.
        seeds: Windows of the corpus.
        about: Sources, counts, versions and the command.
    """

    settings: Settings
    vocabulary: Vocabulary
    history: dict[str, Any]
    seeds: tuple[str, ...]
    about: dict[str, Any]

    @property
    def characters(self) -> int:
        """Of the corpus; 0 where that is not known, as empty stands for below."""
        characters: int = self.about.get("corpus", {}).get("characters", 0)
        return characters

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the files that the corpus was read from."""
        return tuple(one["name"] for one in self.about.get("corpus", {}).get("sources", []))

    @property
    def command(self) -> tuple[str, ...]:
        """The words after `textgen` that it was trained with."""
        return tuple(self.about.get("command", []))

    @property
    def versions(self) -> dict[str, str]:
        """Of textgen, Python and libraries."""
        return dict(self.about.get("versions", {}).items())

    def window(self, context: str | None = None) -> int | None:
        """Characters that each prediction is made from; None where the state is carried on.

        Args:
            context: `carry` or `window`; None for what the model was trained with.

        Raises:
            SettingsError: an unknown context.
            ModelError: windows that take more memory than a model should.
        """
        if context is not None:
            check_choice("context", context, CONTEXTS)
        carry = self.settings.training.carry_state if context is None else context == "carry"
        if carry:
            return None
        maxlen = self.settings.windows.maxlen
        # As many states are kept, each with what its next character is computed from.
        if maxlen * (self.vocabulary.size + 4 * sum(self.settings.model.units)) > _WINDOW_AT_MOST:
            raise ModelError(
                f"windows of {maxlen:,} characters take too much memory with this model; give "
                "--context carry"
            )
        return maxlen


def resuming(directory: Path) -> str:
    """The command that goes on with the training in a model directory."""
    return f"textgen train --resume --model {shlex.quote(str(directory))}"


def cache(directory: Path) -> Path:
    """Where a model directory keeps the prepared corpus."""
    return directory / _CACHE


def cache_aside(directory: Path) -> Path:
    """Where a prepared corpus waits that may not yet take the place of the one in the cache."""
    return directory / _ASIDE


def checkpoint(directory: Path) -> Path:
    """Where a model directory keeps the checkpoint of a training that is not finished."""
    return directory / _CHECKPOINT


def sweep(directory: Path) -> None:
    """Take away what a training that was killed left half written."""
    storage.remove_leftovers(directory, (_CHECKPOINT, storage.MANIFEST, _ASIDE, _CACHE))


def is_model(path: str | Path) -> bool:
    """Whether a path is a model directory, whole or not."""
    return storage.read_kind(Path(path)) == KIND.name


def check_new(directory: Path, *, force: bool) -> None:
    """Raise `OutputError` where a new model may not be written to a directory."""
    if not directory.exists():
        return
    kind = storage.read_kind(directory)
    names = {path.name for path in directory.iterdir()} if directory.is_dir() else {""}
    # What begins with a dot was left by a training that was killed.
    others = {name for name in names if not name.startswith(".")} - {_CACHE, _CHECKPOINT}
    if kind is None and others:
        raise OutputError(f"{directory}: exists and is not a model directory; name another one")
    if kind not in (None, KIND.name):
        raise OutputError(f"{directory}: is a {kind}; name another directory with --model")
    if kind == KIND.name and not force:
        raise OutputError(
            f"{directory}: holds a trained model; replace it with --force, or name another "
            "directory with --model"
        )


def save(
    directory: Path,
    write_model: Callable[[Path], object],
    record: Record,
    *,
    changed: bool = True,
) -> None:
    """Put a model in place of what the directory holds, in one step for every reader.

    Args:
        directory: Made where it is missing.
        write_model: Writes the `.keras` file to the path it is given.
        record: All else.
        changed: Whether the weights have changed since this process last saved them; if not, the
            `.keras` file of the directory stays as it is.

    Raises:
        OSError: the disk is full, or the directory cannot be written; the model that was there
            is still whole.
    """
    settings = {**record.settings.to_json(), **record.about}
    contents = {
        _VOCABULARY: vocabulary_json(record.vocabulary),
        _SETTINGS: storage.encode_json(settings),
        _HISTORY: storage.encode_json(record.history),
        _SEEDS: storage.encode_json(list(record.seeds)),
    }
    writers: dict[str, Callable[[Path], object]] = {_MODEL: write_model}
    if not changed:
        with suppress(ModelError):  # the user has deleted it, for example: then it is written again
            storage.locate_files(directory, KIND, [_MODEL])
            del writers[_MODEL]
    for name, data in contents.items():
        writers[name] = lambda path, data=data: path.write_bytes(data)  # type: ignore[misc]
    storage.commit(directory, KIND, writers, unchanged={_MODEL} - writers.keys())


def load(directory: str | Path, context: str | None = None) -> Sampler:
    """Load a trained model for writing text, without any deep-learning framework.

    Args:
        directory: A model directory.
        context: `carry` to carry the state from character to character, `window` to predict from
            exactly the last maxlen characters; None for what the model was trained with.

    Raises:
        ModelError: there is none, or it is damaged or of another version.
        SettingsError: an unknown context.

    Example:
        >>> model = load("textgen-model")  # doctest: +SKIP
        >>> print(model.generate("To be", length=200, temperature=0.5))  # doctest: +SKIP
    """
    return read(directory).sampler(context)


@dataclass(frozen=True)
class Trained:
    """A trained model as it was read.

    Attributes:
        record: What its directory says about it.
        weights: float32 arrays as `weight_specs` lists them.
    """

    record: Record
    weights: Sequence[npt.NDArray[np.float32]]

    def network(self) -> Network:
        """The network in NumPy."""
        record = self.record
        return Network(record.settings.model, record.vocabulary.size, self.weights)

    def sampler(self, context: str | None = None) -> Sampler:
        """What writes text with it; `context` as `load` takes it."""
        record = self.record
        return Sampler(self.network(), record.vocabulary, record.window(context), record.seeds)

    @property
    def parameters(self) -> int:
        """Numbers that were learned."""
        # With one-hot input the first weights are a fixed identity matrix.
        fixed = 0 if self.record.settings.model.embedding else 1
        return sum(weight.size for weight in self.weights[fixed:])


def text(directory: str | Path, record: Record) -> Prepared | None:
    """The text that a model was trained on; None where its directory does not have it.

    Its vocabulary lacks characters that a model begun with `--init-from` brought along.

    Args:
        directory: A model directory.
        record: What it says about its model.

    Raises:
        PreparedError: it is damaged.
        ModelError: as `reading` does.
    """
    kept = cache(Path(directory))
    if not kept.exists():
        return None
    read_as = reading(directory, record)
    found = open_prepared(kept)
    # A new training in the directory may have put its own text there.
    about = record.about.get("corpus", {})
    same = (read_as, about.get("characters")) == (found.corpus, len(found.ids))
    return found if same and same_sources(about.get("sources"), list(found.sources)) else None


def reading(directory: str | Path, record: Record) -> CorpusConfig:
    """How the text was read that a model was trained on.

    Args:
        directory: A model directory.
        record: What it says about its model.

    Raises:
        ModelError: it does not say, or a newer version read it in a way unknown to this one.
    """
    try:
        settings = record.about["corpus"]["settings"]
        return CorpusConfig.from_json(settings, record.versions.get("textgen"))
    except NewerVersionError as error:
        raise ModelError(f"{directory}: {error}") from error
    except (KeyError, TypeError, SettingsError) as error:
        raise ModelError(f"{directory}: damaged settings.json ({error}); {KIND.remedy}") from error


def read(directory: str | Path) -> Trained:
    """Read a trained model.

    Args:
        directory: A model directory.

    Raises:
        ModelError: there is none, or it is damaged or of another version.
    """
    directory = Path(directory)
    files = _files(directory, (_MODEL, _VOCABULARY, _SETTINGS, _SEEDS, _HISTORY))
    record = _read(directory, files)
    config, size = record.settings.model, record.vocabulary.size
    return Trained(
        record, _read_weights(directory / _MODEL, files[_MODEL], weight_specs(config, size))
    )


def _files(directory: Path, names: Sequence[str]) -> dict[str, bytes]:
    if storage.read_kind(directory) is None and not (directory / _MODEL).exists():
        if checkpoint(directory).exists():
            raise ModelError(
                f"{directory}: no trained model yet; wait for the training in it to validate, or "
                f"go on with it by `{resuming(directory)}`"
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
    return storage.read_files(directory, KIND, names)


def _read(directory: Path, files: dict[str, bytes]) -> Record:
    try:
        settings = json.loads(files[_SETTINGS])
        seeds = json.loads(files[_SEEDS])
        if not isinstance(seeds, list) or not all(isinstance(seed, str) for seed in seeds):
            raise ValueError("seeds.json is not a list of texts")
        check_text("".join(seeds))
        history = json.loads(files[_HISTORY])
        if not isinstance(history, dict):
            raise ValueError("history.json is not an object")
        read = Settings.from_model(settings, settings.get("versions", {}).get("textgen"))
        check_text(json.dumps(read.unknown, ensure_ascii=False))
        record = Record(
            settings=read,
            vocabulary=vocabulary_from_json(files[_VOCABULARY]),
            history=history,
            seeds=tuple(seeds),
            about={name: settings[name] for name in settings if name not in Settings.KEYS},
        )
        versions = record.versions
        # A TypeError where one of them is no text.
        "".join((*record.sources, *record.command, *versions, *versions.values()))
        check_integer("characters", record.characters, at_least=0)
    except NewerVersionError as error:
        raise ModelError(f"{directory}: {error}") from error
    except (*storage.DAMAGE_ERRORS, SettingsError) as error:
        raise ModelError(f"{directory}: damaged ({error}); {KIND.remedy}") from error
    return record


def _read_weights(
    path: Path, content: bytes, specs: Sequence[WeightSpec]
) -> list[npt.NDArray[np.float32]]:
    """The arrays of a `.keras` file, each checked before it is read."""
    import h5py

    expected = sum(4 * int(np.prod(spec.shape, dtype=object)) for spec in specs)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            member = archive.getinfo(_WEIGHTS)
            # Not compressed, so that no few bytes can become many.
            if member.compress_type != zipfile.ZIP_STORED or member.file_size > len(content):
                raise ModelError(f"{path}: not a model that textgen wrote; {KIND.remedy}")
            overhead = _HDF5_OVERHEAD + len(specs) * _HDF5_OVERHEAD_OF_ARRAY
            if not expected <= member.file_size <= expected + overhead:
                raise ModelError(
                    f"{path}: has not the size of weights that settings.json says; {KIND.remedy}"
                )
            data = archive.read(member)
        with h5py.File(io.BytesIO(data), "r") as file:
            arrays = [_read_array(file, spec, path, h5py) for spec in specs]
    except storage.DAMAGE_ERRORS as error:
        raise ModelError(
            f"{path}: not a model that textgen wrote ({error}); {KIND.remedy}"
        ) from error
    if not all(np.isfinite(array).all() for array in arrays):
        raise ModelError(f"{path}: has weights that are not numbers; {KIND.remedy}")
    return arrays


def _read_array(file: Any, spec: WeightSpec, path: Path, h5py: Any) -> npt.NDArray[np.float32]:
    item = file
    for name in spec.path.split("/"):
        # A soft or external link could lead to another array or another file.
        if not isinstance(item.get(name, getlink=True), h5py.HardLink):
            raise ModelError(f"{path}: has no {spec.path}; {KIND.remedy}")
        item = item[name]
    plain = isinstance(item, h5py.Dataset) and not (item.external or item.is_virtual or item.chunks)
    if not plain:
        raise ModelError(f"{path}: {spec.path} is not a plain array; {KIND.remedy}")
    if item.shape != spec.shape or item.dtype != np.float32:
        raise ModelError(
            f"{path}: {spec.path} is {item.dtype} of shape {item.shape}, and settings.json says "
            f"float32 of shape {spec.shape}; {KIND.remedy}"
        )
    array: npt.NDArray[np.float32] = item[()]
    return array
