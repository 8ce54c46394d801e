"""Who chooses which setting: the user, a preset, a prepared corpus, or textgen itself."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from textgen.settings import PRESETS, Settings, WindowConfig, normalize_options, resolve_settings
from textgen.text.prepared import Prepared
from textgen.training import automatic, fine_tuning
from textgen.training.automatic import Pace
from textgen.training.initial_model import InitialModel


@dataclass(frozen=True)
class Selection:
    """The settings that are chosen before the corpus and the device are known.

    Attributes:
        options: By name, those that the user chose, or that follow from the model to begin with.
        preset: Name of a preset, which the options change.
        recorded: The windows that a prepared corpus recorded; None without one.
        recorded_names: Those of its settings that were chosen when it was prepared.
        from_model: Whether training begins with the weights of another model.
    """

    options: Mapping[str, Any]
    preset: str | None = None
    recorded: WindowConfig | None = None
    recorded_names: tuple[str, ...] = ()
    from_model: bool = False

    def starting_from(self, model: InitialModel | None) -> "Selection":
        """The same with the shape of a model to begin with, unless another one was chosen."""
        if model is None:
            return self
        options = {**model.shape(self.preset), **self.options}
        return replace(self, options=options, from_model=True)

    @property
    def values(self) -> dict[str, Any]:
        """All settings that were chosen, by name."""
        windows = vars(self.recorded) if self.recorded else {}
        return {
            **{name: value for name, value in windows.items() if name in self.recorded_names},
            **PRESETS.get(self.preset or "", {}),
            **normalize_options(self.options),
        }

    def resolve(self, automatic_values: Mapping[str, Any] | None = None) -> Settings:
        """All settings.

        Args:
            automatic_values: Values in place of the defaults, by name.
        """
        return resolve_settings(self.options, self.preset, self.recorded, automatic_values)

    def resolve_for(self, corpus: Prepared, pace: Pace) -> Settings:
        """All settings, for a corpus and the pace of a device."""
        return with_corpus(self.resolve(self.choose_automatic(corpus, pace)), corpus)

    def choose_automatic(self, corpus: Prepared, pace: Pace) -> dict[str, Any]:
        """Values for the corpus, the time and the pace of a device, of what nobody chose.

        Args:
            corpus: Long enough for the settings that were chosen.
            pace: Of the device.
        """
        corpus, settings, chosen = corpus.tokens, self.resolve(), self.values
        characters, validation = map(len, corpus.split(settings.windows.validation))
        is_short = characters <= automatic.MAXLEN * chosen.get("batch_size", 1)
        if is_short or (corpus.documents is None and 0 < validation <= automatic.MAXLEN):
            chosen.setdefault("maxlen", settings.windows.maxlen)
        values: dict[str, Any] = {}
        if settings.training.time and "time" not in chosen:
            rules = fine_tuning if self.from_model else automatic
            values |= rules.choose_length(characters, pace)
        if "state_reset" not in chosen:  # also without carried state, where it has no effect
            epochs = values.get("epochs") or settings.training.epochs or 1
            windows = characters / settings.windows.maxlen * epochs
            values["state_reset"] = automatic.choose_state_reset(windows, _mean_length(corpus))
            if corpus.documents is not None:
                chosen["state_reset"] = values["state_reset"]
        if not settings.training.carry_state:
            return values
        if self.preset is None and settings.model.cell == "lstm":
            duration = {"time": settings.training.time, **values}
            choose = fine_tuning.choose_fine_tuning if self.from_model else automatic.choose_sizes
            values |= choose(characters, {**duration, **chosen}, pace)
            if corpus.vocabulary.subwords and not self.from_model:
                values = automatic.adapt_to_subwords(values, chosen)
        elif "batch_size" not in chosen:
            values["batch_size"] = automatic.choose_batch_size(characters, settings.windows.maxlen)
        return values

    def check_fits(self, corpus: Prepared) -> None:
        """Raise `CorpusError` where a corpus is too short for the settings that were chosen."""
        # A batch that nobody chose has as many streams as the corpus is long enough for.
        streams = None if "batch_size" in self.values else 1
        check_fits(corpus, self.resolve(), streams)


def with_corpus(settings: Settings, corpus: Prepared) -> Settings:
    """Settings with those of the network that follow from a corpus."""
    documents = corpus.documents
    sizes = documents.labels.sizes if documents is not None and documents.labels else ()
    has_end = documents is not None
    model = replace(settings.model, has_document_end=has_end, label_sizes=sizes)
    return replace(settings, model=model)


def _mean_length(corpus: Prepared) -> float | None:
    """Characters of a document, with its end; None for a continuous text."""
    return None if corpus.documents is None else len(corpus.ids) / len(corpus.documents)


def check_fits(corpus: Prepared, settings: Settings, streams: int | None = None) -> None:
    """Raise `CorpusError` where a corpus is too short for its windows and streams.

    Args:
        corpus: The corpus.
        settings: All settings.
        streams: How many streams it must be long enough for; None for all of a batch.
    """
    if not settings.training.carry_state:
        streams = 1
    streams = streams or settings.training.batch_size
    corpus.tokens.check_length(settings.windows, streams)
