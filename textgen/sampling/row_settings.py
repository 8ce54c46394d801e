"""How the text in each row is written, for compiled code."""

import numpy as np

from textgen.kernels.text_table import TextTable
from textgen.sampling.choosing import LEAST_TEMPERATURE
from textgen.sampling.decoding import list_filters
from textgen.sampling.requests import GenerationConfig
from textgen.sampling.stopping import StopCondition

_MAX_KEPT = 64  # sets of excluded ids, or of stop texts, that are kept for texts to come


def can_be_compiled(config: GenerationConfig) -> bool:
    """Whether compiled code can choose a text's tokens: characters, by temperature and min-p."""
    names = {name for name, _ in list_filters(config.decoding)}
    return config.spelling is None and not config.controls and names <= {"min_p"}


class RowSettings:
    """Writes settings of texts into a table.

    Args:
        table: The table.
    """

    def __init__(self, table: TextTable):
        self._table = table
        self._configs: dict[int, GenerationConfig] = {}  # of each row, also where its text ended
        self._groups: dict[tuple[int, ...], int] = {}  # by the excluded ids
        self._untils: dict[tuple[tuple[int, ...], ...], tuple[int, int]] = {}  # by the stop texts

    def set(self, row: int, config: GenerationConfig) -> None:
        """Say how the text in a row is written."""
        self._configs[row] = config
        if max(len(self._groups), len(self._untils)) <= _MAX_KEPT:
            self._set(row, config)
            return
        self._groups.clear()
        self._untils.clear()
        self._table.masks, self._table.until = self._table.masks[:0], self._table.until[:0]
        for each, other in self._configs.items():
            self._set(each, other)

    def _set(self, row: int, config: GenerationConfig) -> None:
        table, decoding, stop = self._table, config.decoding, config.stop
        temperature = decoding.final_temperature
        table.temperature[row] = max(temperature, LEAST_TEMPERATURE) if temperature else 0
        table.min_p[row] = decoding.min_p
        table.lines[row] = stop.lines
        if config.excluded not in self._groups:
            self._groups[config.excluded] = self._add_mask(config.excluded)
        if stop.until not in self._untils:
            self._untils[stop.until] = self._add_until(stop)
        table.group[row] = self._groups[config.excluded]
        table.until_first[row], table.until_last[row] = self._untils[stop.until]

    def move(self, source: int, target: int) -> None:
        """Note that a text, with its row of the table, was copied into another row."""
        self._configs[target] = self._configs[source]

    def _add_mask(self, excluded: tuple[int, ...]) -> int:
        """Add what excludes ids; returns its place."""
        if not excluded:
            return -1
        masks = self._table.masks
        mask = np.zeros((1, masks.shape[1]), np.float32)
        mask[0, list(excluded)] = -np.inf
        self._table.masks = np.concatenate([masks, mask])
        return len(masks)

    def _add_until(self, stop: StopCondition) -> tuple[int, int]:
        """Add stop texts; returns the first place and the one after the last."""
        before, count = self._table.until, len(stop.until)
        width = max([before.shape[1], *map(len, stop.until)])
        until = np.full((len(before) + count, width), -1, np.int32)
        until[: len(before), width - before.shape[1] :] = before
        for place, ids in enumerate(stop.until, len(before)):
            until[place, width - len(ids) :] = ids
        self._table.until = until
        return len(before), len(until)
