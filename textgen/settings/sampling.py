"""The settings of generation: of `textgen sample`, and of the samples for `textgen novelty`."""

from dataclasses import dataclass, fields
from functools import cached_property

from textgen.errors import SettingsError
from textgen.settings.base import Config
from textgen.settings.characters import check_characters
from textgen.settings.checks import (
    check_choice,
    check_expression,
    check_flag,
    check_integer,
    check_number,
    check_random_seed,
    check_sequence,
    check_temperature,
    check_temperatures,
)
from textgen.settings.choices import CONTEXTS
from textgen.settings.temperatures import TemperatureRamp, parse_temperature

_MIN_LENGTH = 4  # of a novelty sample: the shortest n-gram that novelty reports
_MAX_CHARACTERS = 1_000_000  # of all novelty samples: looking for copies takes half a gigabyte


@dataclass(frozen=True, kw_only=True)
class Filters(Config):
    """Which tokens can be chosen; the default of each filter turns it off.

    Each is applied by the function of the same name in `textgen.sampling.decoding`.

    Attributes:
        top_k: Choose among the k most likely tokens; 0 for all.
        top_p: Choose among the fewest tokens that together have this probability.
        min_p: Choose among tokens whose probability is at least this share of the most likely
            one's; 0 for all.
    """

    top_k: int = 0  # the temperature alone: with few characters, cutting the tail gains little
    top_p: float = 1.0
    min_p: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("top_k", self.top_k, at_least=0)
        check_number("top_p", self.top_p, above=0, at_most=1)
        check_number("min_p", self.min_p, at_least=0, at_most=1)


@dataclass(frozen=True, kw_only=True)
class Constraints(Filters):
    """What every text must be, token by token, and which tokens can be chosen.

    Attributes:
        top_k, top_p, min_p: As in Filters.
        match: A regular expression that must match somewhere in a text with its seed; None for
            none.
        ban: Characters that are never chosen; `a-z` is all from a to z.
        only: Characters besides which none is chosen; None for all.
        repetition_penalty: A character that continues a repeated passage gets this many times less
            likely with each character of the passage; 1 for no penalty.
        no_repeat: No sequence of this many characters occurs twice in a text with its seed, unless
            nothing else could follow; 0 for no such limit.
    """

    match: str | None = None
    ban: str = ""
    only: str | None = None
    repetition_penalty: float = 1.0
    no_repeat: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.match is not None:
            check_expression("match", self.match)
        check_characters("ban", self.ban)
        if self.only is not None:
            check_characters("only", self.only)
            if not self.only:
                raise SettingsError("only", "must be one or more characters")
        check_number("repetition_penalty", self.repetition_penalty, at_least=1, at_most=1000)
        check_integer("no_repeat", self.no_repeat, at_least=0, below=2**31)


@dataclass(frozen=True)
class Decoding(Constraints):
    """How the next token is chosen.

    Attributes:
        temperature: Logits are divided by it; 0 always picks the most likely token. A text such as
            `1.0:0.5` changes it over the text, `1.0:0.5/line` and `1.0:0.5/word` over each line or
            word.
        top_k, top_p, min_p, match, ban, only, repetition_penalty, no_repeat: As in Constraints.
    """

    temperature: float | str = 0.5  # readable, and not yet repeating itself

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_temperature(self.temperature)

    @cached_property
    def ramp(self) -> TemperatureRamp | None:
        """How the temperature changes; None if it does not."""
        value = parse_temperature(self.temperature)
        return value if isinstance(value, TemperatureRamp) else None

    @cached_property
    def final_temperature(self) -> float:
        """What the logits that are to be chosen from are divided by, after all controls.

        It is 1 if the temperature changes: then a control divides them.
        """
        value = parse_temperature(self.temperature)
        return 1.0 if isinstance(value, TemperatureRamp) else value


@dataclass(frozen=True, kw_only=True)
class DocumentFilters(Config):
    """Which generated documents are kept; others are generated in place of those that are not.

    Attributes:
        unique: Whether no document may appear twice.
        novel: Whether no document may be one of the corpus.
        max_copy: No run of this many characters may be copied from the corpus; None for no limit.
        min_length: Characters of a document, at least.
        max_length: Characters of a document, at most; None for no limit.
        tries: Documents to generate for each one that is wanted, at most.
    """

    unique: bool = False
    novel: bool = False
    max_copy: int | None = None
    min_length: int = 0
    max_length: int | None = None
    tries: int = 100  # finds what one document in fifty is; a small model needs seconds for them

    def __post_init__(self) -> None:
        super().__post_init__()
        check_flag("unique", self.unique)
        check_flag("novel", self.novel)
        if self.max_copy is not None:
            check_integer("max_copy", self.max_copy, at_least=1)
        check_integer("min_length", self.min_length, at_least=0)
        if self.max_length is not None:
            check_integer("max_length", self.max_length, at_least=1)
            if self.max_length < self.min_length:
                raise SettingsError(
                    "min_length",
                    f"must be at most the maximum length, {self.max_length:,}, not "
                    f"{self.min_length:,}",
                )
        check_integer("tries", self.tries, at_least=1)

    @property
    def active(self) -> tuple[str, ...]:
        """The names of the filters that are on."""
        return tuple(
            field.name
            for field in fields(self)
            if field.name != "tries" and getattr(self, field.name) != field.default
        )


@dataclass(frozen=True)
class SampleConfig(Constraints):
    """What `textgen sample` writes.

    Attributes:
        temperatures: One or more, as in Decoding; each gives separate texts.
        top_k, top_p, min_p, match, ban, only, repetition_penalty, no_repeat: As in Constraints.
        length: The highest number of characters to write after the seed; `until` or `lines` may
            end a text earlier. 0 for no limit; None for 400, or 10,000 with `until` or `lines`
            and for documents, which end by themselves.
        until: Generation stops after the first of these texts that it writes.
        lines: Generation stops after this many line ends; 0 for no such limit.
        samples: Texts to write for each temperature and seed.
        best_of: Texts to generate for each one; the one with the highest mean log-probability is
            written.
        random_seed: Makes the texts repeatable; None draws a new random seed.
        context: `carry` (the state carries over from character to character) or `window` (the
            state is computed from the last `maxlen` characters); None for what the model was
            trained with.
    """

    temperatures: tuple[float | str, ...] = (Decoding.temperature,)
    length: int | None = None
    until: tuple[str, ...] = ()
    lines: int = 0
    samples: int = 1
    best_of: int = 1
    random_seed: int | None = None  # a repeated command gives another text
    context: str | None = None  # a model predicts best as it was trained

    def __post_init__(self) -> None:
        super().__post_init__()
        check_temperatures(self.temperatures)
        for temperature in self.temperatures:
            parse_temperature(temperature)
        if self.length is not None:
            check_integer("length", self.length, at_least=0)
        check_sequence("until", self.until)
        if not all(isinstance(text, str) and text for text in self.until):
            raise SettingsError("until", "must be a text of one or more characters")
        check_integer("lines", self.lines, at_least=0)
        check_integer("samples", self.samples, at_least=1)
        check_integer("best_of", self.best_of, at_least=1)
        if self.random_seed is not None:
            check_random_seed(self.random_seed)
        if self.context is not None:
            check_choice("context", self.context, CONTEXTS)

    def decoding(self, temperature: float | str) -> Decoding:
        """How tokens are chosen at one of the temperatures."""
        values = {field.name: getattr(self, field.name) for field in fields(Constraints)}
        return Decoding(temperature, **values)

    def max_length(self, *, documents: bool) -> int | None:
        """The highest number of characters to write; None for no limit.

        Args:
            documents: Whether the texts are documents.
        """
        if self.length is None:
            # A screenful of verse, and what the Keras example writes. With another end, a bound
            # for a model that never reaches it.
            return 10_000 if self.until or self.lines or documents else 400
        return self.length or None


@dataclass(frozen=True)
class NoveltyConfig(Config):
    """What `textgen novelty` writes to look for copies in.

    Attributes:
        temperatures: One or more; each gives separate texts.
        samples: Texts to write for each temperature; None for 20, or 200 documents.
        length: Characters of each, after the seed; of a document, at most.
        random_seed: Makes the texts repeatable.
    """

    # The default of `textgen sample`, and the probabilities as the model learned them.
    temperatures: tuple[float, ...] = (0.5, 1.0)
    samples: int | None = None  # see `count`
    length: int = 1000  # long enough to reach a passage of the corpus and to follow it
    random_seed: int = 0  # numbers that people compare must not change from call to call

    def __post_init__(self) -> None:
        super().__post_init__()
        check_temperatures(self.temperatures)
        for temperature in self.temperatures:
            check_temperature("temperature", temperature)
        if self.samples is not None:
            check_integer("samples", self.samples, at_least=1)
        check_integer("length", self.length, at_least=_MIN_LENGTH)
        characters = len(self.temperatures) * (self.samples or 1) * self.length
        if characters > _MAX_CHARACTERS:
            raise SettingsError(
                "samples",
                f"times length and temperatures is {characters:,} characters; at most "
                f"{_MAX_CHARACTERS:,} fit in memory",
            )
        check_random_seed(self.random_seed)

    def decoding(self, temperature: float) -> Decoding:
        """How tokens are chosen at one of the temperatures."""
        return Decoding(temperature)

    def count(self, *, documents: bool) -> int:
        """Texts to write for each temperature.

        Args:
            documents: Whether these are whole documents, which are often short.
        """
        if self.samples is not None:
            return self.samples
        # Texts from as many places in the corpus, written in seconds.
        return 200 if documents else 20
