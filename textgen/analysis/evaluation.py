"""How well a trained model predicts a text: loss, bits per character, perplexity, coverage."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

from textgen.analysis.figures import Evaluation
from textgen.analysis.losses import LabelLosses, LossSum
from textgen.analysis.mixture_scores import MixtureScorer, read_models
from textgen.analysis.model_text import ModelText, corpus_part, named_text
from textgen.analysis.progress import OnCharacters, TextProgress
from textgen.analysis.text_reader import ReadingOptions, too_short_error
from textgen.analysis.text_scores import HowToRead, ModelScorer, TextScorer
from textgen.errors import SettingsError
from textgen.model.model_dir import TrainedModel, read_model
from textgen.model.record import ModelRecord
from textgen.settings import DEFAULT_MODEL, Mix, check_integer
from textgen.text.documents.document_list import take_documents
from textgen.text.documents.index import TEST, VALIDATION
from textgen.text.sources import Corpora, list_corpora


def evaluate(
    corpora: Corpora = (),
    model: str | Path | Mix = DEFAULT_MODEL,
    *,
    context: str | None = None,
    windows: int | None = None,
    test: bool = False,
    exact: bool = False,
    labels: Any = None,
    on_progress: OnCharacters | None = None,
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
        exact: Whether to read a continuous text in one stream. A long one is otherwise read in
            streams side by side, each with enough context: as fast as the processor can, and the
            loss differs by less than 1e-4.
        labels: The labels of `documents`, if that is a list of texts, as for `textgen.train`.
        reading: How the text is read, if not as the model's training text was, as in
            `textgen.analysis.text_reader.ReadingOptions`. `documents` may also be the text itself:
            a list of documents.
        on_progress: Called with the characters that have been read, and how many there are, None
            if that is not known.

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
    how = HowToRead(context, windows, exact=exact)
    if mixed is None:
        evaluation = measure(trained, text, how, on_progress)
    else:
        scorer = MixtureScorer(mixed, text.reader.end, how, TextProgress(text, on_progress))
        evaluation = _add_up(trained.record, text, scorer)
        evaluation = replace(evaluation, members=scorer.members(evaluation.ends))
    if evaluation.predicted <= evaluation.ends:
        raise too_short_error(evaluation.characters, evaluation.unknown)
    return evaluation


def measure(
    trained: TrainedModel,
    text: ModelText,
    how: HowToRead | None = None,
    on_progress: OnCharacters | None = None,
) -> Evaluation:
    """Evaluate a model in memory.

    Args:
        trained: The model.
        text: What to evaluate it on.
        how: How it is read.
        on_progress: As for `evaluate`.

    Returns:
        The evaluation, with losses that are nan if nothing can be predicted.
    """
    how, progress = how or HowToRead(), TextProgress(text, on_progress)
    return _add_up(trained.record, text, ModelScorer(trained, text.reader.end, how, progress))


def _add_up(record: ModelRecord, text: ModelText, scorer: TextScorer) -> Evaluation:
    """The evaluation of what a scorer finds."""
    vocabulary = record.vocabulary
    total, by_label = LossSum(vocabulary), LabelLosses(record.labels)
    ends = 0
    if text.has_documents:
        if scorer.how.windows is not None:
            raise SettingsError(
                "windows", "is for continuous text, and this text is read as documents"
            )
        for document, logs in scorer.score_documents(text.read_documents()):
            predicted = total.add(document.targets(logs), logs)
            by_label.add(document.label_ids, len(document.text), predicted, -logs.sum())
            ends += vocabulary.count_characters(text.reader.end)
    else:
        for targets, logs in scorer.score_text(text.read_ids()):
            total.add(targets, logs)
    streams = scorer.streams
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
        streams=streams.count if streams else None,
        stream_context=streams.context if streams else None,
        long_memory=streams.long_memory if streams else 0,
    )
