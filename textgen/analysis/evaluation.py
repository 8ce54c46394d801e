"""How well a trained model predicts a text: loss, bits per character, perplexity, coverage."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Unpack

from textgen.analysis.formatting import percent
from textgen.analysis.losses import UNKNOWN_BITS, LabelLoss, LabelLosses, LossSum
from textgen.analysis.mixture_scores import MemberLoss, MixtureScorer, read_models
from textgen.analysis.model_text import ModelText, corpus_part, named_text
from textgen.analysis.text_reader import ReadingOptions, too_short_error
from textgen.analysis.text_scores import ModelScorer, TextScorer
from textgen.errors import SettingsError
from textgen.model.model_dir import TrainedModel, read_model
from textgen.model.record import ModelRecord
from textgen.settings import DEFAULT_MODEL, Mix, check_integer
from textgen.text.documents.document_list import take_documents
from textgen.text.documents.index import TEST, VALIDATION
from textgen.text.reading_report import ReadingReport
from textgen.text.sources import Corpora, list_corpora


@dataclass(frozen=True)
class Evaluation:
    """How well a model predicts a text.

    To add a figure, add an attribute or property, its name to FIGURES (for JSON) and its line to
    `lines` (for people). `textgen evaluate` prints both.

    Attributes:
        characters: Characters of the text.
        predicted: How many characters the loss is the mean of; ends of documents count as such.
        unknown: Characters outside the model's vocabulary. They are read as the unknown id; if the
            vocabulary has none, they are left out.
        loss: Cross-entropy in nats per predicted character.
        known_loss: The loss of characters in the vocabulary only.
        reading: What was found and changed when the text was read.
        documents: Documents of the text; 0 for one continuous text.
        ends: How many of the predicted characters end documents.
        labels: The loss of the documents with each label.
        note: How the text was read, where the model was trained on another kind; else empty.
        tokens: How many tokens the predicted characters are; None for a model without subwords.
        members: How well each model of a mixture predicts the text by itself; else empty.
    """

    characters: int
    predicted: int
    unknown: int
    loss: float
    known_loss: float
    reading: ReadingReport = field(default_factory=ReadingReport)
    documents: int = 0
    ends: int = 0
    labels: tuple[LabelLoss, ...] = ()
    note: str = ""
    tokens: int | None = None
    members: tuple[MemberLoss, ...] = ()

    @property
    def bits_per_character(self) -> float:
        """Bits of all that is predicted, also of ends, per predicted character."""
        characters = self.predicted - self.ends
        return self.loss * (self.predicted / characters) / math.log(2) if characters else math.nan

    @property
    def nats_per_document(self) -> float | None:
        """Nats of a document with its end, in the mean; None for one continuous text."""
        return self.loss * self.predicted / self.documents if self.documents else None

    @property
    def perplexity(self) -> float:
        """exp(loss): the number of equally likely characters that would be as hard to predict."""
        return math.exp(min(self.loss, 700.0))

    @property
    def perplexity_per_token(self) -> float | None:
        """The number of equally likely tokens that would be as hard to predict.

        None for a model without subwords.
        """
        if not self.tokens:
            return None
        return math.exp(min(self.loss * self.predicted / self.tokens, 700.0))

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
        counted = self.coverage + self.ends / self.characters  # known ones and ends, per character
        known = 0.0 if math.isnan(self.known_loss) else counted * self.known_loss
        return known / math.log(2) + (1 - self.coverage) * UNKNOWN_BITS

    def to_json(self) -> dict[str, Any]:
        """The figures as a JSON object."""
        figures = {name: getattr(self, name) for name in FIGURES}
        if self.documents:
            figures |= {name: getattr(self, name) for name in DOCUMENT_FIGURES}
            figures["labels"] = [label.to_json() for label in self.labels]
        if self.tokens is not None:
            figures["perplexity_per_token"] = self.perplexity_per_token
        if self.members:
            figures["members"] = [member.to_json() for member in self.members]
        return {**figures, "reading": self.reading.to_json()}

    def lines(self) -> list[tuple[str, str]]:
        """The figures for people: pairs of a label and a text."""
        character = "character or document end" if self.documents else "character"
        perplexity = f"{self.perplexity:.3f}"
        if self.perplexity_per_token is not None:
            perplexity += f" per character, {self.perplexity_per_token:.2f} per token"
        lines = [
            ("loss", f"{self.loss:.4f} nats per {character}"),
            ("bits per character", f"{self.bits_per_character:.4f}"),
            ("perplexity", perplexity),
        ]
        if self.documents:
            nats = f"{self.nats_per_document:.2f} nats per document"
            lines.append(("documents", f"{self.documents:,}, {nats}"))
        predicted = f"{self.predicted - self.ends:,} of them predicted"
        lines += [
            ("characters", f"{self.characters:,}, {predicted}"),
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
DOCUMENT_FIGURES = ("documents", "ends", "nats_per_document")


def evaluate(
    corpora: Corpora = (),
    model: str | Path | Mix = DEFAULT_MODEL,
    *,
    context: str | None = None,
    windows: int | None = None,
    test: bool = False,
    labels: Any = None,
    **reading: Unpack[ReadingOptions],
) -> Evaluation:
    """Measure how well a trained model predicts a text.

    Documents are predicted one by one, each from a zero state, with their ends. A model of
    continuous text reads and predicts what separates them instead, a line end for example.

    Args:
        corpora: Paths of files and directories, `-`, or sources; none for the part of its corpus
            that the model was validated on.
        model: A model directory, or a mix of several. How the text is read, and the part of the
            corpus if no text is named, are those of the first one with a weight above 0.
        context: `carry` reads the text in order and carries the state; `window` predicts each
            character from exactly the last maxlen; None for what the model was trained with.
        windows: Read windows of this many characters instead (tokens, for a model with subwords),
            one after the other, each from a zero state, and count all positions.
        test: Whether to use the part of its corpus that was held out of the training as its test
            part.
        labels: The labels of `documents`, if that is a list of texts, as for `textgen.train`.
        reading: How the text is read, if not as the model's training text was, as in
            `textgen.analysis.text_reader.ReadingOptions`. `documents` may also be the text itself:
            a list of documents.

    Raises:
        CorpusError: no text, unreadable text, or fewer than two characters of the vocabulary.
        ModelError: no model, or a damaged one; no text is named, and the model directory does not
            have its corpus, or that has no such part.
        SettingsError: windows of no character, windows and context or documents together, texts
            and `test` together, an unknown way to read the text, a mix that changes over the text.

    Example:
        >>> evaluate("corpus.txt", "textgen-model").loss  # doctest: +SKIP
        1.47
    """
    if windows is not None:
        windows = check_integer("windows", windows, at_least=1)
        if context is not None:
            raise SettingsError("windows", "and context exclude each other; give one of them")
    corpora, options = take_documents(corpora, reading, labels)
    named = list_corpora(corpora)
    if named and test:
        raise SettingsError("test", "is a part of the model's corpus; name no text")
    model = model.reduce() if isinstance(model, Mix) else model
    mixed = read_models(model, context) if isinstance(model, Mix) else None
    directory = model.models[0] if isinstance(model, Mix) else model
    trained = read_model(directory) if mixed is None else mixed.trained
    if named:
        text = named_text(trained.record, directory, named, options)
    else:
        text = corpus_part(trained, Path(directory), TEST if test else VALIDATION)
    if mixed is None:
        evaluation = measure(trained, text, context=context, windows=windows)
    else:
        scorer = MixtureScorer(mixed, text.reader.end, context)
        evaluation = _add_up(trained.record, text, scorer, windows)
        evaluation = replace(evaluation, members=scorer.members(evaluation.ends))
    if evaluation.predicted <= evaluation.ends:
        raise too_short_error(evaluation.characters, evaluation.unknown)
    return evaluation


def measure(
    trained: TrainedModel,
    text: ModelText,
    *,
    context: str | None = None,
    windows: int | None = None,
) -> Evaluation:
    """Evaluate a model in memory.

    Args:
        trained: The model.
        text: What to evaluate it on.
        context, windows: As for `evaluate`.

    Returns:
        The evaluation, with losses that are nan if nothing can be predicted.
    """
    scorer = ModelScorer(trained, text.reader.end, context)
    return _add_up(trained.record, text, scorer, windows)


def _add_up(
    record: ModelRecord, text: ModelText, scorer: TextScorer, windows: int | None
) -> Evaluation:
    """The evaluation of what a scorer finds."""
    vocabulary = record.vocabulary
    total, by_label = LossSum(vocabulary), LabelLosses(record.labels)
    ends = 0
    if text.has_documents:
        if windows is not None:
            raise SettingsError(
                "windows", "is for continuous text, and this text is read as documents"
            )
        for document, logs in scorer.score_documents(text.read_documents()):
            predicted = total.add(document.targets(logs), logs)
            by_label.add(document.label_ids, len(document.text), predicted, -logs.sum())
            ends += vocabulary.count_characters(text.reader.end)
    else:
        for targets, logs in scorer.score_text(text.read_ids(), windows):
            total.add(targets, logs)
    counts = text.reader.text
    return Evaluation(
        counts.characters,
        total.predicted,
        counts.unknown,
        loss=total.loss,
        known_loss=total.known_loss,
        reading=counts.report,
        documents=text.reader.documents,
        ends=ends,
        labels=by_label.losses(),
        note=text.note,
        tokens=total.tokens if vocabulary.merges else None,
    )
