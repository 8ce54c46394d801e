"""The training loss, as it is shown and as it is recorded."""

import math
from dataclasses import dataclass, field


@dataclass
class LossCurve:
    """Means of the training loss, in nats per character.

    The loss that is shown is the mean since the last validation, or a moving average; what is
    recorded is the mean since the last point, or that average.

    Attributes:
        smoothing: The weight of the past in a moving average, below 1; 0 for means.
        loss: The loss that is shown.

    Example:
        >>> curve = LossCurve.of_untrained(65)
        >>> curve.add(3.0), curve.add(2.0), curve.next_point()
        (3.0, 2.5, 2.5)
    """

    smoothing: float
    loss: float
    _count: float = field(default=0.0, repr=False)  # losses in the mean that is shown
    _total: float = field(default=0.0, repr=False)  # of those since the last point
    _total_count: float = field(default=0.0, repr=False)

    @classmethod
    def of_untrained(
        cls, vocabulary_size: int, characters_per_token: float = 1.0, smoothing: float = 0.0
    ) -> "LossCurve":
        """A curve that starts at the loss of a model that knows nothing.

        That is ln(vocabulary size) for each token.
        """
        return cls(smoothing, math.log(vocabulary_size) / characters_per_token)

    def to_json(self) -> list[float]:
        return [self.loss, self._count, self._total, self._total_count]

    def restore(self, loss: float, count: float, total: float, total_count: float) -> None:
        """Continue from what `to_json` gave."""
        self.loss, self._count, self._total, self._total_count = loss, count, total, total_count

    def add(self, loss: float) -> float:
        """Add the loss of a step; gives the loss that is shown."""
        self._count += 1
        self._total += loss
        self._total_count += 1
        past = self.smoothing or 1 - 1 / self._count
        self.loss = past * self.loss + (1 - past) * loss
        return self.loss

    def restart_mean(self) -> None:
        """Start a new mean, as after each validation."""
        self._count = 0.0

    def next_point(self) -> float:
        """The loss to record, of the steps since the last point."""
        mean = self.loss if self.smoothing else self._total / self._total_count
        self._total = self._total_count = 0.0
        return mean
