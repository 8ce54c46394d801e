"""Every error a user can see, and the exit status each one ends the program with.

Knows what went wrong in words; knows nothing of the modules that raise it or of the terminal
that shows it. A message is one line: what was wrong, where, and what to do.
"""


class TextgenError(Exception):
    """The root of the tree: a failure whose message is meant for the user as it stands."""

    exit_status = 1


class UsageError(TextgenError):
    """A command or call that asks for what cannot be."""

    exit_status = 2


class SettingsError(UsageError):
    """An option or setting with a value that cannot be used.

    Attributes:
        option: The setting's name as Python spells it (`learning_rate`); the shell spells it
            `--learning-rate`.
        problem: What is wrong with it, to be read after the name.

    Example:
        >>> str(SettingsError("step", "must be 1 or more, not 0"))
        'step must be 1 or more, not 0'
    """

    def __init__(self, option: str, problem: str):
        super().__init__(f"{option} {problem}")
        self.option = option
        self.problem = problem


class CorpusError(TextgenError):
    """A corpus that is missing, empty, not text in the given encoding, or too short."""


class PreparedError(TextgenError):
    """A prepared corpus that is missing, of another version, truncated or edited."""


class ModelError(TextgenError):
    """A model directory that is missing, incomplete, damaged or of another version."""


class SeedError(TextgenError):
    """A seed text that the model cannot start from."""


class OutputError(TextgenError):
    """A target that exists already, cannot be written, or does not fit on the disk."""


class TrainingError(TextgenError):
    """A training that cannot start or go on: no such device, or a loss that is not a number."""
