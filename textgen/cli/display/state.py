"""What is known of a training so far, gathered from its events."""

import math
from collections.abc import Iterator

from textgen.training import events

_BINS = 600


class BitsPerCharacter:
    """Turns losses into bits per character, as `textgen evaluate` gives them.

    A loss is a mean over tokens, and the end of a document is a token but no character.
    """

    def __init__(self) -> None:
        self._training = self._validation = self._best = 1.0  # tokens per character

    def open(self, corpus: events.CorpusOpened) -> None:
        """Count the tokens and characters of a corpus."""
        self._training = _tokens_per_character(
            corpus.training_characters, corpus.training_documents
        )
        self._validation = _tokens_per_character(
            corpus.validation_characters, corpus.validation_documents
        )
        self._best = self._validation if corpus.validation_documents else self._training

    def training(self, loss: float) -> float:
        """Bits per character from a loss on the training text."""
        return self._training * loss / math.log(2)

    def validation(self, loss: float) -> float:
        """Bits per character from a loss on the validation text."""
        return self._validation * loss / math.log(2)

    def best(self, loss: float) -> float:
        """Bits per character from the best loss: on the validation text if there is one."""
        return self._best * loss / math.log(2)


def _tokens_per_character(size: int, documents: int) -> float:
    """Predicted tokens per character of a text of so many ids.

    A text of documents begins with an end, which nothing predicts.
    """
    predicted = size - 1
    return predicted / (predicted - documents) if documents else 1.0


class Speed:
    """Speed and time left, measured from the steps.

    Attributes:
        characters_per_second: Mean since the last validation; None if not known yet. The step
            after a validation is not counted, as it may wait for work that the validation left.
        seconds_left: Seconds to the end; None if not known yet.
    """

    def __init__(self) -> None:
        self.characters_per_second: float | None = None
        self.seconds_left: float | None = None
        self._first: events.StepDone | None = None
        self._start: float | None = None
        self._characters = 0

    def add(self, event: events.StepDone) -> bool:
        """Add a step. Returns whether speed and time left are known."""
        # The first step compiles the network and says nothing about the others.
        if self._first is not None and event.fraction_done > self._first.fraction_done:
            seconds = event.seconds - self._first.seconds
            fraction = event.fraction_done - self._first.fraction_done
            self.seconds_left = seconds * (1 - event.fraction_done) / fraction
        self._first = self._first or event
        if self._start is None:
            self._start, self._characters = event.seconds, 0
            return False
        self._characters += event.characters
        self.characters_per_second = self._characters / max(event.seconds - self._start, 1e-6)
        return self.seconds_left is not None

    def restart(self) -> None:
        """Start a new mean of the speed."""
        self._start = None


class LossHistory:
    """The losses of all steps as means over equal parts of the training."""

    def __init__(self) -> None:
        self._sums, self._counts = [0.0] * _BINS, [0] * _BINS

    def add(self, fraction_done: float, loss: float) -> None:
        index = min(int(fraction_done * _BINS), _BINS - 1)
        self._sums[index] += loss
        self._counts[index] += 1

    def means(self, parts: int) -> Iterator[float | None]:
        """The mean of each of this many parts; None for a part without steps."""
        for part in range(parts):
            bins = slice(part * _BINS // parts, max((part + 1) * _BINS // parts, 1))
            count = sum(self._counts[bins])
            yield sum(self._sums[bins]) / count if count else None


class DisplayState:
    """All that there is to show of a training so far.

    Args:
        corpus_name: Name of the corpus.
        directory: Name of the model directory.

    Attributes:
        corpus: The corpus, once it is open.
        started: The network, once it is built.
        step: The last step.
        fraction_done: Completed share of the training; it never falls.
        validation: The last validation.
        best: Epoch and loss of the best model so far.
        samples: The newest samples.
        sample_epoch: The epoch of these samples.
        losses: Of the training text.
        validation_losses: Completed share of the training, and loss, for each validation.
        is_stopping: Whether the training was asked to stop.
        speed: Speed and time left.
        bits: Turns losses into bits per character.
    """

    def __init__(self, corpus_name: str, directory: str):
        self.corpus_name, self.directory = corpus_name, directory
        self.corpus: events.CorpusOpened | None = None
        self.started: events.TrainingStarted | None = None
        self.step: events.StepDone | None = None
        self.fraction_done = 0.0
        self.validation: events.Validated | None = None
        self.best: tuple[float, float] | None = None
        self.samples: tuple[events.Sample | events.EarlySample, ...] = ()
        self.sample_epoch: float | None = None
        self.losses = LossHistory()
        self.validation_losses: list[tuple[float, float]] = []
        self.is_stopping = False
        self.speed = Speed()
        self.bits = BitsPerCharacter()

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.StepDone():
                self.step = event
                self.fraction_done = max(self.fraction_done, event.fraction_done)
                self.losses.add(event.fraction_done, event.step_loss)
                self.speed.add(event)
            case events.Validated():
                self._add_validation(event)
            case events.Sample():
                self._add_sample(event, self.validation.epoch if self.validation else 0.0)
            case events.EarlySample():
                self._add_sample(event, event.epoch)
            case events.CorpusOpened():
                self.corpus = event
                self.bits.open(event)
            case events.TrainingStarted():
                self.started = event
                if event.best_epoch is not None and event.best_loss is not None:
                    self.best = (event.best_epoch, event.best_loss)
            case events.Stopping():
                self.is_stopping = True

    def _add_sample(self, sample: events.Sample | events.EarlySample, epoch: float) -> None:
        # Older samples remain until there is a new one.
        same_epoch = self.samples if self.sample_epoch == epoch else ()
        self.samples, self.sample_epoch = (*same_epoch, sample), epoch

    def _add_validation(self, event: events.Validated) -> None:
        self.validation = event
        self.speed.restart()
        loss = event.loss if event.validation_loss is None else event.validation_loss
        if event.improved:
            self.best = (event.epoch, loss)
        if event.validation_loss is not None and self.step is not None:
            self.validation_losses.append((self.fraction_done, loss))

    def seconds_left(self, since_step: float) -> float | None:
        """Seconds to the end, when this many seconds have passed since the last step."""
        left = self.speed.seconds_left
        return None if left is None else max(0.0, left - since_step)
