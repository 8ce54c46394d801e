"""What a model directory says about its model, apart from the weights."""

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textgen import storage
from textgen.errors import ModelError
from textgen.model.paths import HISTORY, LABELS, MODEL_KIND, SEEDS, SETTINGS, VOCABULARY
from textgen.settings import CONTEXTS, CorpusConfig, Settings, check_choice, check_integer
from textgen.text.documents.labels import Labels
from textgen.text.vocabulary import Vocabulary, check_text

# Numbers in the states of a window: 200 MB, enough for windows of 10,000 and LSTM 512,512.
_MAX_WINDOW_NUMBERS = 50_000_000


@dataclass(frozen=True)
class ModelRecord:
    """What a model directory says about its model, apart from the weights.

    Attributes:
        settings: The settings of the training.
        vocabulary: The tokens: characters, or also subwords.
        history: `epochs`, a list with one object for each validation, and what else training
            recorded.
        seeds: Windows of the corpus.
        about: Sources, counts, versions and the command.
        labels: The labels of the corpus's documents; None without labels.
    """

    settings: Settings
    vocabulary: Vocabulary
    history: dict[str, Any]
    seeds: tuple[str, ...]
    about: dict[str, Any]
    labels: Labels | None = None

    @property
    def characters(self) -> int:
        """Characters of the corpus; 0 if unknown."""
        characters: int = self.about.get("corpus", {}).get("characters", 0)
        return characters

    @property
    def document_length(self) -> int | None:
        """The mean number of characters of a document in the corpus; None if unknown."""
        counts = self.about.get("corpus", {}).get("documents", {})
        numbers = counts.values() if isinstance(counts, dict) else ()
        documents = sum(number for number in numbers if isinstance(number, int))
        return max(1, round(self.characters / documents)) if documents > 0 else None

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the files of the corpus; empty if unknown."""
        sources = self.about.get("corpus", {}).get("sources", [])
        return tuple(source["name"] for source in sources)

    @property
    def command(self) -> tuple[str, ...]:
        """The arguments of the `textgen` command that trained the model; empty if unknown."""
        return tuple(self.about.get("command", []))

    @property
    def init_from(self) -> str | None:
        """The model whose weights the training began with: a directory, or a starter."""
        name: str | None = self.about.get("init_from", {}).get("name")
        return name

    @property
    def versions(self) -> dict[str, str]:
        """Versions of textgen, Python and libraries; empty if unknown."""
        return dict(self.about.get("versions", {}).items())

    def window(self, context: str | None = None) -> int | None:
        """How many tokens each prediction is made from; None if the state is carried.

        Args:
            context: `carry` or `window`; None for the one that the model was trained with.

        Raises:
            SettingsError: an unknown context.
            ModelError: the states of such windows would take too much memory.
        """
        if context is not None:
            check_choice("context", context, CONTEXTS)
        carry = self.settings.training.carry_state if context is None else context == "carry"
        if carry:
            return None
        maxlen = self.settings.windows.maxlen
        # There are maxlen states, each with the inputs of its next step.
        numbers = maxlen * (self.vocabulary.size + 4 * sum(self.settings.model.units))
        if numbers > _MAX_WINDOW_NUMBERS:
            raise ModelError(
                f"windows of {maxlen:,} characters take too much memory with this model; give "
                "--context carry"
            )
        return maxlen

    @property
    def documents(self) -> tuple[str, str]:
        """How documents were separated: the mode, as in `CorpusConfig`, and the separator; empty if
        unknown.
        """
        corpus = self.about.get("corpus", {}).get("settings", {})
        values = (corpus.get(name) for name in ("documents", "separator"))
        mode, separator = (value if isinstance(value, str) else "" for value in values)
        return mode, separator

    def corpus_config(self, directory: str | Path) -> CorpusConfig:
        """How the text that the model was trained on was read.

        Args:
            directory: The model directory, for the message.

        Raises:
            ModelError: the record does not say, or a newer version read the text in a way that
                this version does not know.
        """
        with _report_damage(Path(directory) / SETTINGS):
            corpus = storage.get_item(self.about, "corpus", dict)
            settings = storage.get_item(corpus, "settings", dict)
            return CorpusConfig.from_json(settings, self.versions.get("textgen"))

    def to_files(self) -> dict[str, bytes]:
        """The JSON files of the record, by name."""
        files = {
            VOCABULARY: self.vocabulary.to_bytes(),
            SETTINGS: storage.encode_json({**self.settings.to_json(), **self.about}),
            HISTORY: storage.encode_json(self.history),
            SEEDS: storage.encode_json(list(self.seeds)),
        }
        return files if self.labels is None else {**files, LABELS: self.labels.to_bytes()}


def parse_record(directory: Path, files: dict[str, bytes]) -> ModelRecord:
    """The record in the JSON files of a model directory, with every part checked.

    Args:
        directory: The model directory, for the message.
        files: As `ModelRecord.to_files` returns them.

    Raises:
        ModelError: a file is damaged or was written by an unknown newer version.
    """
    with _report_damage(directory / VOCABULARY):
        vocabulary = Vocabulary.from_bytes(files[VOCABULARY])
    with _report_damage(directory / HISTORY):
        history = storage.parse_json(files[HISTORY], dict)
    with _report_damage(directory / SEEDS):
        seeds = _read_texts(storage.parse_json(files[SEEDS], list), "an item")
        check_text("".join(seeds))
    with _report_damage(directory / SETTINGS):
        content = storage.parse_json(files[SETTINGS], dict)
        about = {name: content[name] for name in content if name not in Settings.KEYS}
        _check_about(about)
        settings = Settings.from_model(content, about.get("versions", {}).get("textgen"))
        check_text(json.dumps(settings.unknown, ensure_ascii=False))
        if settings.model.has_document_end != vocabulary.has_document_end:
            raise storage.DamageError("documents, and a vocabulary of another training")
    with _report_damage(directory / LABELS):
        labels = Labels.from_bytes(files[LABELS]) if LABELS in files else None
        if settings.model.label_sizes != (() if labels is None else labels.sizes):
            raise storage.DamageError("not the labels that the model was trained with")
    return ModelRecord(settings, vocabulary, history, seeds, about, labels)


def _report_damage(path: Path) -> AbstractContextManager[None]:
    return storage.report_damage(path, MODEL_KIND.error, MODEL_KIND.remedy)


def _check_about(about: dict[str, Any]) -> None:
    """Check what a record says apart from settings; every part of it may be missing.

    Raises:
        DamageError, SettingsError: a part is something else than training writes.
    """
    for name, version in storage.get_item(about, "versions", dict, {}).items():
        storage.get_item({name: version}, name, str)
    _read_texts(storage.get_item(about, "command", list, []), "an argument of the command")
    initial = storage.get_item(about, "init_from", dict, {"name": "", "starter": None})
    storage.get_item(initial, "name", str)
    if not isinstance(initial.get("starter"), str | None):
        raise storage.DamageError("the starter must be a name")
    corpus = storage.get_item(about, "corpus", dict, {})
    check_integer("characters", corpus.get("characters", 0), at_least=0)
    for source in storage.get_item(corpus, "sources", list, []):
        if not isinstance(source, dict):
            raise storage.DamageError("a source of the corpus must be an object")
        storage.get_item(source, "name", str)


def _read_texts(values: list[Any], item: str) -> tuple[str, ...]:
    """A list of texts as a tuple; `item` names an item of it in messages."""
    for value in values:
        if not isinstance(value, str):
            raise storage.DamageError(f"{item} must be a text, not {value!r}")
    return tuple(values)
