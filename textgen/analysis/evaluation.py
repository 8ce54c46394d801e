"""How well a trained model predicts a text: loss, bits per character, perplexity, coverage."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Unpack

from textgen.analysis.formatting import percent
from textgen.analysis.text_reader import (
    ReadingOptions,
    TextReader,
    reading_config,
    too_short_error,
)
from textgen.errors import SettingsError
from textgen.model.model_dir import TrainedModel, read_model
from textgen.sampling.context import make_reader
from textgen.sampling.scoring import score_by_windows, score_in_order
from textgen.settings import DEFAULT_MODEL, CorpusConfig, check_integer
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Corpora, find_sources
from textgen.text.vocabulary import CODE_POINTS

# The bits charged for a character that the model does not know: enough to name any code point.
UNKNOWN_BITS = math.log2(CODE_POINTS)


@dataclass(frozen=True)
class Evaluation:
    """How well a model predicts a text.

    To add a figure, add an attribute or property, its name to FIGURES (for JSON) and its line to
    `lines` (for people). `textgen evaluate` prints both.

    Attributes:
        characters: Characters of the text.
        predicted: How many of them the loss is the mean of.
        unknown: Characters outside the model's vocabulary. They are read as the unknown id; if the
            vocabulary has none, they are left out.
        loss: Cross-entropy in nats per predicted character.
        known_loss: The loss of characters in the vocabulary only.
        reading: What was found and changed when the text was read.
    """

    characters: int
    predicted: int
    unknown: int
    loss: float
    known_loss: float
    reading: ReadingReport = field(default_factory=ReadingReport)

    @property
    def bits_per_character(self) -> float:
        """The loss in bits."""
        return self.loss / math.log(2)

    @property
    def perplexity(self) -> float:
        """exp(loss): the number of equally likely characters that would be as hard to predict."""
        return math.exp(min(self.loss, 700.0))

    @property
    def coverage(self) -> float:
        """The share of the text's characters that are in the model's vocabulary."""
        return 1 - self.unknown / self.characters

    @property
    def charged_bits_per_character(self) -> float:
        """Bits per character of the whole text, with `UNKNOWN_BITS` for each unknown character.

        It makes models with different vocabularies comparable. The loss alone does not: it leaves
        out or simplifies unknown characters, so it gets better the less a model knows.
        """
        known = 0.0 if math.isnan(self.known_loss) else self.coverage * self.known_loss
        return known / math.log(2) + (1 - self.coverage) * UNKNOWN_BITS

    def to_json(self) -> dict[str, Any]:
        """The figures as a JSON object."""
        figures = {name: getattr(self, name) for name in FIGURES}
        return {**figures, "reading": self.reading.to_json()}

    def lines(self) -> list[tuple[str, str]]:
        """The figures for people: pairs of a label and a text."""
        lines = [
            ("loss", f"{self.loss:.4f} nats per character"),
            ("bits per character", f"{self.bits_per_character:.4f}"),
            ("perplexity", f"{self.perplexity:.3f}"),
            ("characters", f"{self.characters:,}, {self.predicted:,} of them predicted"),
            ("coverage", f"{percent(self.coverage)} of them in the model's vocabulary"),
        ]
        if self.unknown:
            bits = f"{self.charged_bits_per_character:.4f} bits per character"
            charge = f"{UNKNOWN_BITS:.2f} bits charged for each unknown one"
            lines.append(("of the whole text", f"{bits}, with {charge}"))
        return lines


FIGURES = (
    "characters",
    "predicted",
    "unknown",
    "loss",
    "bits_per_character",
    "perplexity",
    "coverage",
    "charged_bits_per_character",
)


def evaluate(
    corpora: Corpora,
    model: str | Path = DEFAULT_MODEL,
    *,
    context: str | None = None,
    windows: int | None = None,
    **reading: Unpack[ReadingOptions],
) -> Evaluation:
    """Measure how well a trained model predicts a text.

    Args:
        corpora: Paths of files and directories, `-`, or sources.
        model: A model directory.
        context: `carry` reads the text in order and carries the state; `window` predicts each
            character from exactly the last maxlen; None for what the model was trained with.
        windows: Read windows of this many characters instead, one after the other, each from a
            zero state, and count all positions.
        reading: How the text is read, if not as the model's training text was:
            encoding: The text's encoding, or `auto`.
            decoding_errors: `strict`, `replace` or `skip`.
            glob: Patterns for the names of files in directories.

    Raises:
        CorpusError: no text, unreadable text, or fewer than two characters of the vocabulary.
        ModelError: no model, or a damaged one.
        SettingsError: windows of no character, windows and context together, an unknown encoding
            or way to treat decoding errors.

    Example:
        >>> evaluate("corpus.txt", "textgen-model").loss  # doctest: +SKIP
        1.47
    """
    if windows is not None:
        windows = check_integer("windows", windows, at_least=1)
        if context is not None:
            raise SettingsError("windows", "and context exclude each other; give one of them")
    trained = read_model(model)
    config = reading_config(trained.record, model, **reading)
    evaluation, _ = evaluate_model(trained, corpora, config, context=context, windows=windows)
    if not evaluation.predicted:
        raise too_short_error(evaluation.characters, evaluation.unknown)
    return evaluation


def evaluate_model(
    trained: TrainedModel,
    corpora: Corpora,
    config: CorpusConfig,
    *,
    context: str | None = None,
    windows: int | None = None,
) -> tuple[Evaluation, bytes]:
    """Evaluate a model in memory.

    Args:
        trained: The model.
        corpora: The texts.
        config: How they are read.
        context, windows: As for `evaluate`.

    Returns:
        The evaluation, with losses that are nan if nothing can be predicted; and a hash of the
        text's characters: if it is equal for two models, they have read the same text.
    """
    network, record = trained.network(), trained.record
    window, unknown_id = record.window(context), record.vocabulary.unknown_id
    reader = TextReader(record.vocabulary)
    pieces = reader.read(find_sources(corpora, config.glob), config)
    if windows is not None:
        scores = score_by_windows(network, windows, pieces)
    else:
        scores = score_in_order(make_reader(network, window), record.vocabulary.size, pieces)
    nats, predicted, known_nats, known = 0.0, 0, 0.0, 0
    for targets, logs in scores:
        nats -= float(logs.sum())
        predicted += logs.size
        known_logs = logs if unknown_id is None else logs[targets != unknown_id]
        known_nats -= float(known_logs.sum())
        known += known_logs.size
    evaluation = Evaluation(
        reader.characters,
        predicted,
        reader.unknown,
        loss=nats / predicted if predicted else math.nan,
        known_loss=known_nats / known if known else math.nan,
        reading=reader.report,
    )
    return evaluation, reader.digest
