"""The text so far, turn by turn, with undo and redo."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Turn:
    """What a person typed, and what the model wrote after it.

    Attributes:
        typed: The words of the person; empty if the model continued by itself.
        written: The words of the model.
        before: The turn that this one continues; None if it begins a text.
        label_ids: The document's labels; empty for a model without labels.

    Example:
        >>> begin = Turn("The cat", " sat")
        >>> Turn(" on", " the mat", begin).text
        'The cat sat on the mat'
    """

    typed: str = ""
    written: str = ""
    before: "Turn | None" = None
    label_ids: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """The text from its beginning to the end of this turn."""
        parts, turn = list[str](), self
        while True:
            parts += [turn.written, turn.typed]
            if turn.before is None:
                return "".join(reversed(parts))
            turn = turn.before


class Draft:
    """The turns of a run, of which some may be taken back.

    Example:
        >>> draft = Draft()
        >>> draft.add(Turn("The cat", " sat"))
        >>> draft.undo(), draft.text, draft.redo(), draft.text
        (True, '', True, 'The cat sat')
    """

    def __init__(self) -> None:
        self._turns: list[Turn] = []
        self._undone: list[Turn] = []

    @property
    def last(self) -> Turn | None:
        """The last turn; None before the first one."""
        return self._turns[-1] if self._turns else None

    @property
    def text(self) -> str:
        """The text so far."""
        return self._turns[-1].text if self._turns else ""

    def add(self, turn: Turn) -> None:
        """Make a turn the last one; what was taken back is forgotten."""
        self._turns.append(turn)
        self._undone.clear()

    def undo(self) -> bool:
        """Take back the last turn; returns whether there is one."""
        if not self._turns:
            return False
        self._undone.append(self._turns.pop())
        return True

    def redo(self) -> bool:
        """Bring back the turn that was taken back last; returns whether there is one."""
        if not self._undone:
            return False
        self._turns.append(self._undone.pop())
        return True
