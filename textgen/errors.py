"""The tree of errors: every error that a user can see.

    TextgenError              exit status 1
    ├── UsageError            exit status 2: a command or call that contradicts itself
    │   └── SettingsError     an option or setting with a value that cannot be used
    ├── NewerVersionError     a file written by a newer version of textgen
    ├── CorpusError           a text that is missing, empty, wrongly encoded or too short
    ├── PreparedError         a prepared corpus that is missing, damaged or of another version
    ├── ModelError            a model directory that is missing, damaged or of another version
    ├── SeedError             a seed that the model cannot start from
    ├── WorkerError           a worker process that could not do its part
    ├── BusyError             a server that has too much to do, or is about to end
    ├── OutputError           a place that exists already or cannot be written
    ├── TriesError            fewer generated documents than wanted that pass the filters
    ├── ServerError           an address that the server cannot listen on
    ├── ExportError           a model that cannot be written in another format
    └── TrainingError         a training that cannot start or continue

A message is one line: what was wrong, where, and what to do. errors.toml, next to this file, lists
the messages of each class with their causes and remedies; docs/errors.md is made from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass


class TextgenError(Exception):
    """The root of the tree: a failure whose message is meant for the user as it is."""

    exit_status = 1


class UsageError(TextgenError):
    """A command or call that contradicts itself or cannot be carried out."""

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
        super().__init__(option, problem)  # pickle and copy call the class with these
        self.option = option
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.option} {self.problem}"


class NewerVersionError(TextgenError):
    """A file of a newer version of textgen, with something that this version does not know."""


class CorpusError(TextgenError):
    """A corpus that is missing, empty, not text in the given encoding, or too short."""


class PreparedError(TextgenError):
    """A prepared corpus that is missing, of another version, truncated or edited."""


class ModelError(TextgenError):
    """A model directory that is missing, incomplete, damaged or of another version."""


class SeedError(TextgenError):
    """A seed text that the model cannot start from."""


class WorkerError(TextgenError):
    """A worker process that could not do its part of the work."""


class BusyError(TextgenError):
    """A server that has too much to do, or is about to end."""


class OutputError(TextgenError):
    """A target that exists already, cannot be written, or does not fit on the disk."""


class TriesError(TextgenError):
    """Fewer generated documents than wanted that pass the filters.

    Attributes:
        documents: Those that passed.
    """

    def __init__(self, message: str, documents: Sequence[str] = ()):
        super().__init__(message)
        self.documents = tuple(documents)


class ServerError(TextgenError):
    """An address that the server cannot listen on."""


class ExportError(TextgenError):
    """A model that cannot be written for other programs, or predicts something else there."""


class TrainingError(TextgenError):
    """A training that cannot start or continue: no such device, or a loss that is not a number."""


@dataclass(frozen=True)
class KnownError:
    """An entry of the catalogue.

    Attributes:
        message: Words that the message contains.
        cause: Why the error happens.
        remedy: What the user can do about it.
    """

    message: str
    cause: str
    remedy: str


def load_catalogue() -> dict[type[TextgenError], tuple[KnownError, ...]]:
    """Read errors.toml: the known errors of each class, in the order of the file.

    Example:
        >>> load_catalogue()[ExportError][0].remedy
        "Install them with `pip install 'keras-textgen[export]'`, or use another --format."
    """
    import tomllib
    from pathlib import Path

    content = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return {
        globals()[name]: tuple(KnownError(**entry) for entry in entries)
        for name, entries in content.items()
    }


def option_name(setting: str) -> str:
    """A setting's name as the command line spells it, without the dashes.

    Example:
        >>> option_name("learning_rate"), option_name("sample_temperatures")
        ('learning-rate', 'sample-temperature')
    """
    # This option is given once for each of several temperatures.
    return {"sample_temperatures": "sample-temperature"}.get(setting, setting.replace("_", "-"))


def first_line(error: object) -> str:
    """The first line of an error's message, which fits into a message of one line."""
    return (str(error).splitlines() or [""])[0]
