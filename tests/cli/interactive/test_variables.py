"""The settings that commands change."""

from dataclasses import fields

from textgen.cli.interactive.variables import VARIABLES, change, describe
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
