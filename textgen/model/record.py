"""What a model directory says about its model, apart from the weights."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textgen import storage
from textgen.errors import ModelError, NewerVersionError, SettingsError
from textgen.model.paths import HISTORY, MODEL_KIND, SEEDS, SETTINGS, VOCABULARY
from textgen.settings import CONTEXTS, CorpusConfig, Settings, check_choice, check_integer
from textgen.text.vocabulary import Vocabulary, check_text

# Numbers in the states of a window: 200 MB, enough for windows of 10,000 and LSTM 512,512.
_MAX_WINDOW_NUMBERS = 50_000_000


@dataclass(frozen=True)
class ModelRecord:
    """What a model directory says about its model, apart from the weights.

    Attributes:
        settings: The settings of the training.
        vocabulary: The characters.
        history: `epochs`, a list with one object for each, and what else training recorded.
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
        """Characters of the corpus; 0 if unknown."""
        characters: int = self.about.get("corpus", {}).get("characters", 0)
        return characters

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
    def versions(self) -> dict[str, str]:
        """Versions of textgen, Python and libraries; empty if unknown."""
        return dict(self.about.get("versions", {}).items())

    def window(self, context: str | None = None) -> int | None:
        """How many characters each prediction is made from; None if the state is carried.

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

    def corpus_config(self, directory: str | Path) -> CorpusConfig:
        """How the text that the model was trained on was read.

        Args:
            directory: The model directory, for the message.

        Raises:
            ModelError: the record does not say, or a newer version read the text in a way that
                this version does not know.
        """
        try:
            settings = self.about["corpus"]["settings"]
            return CorpusConfig.from_json(settings, self.versions.get("textgen"))
        except NewerVersionError as error:
            raise ModelError(f"{directory}: {error}") from error
        except (KeyError, TypeError, SettingsError) as error:
            raise ModelError(
                f"{directory}: damaged settings.json ({error}); {MODEL_KIND.remedy}"
            ) from error

    def to_files(self) -> dict[str, bytes]:
        """The JSON files of the record, by name."""
        return {
            VOCABULARY: self.vocabulary.to_bytes(),
            SETTINGS: storage.encode_json({**self.settings.to_json(), **self.about}),
            HISTORY: storage.encode_json(self.history),
            SEEDS: storage.encode_json(list(self.seeds)),
        }


def parse_record(directory: Path, files: dict[str, bytes]) -> ModelRecord:
    """The record in the JSON files of a model directory, with every part checked.

    Args:
        directory: The model directory, for the message.
        files: As `ModelRecord.to_files` returns them.

    Raises:
        ModelError: a file is damaged or was written by an unknown newer version.
    """
    try:
        json_settings = json.loads(files[SETTINGS])
        seeds = json.loads(files[SEEDS])
        if not isinstance(seeds, list) or not all(isinstance(seed, str) for seed in seeds):
            raise ValueError("seeds.json is not a list of texts")
        check_text("".join(seeds))
        history = json.loads(files[HISTORY])
        if not isinstance(history, dict):
            raise ValueError("history.json is not an object")
        version = json_settings.get("versions", {}).get("textgen")
        settings = Settings.from_model(json_settings, version)
        check_text(json.dumps(settings.unknown, ensure_ascii=False))
        record = ModelRecord(
            settings=settings,
            vocabulary=Vocabulary.from_bytes(files[VOCABULARY]),
            history=history,
            seeds=tuple(seeds),
            about={
                name: json_settings[name] for name in json_settings if name not in Settings.KEYS
            },
        )
        versions = record.versions
        # Raises a TypeError if one of them is not a string.
        "".join((*record.sources, *record.command, *versions, *versions.values()))
        check_integer("characters", record.characters, at_least=0)
    except NewerVersionError as error:
        raise ModelError(f"{directory}: {error}") from error
    except (*storage.DAMAGE_ERRORS, SettingsError) as error:
        raise ModelError(f"{directory}: damaged ({error}); {MODEL_KIND.remedy}") from error
    return record
