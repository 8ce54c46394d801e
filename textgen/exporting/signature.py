"""The inputs and outputs of one step of an exported model: names, types and shapes.

A step takes `id`, the ids of one token of each text, with labels `label_1` and so on, the id of
each text's label of each kind, and the states of every layer from the bottom up: `h_1` and `c_1`
for the first LSTM layer, `h_1` alone for a GRU or simple RNN. It returns `probabilities` of the
next token and the new states `next_h_1` and so on, which are the states of the next step. A
text starts with states of zero; a document also with the id that ends one.
"""

from dataclasses import dataclass
from typing import Any

from textgen.sampling.cells import CELLS
from textgen.settings import ModelConfig

ID, PROBABILITIES = "id", "probabilities"


@dataclass(frozen=True)
class State:
    """A state of a layer.

    Attributes:
        name: The name of the input.
        units: Its width.
    """

    name: str
    units: int

    @property
    def next(self) -> str:
        """The name of the output."""
        return f"next_{self.name}"


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of a step of an exported model.

    Attributes:
        config: The network.
        vocabulary_size: Tokens in the vocabulary.
        window: Tokens that the model was trained to predict from, each time from a zero
            state; None if it was trained with carried state.

    Example:
        >>> signature = Signature(ModelConfig(units=(8,)), 65, None)
        >>> signature.outputs
        {'probabilities': 65, 'next_h_1': 8, 'next_c_1': 8}
    """

    config: ModelConfig
    vocabulary_size: int
    window: int | None

    @property
    def layers(self) -> tuple[tuple[State, ...], ...]:
        """The states of each layer, from the bottom up."""
        return tuple(
            tuple(State(f"{kind}_{number}", units) for kind in CELLS[self.config.cell].states)
            for number, units in enumerate(self.config.units, start=1)
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the inputs for labels."""
        return tuple(f"label_{number}" for number in range(1, len(self.config.label_sizes) + 1))

    @property
    def states(self) -> tuple[State, ...]:
        """All states in order."""
        return tuple(state for layer in self.layers for state in layer)

    @property
    def outputs(self) -> dict[str, int]:
        """The outputs, each with its width."""
        return {
            PROBABILITIES: self.vocabulary_size,
            **{state.next: state.units for state in self.states},
        }

    def to_json(self) -> dict[str, Any]:
        """The step in signature.json; `batch` is the number of texts side by side."""

        def floats(name: str, width: int) -> dict[str, Any]:
            return {"name": name, "dtype": "float32", "shape": ["batch", width]}

        def ids(name: str) -> dict[str, Any]:
            return {"name": name, "dtype": "int32", "shape": ["batch"]}

        return {
            "cell": self.config.cell,
            "units": list(self.config.units),
            "window": self.window,
            "document_end": self.vocabulary_size - 1 if self.config.has_document_end else None,
            "inputs": [
                *(ids(name) for name in (ID, *self.labels)),
                *(floats(state.name, state.units) for state in self.states),
            ],
            "outputs": [floats(name, width) for name, width in self.outputs.items()],
            "states": [{"input": state.name, "output": state.next} for state in self.states],
        }
