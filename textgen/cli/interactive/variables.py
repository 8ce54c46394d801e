"""The settings that commands of the interactive mode change, such as /temperature.

To let a command change another setting of `SampleConfig`, add a line to `VARIABLES`.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from textgen.cli.types import ESCAPED, TEMPERATURE
from textgen.errors import SettingsError
from textgen.settings import SampleConfig, format_value

_DEFAULTS = {field.name: field.default for field in fields(SampleConfig)}


@dataclass(frozen=True)
class Variable:
    """A setting that a command changes.

    Attributes:
        setting: Its name in `SampleConfig`.
        takes: What comes after the command's name, for the help.
        parse: Makes the setting's value of that; raises ValueError if it is no number.
        help: What it is for.
        show: The value as it is typed.
        name: The command, if it has another name than the setting.
    """

    setting: str
    takes: str
    parse: Callable[[str], Any]
    help: str
    show: Callable[[Any], str] = format_value
    name: str = ""

    @property
    def command(self) -> str:
        """The command without its slash.

        Example:
            >>> Variable("top_k", "N", int, "choose among few").command
            'top-k'
        """
        return self.name or self.setting.replace("_", "-")


VARIABLES = (
    Variable(
        "temperatures",
        "X",
        lambda text: (TEMPERATURE.parse(text.strip()),),
        "low is careful, high is wild, 0 picks the most likely character; or 1.0:0.5/word",
        lambda values: format_value(values[0]),
        name="temperature",
    ),
    Variable("length", "N", int, "characters to generate, at most; 0 for no limit"),
    Variable(
        "until",
        "TEXT",
        lambda text: (ESCAPED.unescape(text),),
        "stop after this text, such as . or \\n\\n",
        lambda texts: " ".join(map(ESCAPED.escape, texts)),
    ),
    Variable("lines", "N", int, "stop after N line ends"),
    Variable("top_k", "N", int, "choose among the N most likely characters"),
    Variable("top_p", "P", float, "choose among the fewest that together have this probability"),
    Variable("min_p", "P", float, "choose among those at least P times as likely as the top one"),
    Variable("match", "REGEX", str, "write texts in which this expression matches", str),
    Variable(
        "ban",
        "CHARS",
        ESCAPED.unescape,
        "never write these characters, such as a-z",
        ESCAPED.escape,
    ),
    Variable("only", "CHARS", ESCAPED.unescape, "write no other characters", ESCAPED.escape),
    Variable("repetition_penalty", "X", float, "above 1, repeat less; try 1.2"),
    Variable("no_repeat", "N", int, "write no N characters in a row twice"),
    Variable("random_seed", "N", int, "the same text for the same line"),
)
BY_COMMAND = {variable.command: variable for variable in VARIABLES}


def change(config: SampleConfig, variable: Variable, text: str) -> SampleConfig:
    """The settings with another value of one of them.

    Args:
        config: The settings.
        variable: Which one.
        text: What was typed after the command, with its spaces, which are characters of `until`,
            `match`, `ban` and `only`; `off` for the default.

    Raises:
        SettingsError: the value is no number, or out of its bounds.
    """
    try:
        value: Any = _DEFAULTS[variable.setting] if text.strip() == "off" else variable.parse(text)
    except ValueError:
        raise SettingsError(variable.command, f"takes a number, not {text.strip()!r}") from None
    return replace(config, **{variable.setting: value})


def describe(config: SampleConfig, *, documents: bool) -> tuple[dict[str, str], list[str]]:
    """The values of the settings that matter, by command; the commands of those that are off.

    Args:
        config: The settings.
        documents: Whether the texts are documents.
    """
    values, off = {}, []
    for variable in VARIABLES:
        value = getattr(config, variable.setting)
        if variable.setting == "length":
            limit = config.max_length(documents=documents)
            values["length"] = "no limit" if limit is None else str(limit)
        elif value == _DEFAULTS[variable.setting] and variable.setting != "temperatures":
            off.append(variable.command)
        else:
            values[variable.command] = variable.show(value)
    return values, off
