"""What clients call the models that are served."""

from collections.abc import Mapping
from pathlib import Path

from textgen.errors import UsageError
from textgen.settings import Mix, parse_mix


def name_models(models: tuple[str, ...]) -> dict[str, Path]:
    """The directories of models that a user named, by the names that clients use.

    Args:
        models: Model directories, names of starters, or NAME=DIR.

    Raises:
        UsageError: two have the same name.

    Example:
        >>> name_models(("models/titles", "poems=models/2"))
        {'titles': PosixPath('models/titles'), 'poems': PosixPath('models/2')}
    """
    named = dict[str, Path]()
    for text in models:
        name, equals, directory = text.partition("=")
        if not equals or Path(text).exists():
            name, directory = Path(text).name, text
            if text and name in ("", ".."):
                name = Path(text).resolve().name
        if not directory or not name:
            raise UsageError(f"{text!r}: names no model; give a directory, or NAME=DIR")
        if name in named:
            raise UsageError(
                f"{directory}: would be served as {name}, as {named[name]} is; give one of them "
                f"another name: other={directory}"
            )
        named[name] = Path(directory)
    return named


def add_mix(named: Mapping[str, Path], mix: str, mix_by: str | None) -> dict[str, Path | Mix]:
    """Models, and a mix of all of them, whose name is theirs with + between.

    Args:
        named: The models, as from `name_models`.
        mix: Their weights, as `parse_mix` takes them.
        mix_by: What is mixed; None for probabilities.

    Raises:
        SettingsError: the weights do not fit the models.

    Example:
        >>> [*add_mix({"a": Path("a"), "b": Path("b")}, "0.7,0.3", None)]
        ['a', 'b', 'a+b']
    """
    weights, to = parse_mix(mix)
    return {**named, "+".join(named): Mix(tuple(named), weights, to, mix_by or Mix.by)}
