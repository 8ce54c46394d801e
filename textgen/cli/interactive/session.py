"""The text and the settings of a run: what is generated next, and suggestions for a line."""

from collections.abc import Generator, Sequence
from dataclasses import replace

from textgen.cli.interactive.draft import Draft, Turn
from textgen.cli.interactive.input_line import InputLine, parse_line, quote_line
from textgen.cli.interactive.variables import BY_COMMAND, change, describe
from textgen.cli.types import ESCAPED
from textgen.errors import SeedError
from textgen.sampling import Sampler
from textgen.sampling.label_choice import LabelOption, fill_labels, name_labels
from textgen.sampling.suggestions import Suggester
from textgen.sampling.texts import resolve_random_seed
from textgen.settings import SampleConfig


class Session:
    """A text that a person and a model write together, and how the model continues it.

    Args:
        sampler: The model.
        config: The settings at the start.
        unknown: `error` or `skip`: what to do with characters that the model does not know.
        labels: Labels of documents at the start.

    Attributes:
        draft: The text so far.
        adds: Whether a line is added to the text without a + before it.

    Raises:
        SettingsError: `--until` has a text that the model cannot generate, or the model has no
            such label.
    """

    def __init__(
        self,
        sampler: Sampler,
        config: SampleConfig,
        unknown: str = "error",
        labels: Sequence[str] = (),
    ):
        self.draft, self.adds = Draft(), False
        self._sampler, self._unknown = sampler, unknown
        self._labels: dict[int, str] = {}  # as they were typed, by the number of the field
        self._suggester = Suggester(sampler)
        self._configure(config)
        for label in labels:
            self.set_label(label)

    def set(self, command: str, text: str) -> None:
        """Change a setting.

        Args:
            command: One of `VARIABLES`.
            text: What was typed after it.

        Raises:
            SettingsError: the value is wrong; the setting is unchanged.
        """
        self._configure(change(self._config, BY_COMMAND[command], text))

    def set_label(self, label: str) -> None:
        """Set one of the labels of documents, or `off` for all.

        Raises:
            SettingsError: the model does not have it.
        """
        if label == "off":
            self._labels.clear()
            return
        for number in name_labels(self._sampler.labels, label):
            self._labels[number] = label

    def describe(self) -> str:
        """The settings, on a line."""
        values, off = describe(self._config, documents=self._sampler.generates_documents)
        if self._sampler.labels is not None:
            values["label"] = " ".join(self._labels.values()) or "drawn"
        shown = ", ".join(f"{name} {value}" for name, value in values.items())
        return f"{shown}; off: {', '.join(off)}" if off else shown

    def plan(self, line: InputLine) -> Turn:
        """The turn that a line begins: with all but what the model is to write.

        A line without words continues the text or, if there is none or the texts are documents,
        begins another one.

        Args:
            line: No command.

        Raises:
            SeedError: it has a character that the model does not know.
        """
        before = self.draft.last if self._continues(line) else None
        if line.words:
            return Turn(self._sampler.check_seed(line.words, self._unknown), before=before)
        return Turn("" if before else self._sampler.draw_seed(self._random_seed()), before=before)

    def plan_again(self) -> Turn:
        """The last turn without what the model wrote.

        Raises:
            SeedError: there is none.
        """
        turn = self.draft.last
        if turn is None or not turn.text:
            raise SeedError("/again: nothing was generated yet; type a line first")
        return replace(turn, written="")

    def write(self, turn: Turn) -> Generator[str, None, None]:
        """The characters that the model writes in a turn, which is added to the draft at the end.

        The turn has what was generated until then if the iterator is closed.
        """
        (temperature,) = self._config.temperatures
        random_seed, label = self._random_seed(), self._label(turn.before)
        if self._sampler.labels is not None:
            request = self._sampler.requests.text(turn.text, random_seed, label=label)
            turn = replace(turn, label_ids=request.label_ids)
        characters = self._sampler.generate_stream(
            turn.text, self._config.decoding(temperature), self._stop, random_seed, label=label
        )
        pieces: list[str] = []
        try:
            for character in characters:
                yield character
                pieces.append(character)  # now it was shown
        finally:  # also after Ctrl-C: an empty line then continues from there
            self.draft.add(replace(turn, written="".join(pieces)))

    def suggest(self, line: str) -> list[str]:
        """Lines that begin with a line, the most likely first.

        Raises:
            SeedError: the model does not know a character.
        """
        parsed = parse_line(line, adds=self.adds)
        if parsed.kind == "command":
            return []
        before = self.draft.last if self._continues(parsed) else None
        words = parsed.words
        if words and self._unknown == "skip":
            words = self._sampler.check_seed(words, self._unknown)
        (temperature,) = self._config.temperatures
        # A suggestion is a part of a text, which may match later.
        decoding = replace(self._config.decoding(temperature), match=None)
        suggestions = self._suggester.suggest(
            (before.text if before else "") + words,
            decoding,
            label=self._label(before),
            random_seed=self._config.random_seed or 0,
        )
        if line:
            return [line + ESCAPED.escape(text) for text in suggestions]
        if before and not self.adds:  # an empty line continues the text; one with words would not
            return ["+" + ESCAPED.escape(text) for text in suggestions]
        return [quote_line(text, adds=self.adds) for text in suggestions]

    def _continues(self, line: InputLine) -> bool:
        """Whether a line continues the text."""
        if not self.draft.text:
            return False
        return line.kind == "add" or not (line.words or self._sampler.generates_documents)

    def _label(self, before: Turn | None) -> LabelOption:
        """The labels of a turn: those that were set, and for others those of the text before it."""
        labels, named = self._sampler.labels, list(self._labels.values())
        if labels is None or before is None:
            return named or None
        ids = {**dict(enumerate(before.label_ids)), **name_labels(labels, named)}
        return {
            field.name: field.decode(label_id)
            for field, label_id in zip(labels.fields, fill_labels(labels, ids), strict=True)
        }

    def _configure(self, config: SampleConfig) -> None:
        length = config.max_length(documents=self._sampler.generates_documents)
        self._stop = self._sampler.stop_condition(length, config.until, config.lines)
        self._config = config

    def _random_seed(self) -> int:
        return resolve_random_seed(self._config.random_seed)
