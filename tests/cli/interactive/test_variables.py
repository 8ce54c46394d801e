"""The settings that commands change."""

from dataclasses import fields

from textgen.cli.interactive.variables import BY_COMMAND, VARIABLES, change, describe
from textgen.settings import Decoding, SampleConfig

TYPED = {"temperatures": "0.3", "until": r".\n", "min_p": "0.2", "top_p": "0.3"}


def test_every_setting_of_decoding_has_a_command():
    names = {variable.setting for variable in VARIABLES} | {"temperature"}
    assert names >= {field.name for field in fields(Decoding)}


def test_a_value_is_shown_as_it_is_typed_and_off_gives_the_default():
    for variable in VARIABLES:
        typed = TYPED.get(variable.setting, "7")
        config = change(SampleConfig(), variable, typed)
        values, off = describe(config, documents=False)
        assert values[variable.command] == typed and variable.command not in off
        assert change(config, variable, "off") == SampleConfig()


def test_spaces_are_characters_of_texts_and_not_of_numbers():
    for name, value in (("ban", " "), ("only", "a-z "), ("match", "^The "), ("until", ("the ",))):
        variable = BY_COMMAND[name]
        typed = "".join(value)
        assert getattr(change(SampleConfig(), variable, typed), name) == value
    config = change(SampleConfig(), BY_COMMAND["temperature"], " 1:0.5/word ")
    assert config.temperatures == ("1:0.5/word",)
    assert change(config, BY_COMMAND["temperature"], "off ") == SampleConfig()
