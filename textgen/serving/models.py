"""The models that are served, by name; each is replaced when a training replaces its directory.

A mix of models is one more model, with a name and an engine.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from textgen import storage
from textgen.errors import ModelError, first_line
from textgen.model.model_dir import TrainedModel, read_model
from textgen.model.paths import HISTORY, LABELS, MODEL, SEEDS, SETTINGS, VOCABULARY
from textgen.model.starters import find_model
from textgen.sampling import Sampler
from textgen.sampling.mixing import mix_samplers
from textgen.serving.api_errors import ApiError, invalid
from textgen.serving.engine import Delivery, Engine, deliver_each
from textgen.settings import Mix, ServeConfig

_INTERVAL = 1.0  # seconds between two looks at the directories
_SHOWN_SEEDS = 5  # of a model, shown to clients
_FILES = (MODEL, VOCABULARY, SETTINGS, SEEDS, HISTORY, LABELS)

_State = tuple[tuple[int, ...], ...] | None


class ServedModel:
    """A model, and the engine that generates its texts.

    Args:
        name: What clients call it.
        about: What clients learn about it, apart from what the sampler knows.
        sampler: Its sampler.
        engine: Its engine.

    Attributes:
        loaded: When it was loaded, in seconds since 1970.
    """

    def __init__(self, name: str, about: Mapping[str, Any], sampler: Sampler, engine: Engine):
        self.name, self.sampler, self.engine = name, sampler, engine
        self.loaded = time.time()
        self._about = about
        self._users, self._is_replaced = 0, False

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        return int(self._about["parameters"])

    def acquire(self) -> None:
        """Keep the engine until `release`."""
        self._users += 1

    def release(self) -> None:
        """The counterpart of `acquire`: ends the engine of a replaced model after its last use."""
        self._users -= 1
        self._close_if_unused()

    def replace(self) -> None:
        """End the engine once nobody uses it."""
        self._is_replaced = True
        self._close_if_unused()

    def to_json(self, limits: ServeConfig) -> dict[str, Any]:
        """The model as clients list it."""
        sampler = self.sampler
        fields = sampler.labels.fields if sampler.labels is not None else ()
        about = {
            "documents": sampler.generates_documents,
            "labels": [{"name": field.name, "values": list(field.values)} for field in fields],
            **self._about,
            "window": sampler.window,
            "vocabulary_size": sampler.vocabulary.size,
            "subwords": bool(sampler.vocabulary.merges),
            "seeds": [] if sampler.generates_documents else list(sampler.seeds[:_SHOWN_SEEDS]),
            "max_length": limits.max_length,
            "max_prompt": limits.max_prompt,
        }
        return {
            "id": self.name,
            "object": "model",
            "created": int(self.loaded),
            "owned_by": "textgen",
            "textgen": about,
        }

    def _close_if_unused(self) -> None:
        if self._is_replaced and not self._users:
            # In a thread, since it waits for the step that the engine is in.
            threading.Thread(target=self.engine.close, daemon=True).start()


class Models:
    """All models that are served.

    Args:
        models: Model directories, or names of starters, by the names that clients use; or mixes of
            models with such names.
        limits: How much the engines generate at a time.
        log: Writes a line for the user.

    Attributes:
        most_parameters: Those of the largest model at the start.

    Raises:
        ModelError: a model is missing or damaged, or models of a mix have different tokens or
            labels.
    """

    def __init__(
        self, models: Mapping[str, Path | Mix], limits: ServeConfig, log: Callable[[str], object]
    ):
        self._mixes = {name: mix for name, mix in models.items() if isinstance(mix, Mix)}
        self._directories = {
            name: find_model(path) for name, path in models.items() if not isinstance(path, Mix)
        }
        self._limits, self._log = limits, log
        self._models: dict[str, ServedModel] = {}
        self._states = {name: _read_state(path) for name, path in self._directories.items()}
        self._trained = {name: _load(path) for name, path in self._directories.items()}
        self.most_parameters = max(trained.parameters for trained, _ in self._trained.values())
        for mix in self._mixes.values():
            mix_samplers([self._trained[str(name)][1] for name in mix.models], mix)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the engines; their updates arrive in an event loop."""

        def deliver(deliveries: list[Delivery]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(deliver_each, deliveries)

        self._deliver = deliver
        for name, (trained, sampler) in self._trained.items():
            self._models[name] = self._make(name, _describe(trained), sampler)
        for name, mix in self._mixes.items():
            self._models[name] = self._make_mix(name, mix)
        self._trained.clear()

    def __iter__(self) -> Iterator[ServedModel]:
        return iter(list(self._models.values()))

    def get(self, name: str | None) -> ServedModel:
        """The model of a name; without one the only model.

        Raises:
            ApiError: there is no such model, or no name where there are several models.
        """
        names = ", ".join(self._models)
        if name is None and len(self._models) > 1:
            raise invalid(f"model is missing; name one of {names}", "model")
        if name is None:
            return next(iter(self._models.values()))
        if name not in self._models:
            raise ApiError(
                404,
                f"there is no model {name!r}; name one of {names}",
                param="model",
                code="model_not_found",
            )
        return self._models[name]

    async def watch(self) -> None:
        """Replace each model whose directory changes; never returns."""
        while True:
            await asyncio.sleep(_INTERVAL)
            for name, path in self._directories.items():
                state = await asyncio.to_thread(_read_state, path)
                if state is not None and state != self._states[name]:
                    self._states[name] = state
                    await self._reload(name, path)

    def close(self, seconds: float = 0) -> None:
        """End all engines."""
        for model in self._models.values():
            model.engine.close(seconds)

    async def _reload(self, name: str, path: Path) -> None:
        try:
            trained, sampler = await asyncio.to_thread(_load, path)
        except Exception as error:  # noqa: BLE001  whatever is wrong with it, the old one is served
            self._log(f"{name}: keeps its model, the new one cannot be read: {first_line(error)}")
            return
        self._models[name].replace()
        self._models[name] = self._make(name, _describe(trained), sampler)
        self._log(f"{name}: switched to the new model in {path}")
        for mixed, mix in self._mixes.items():
            if name in mix.models:
                self._renew_mix(mixed, mix)

    def _renew_mix(self, name: str, mix: Mix) -> None:
        try:
            model = self._make_mix(name, mix)
        except ModelError as error:
            self._log(f"{name}: keeps its models, the new ones cannot be mixed: {error}")
            return
        self._models[name].replace()
        self._models[name] = model
        self._log(f"{name}: switched to the new model, too")

    def _make_mix(self, name: str, mix: Mix) -> ServedModel:
        members = [self._models[str(each)] for each in mix.models]
        sampler = mix_samplers([member.sampler for member in members], mix)
        names = [member.name for member in members]
        about = {
            "cell": "mix",
            "units": [],
            "parameters": sum(member.parameters for member in members),
            "mix": dict(zip(names, mix.weights, strict=True)),
            **({"mix_to": dict(zip(names, mix.to, strict=True))} if mix.is_ramp else {}),
            "mix_by": mix.by,
        }
        return self._make(name, about, sampler)

    def _make(self, name: str, about: Mapping[str, Any], sampler: Sampler) -> ServedModel:
        limits = self._limits
        engine = Engine(
            sampler, rows=limits.rows, waiting=limits.max_waiting, deliver=self._deliver
        )
        return ServedModel(name, about, sampler, engine)


def _describe(trained: TrainedModel) -> dict[str, Any]:
    settings = trained.record.settings.model
    return {
        "cell": settings.cell,
        "units": list(settings.units),
        "parameters": trained.parameters,
    }


def _load(path: Path) -> tuple[TrainedModel, Sampler]:
    trained = read_model(path)
    return trained, trained.sampler_in(path)


def _read_state(path: Path) -> _State:
    """What changes with a directory and the files that are read from it; None without a model."""
    identities = [_identify(path / name) for name in ("", storage.MANIFEST, *_FILES)]
    return tuple(identities) if all(identities[:2]) else None


def _identify(path: Path) -> tuple[int, ...]:
    """What tells a file from another one in its place, and from its content before; () for none."""
    try:
        status = path.stat()
    except OSError:
        return ()
    if path.is_dir():  # its times change with each file in it
        return (status.st_ino,)
    return status.st_ino, status.st_mtime_ns, status.st_size
