"""The figures of how well a model predicts a text."""

import math
from dataclasses import dataclass, field
from typing import Any

from textgen.analysis.formatting import percent
from textgen.analysis.losses import UNKNOWN_BITS, LabelLoss, MemberLoss
from textgen.text.reading_report import ReadingReport


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
        streams: In how many streams side by side a continuous text was read, 1 for one from its
            beginning to its end; None for documents and windows.
        stream_context: The fewest tokens of context that a later stream had; None with one stream.
        long_memory: Tokens that were read in one stream because streams did not agree: the model
            remembers for long.
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
    streams: int | None = None
    stream_context: int | None = None
    long_memory: int = 0

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
        if self.streams is not None:
            figures |= {name: getattr(self, name) for name in STREAM_FIGURES}
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
        if (self.streams or 1) > 1 or self.long_memory:
            lines.append(("read in", self._describe_streams()))
        return lines

    def _describe_streams(self) -> str:
        unit = "characters" if self.tokens is None else "tokens"
        parts = []
        if self.stream_context is not None:
            context = f"{self.stream_context:,} {unit} of context or more"
            parts.append(f"{self.streams:,} streams with {context}; --exact reads one")
        if self.long_memory:
            parts.append(f"{self.long_memory:,} {unit} in one stream, as the model remembers long")
        return "; ".join(parts)


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
STREAM_FIGURES = ("streams", "stream_context", "long_memory")
DOCUMENT_FIGURES = ("documents", "ends", "nats_per_document")
