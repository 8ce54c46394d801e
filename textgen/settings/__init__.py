"""Every setting of textgen: its default with the reason for it, and what values it may take.

    choices.py   the values that a setting can be chosen from
    training.py  CorpusConfig, WindowConfig, ModelConfig, TrainConfig
    sampling.py  Decoding, SampleConfig, NoveltyConfig
    serving.py   ServeConfig
    mixing.py    Mix
    presets.py   several settings under one name
    resolve.py   which value counts: the user's, the preset's, the corpus's or the default
    options.py   settings as keyword arguments of the Python API
    settings.py  all settings of a training together
    base.py      what all classes of settings share: written to JSON and read from it
    versions.py  files of newer versions
    checks.py    checks of single settings
    characters.py    sets of characters
    temperatures.py  temperatures, also those that change
    tokens.py    the setting of that name
    values.py    values in Python's own types, and as text

Anything wrong raises a `SettingsError`, which names the setting.
"""

from textgen.settings.base import Config, added_in
from textgen.settings.characters import CharacterSet
from textgen.settings.checks import check_choice, check_integer, check_random_seed
from textgen.settings.choices import (
    AUTO_ENCODING,
    BACKENDS,
    BAD_ROWS,
    CELLS,
    CHECKPOINT_INTERVAL,
    CONTEXTS,
    DECODING_ERRORS,
    DEFAULT_MODEL,
    DEFAULT_WEIGHTS,
    DEVICES,
    DOCUMENTS,
    EXPORT_FORMATS,
    HEADERS,
    INPUT_FORMATS,
    JOIN_TIMEOUT,
    LABEL_SOURCES,
    MIX_BY,
    NORMALIZATIONS,
    OPTIMIZERS,
    PRECISIONS,
    REDUCTIONS,
    SCHEDULES,
    STEP_FORMATS,
    TARGETS,
    WEB_FORMATS,
    WEIGHT_DTYPES,
)
from textgen.settings.mixing import Mix, parse_mix
from textgen.settings.options import (
    CorpusOptions,
    DecodingOptions,
    GenerateOptions,
    ModelOptions,
    StreamOptions,
    TrainingOptions,
    WindowOptions,
    normalize_options,
    parse_duration,
)
from textgen.settings.presets import PRESETS
from textgen.settings.resolve import build_config, resolve_settings
from textgen.settings.sampling import (
    Constraints,
    Decoding,
    DocumentFilters,
    Filters,
    NoveltyConfig,
    SampleConfig,
)
from textgen.settings.serving import ServeConfig
from textgen.settings.settings import Settings
from textgen.settings.temperatures import TemperatureRamp, parse_temperature
from textgen.settings.tokens import parse_tokens
from textgen.settings.training import CorpusConfig, ModelConfig, TrainConfig, WindowConfig
from textgen.settings.values import format_value, to_python_value
from textgen.settings.versions import is_newer

__all__ = [
    "AUTO_ENCODING",
    "BACKENDS",
    "BAD_ROWS",
    "CELLS",
    "CHECKPOINT_INTERVAL",
    "CONTEXTS",
    "DECODING_ERRORS",
    "DEFAULT_MODEL",
    "DEFAULT_WEIGHTS",
    "DEVICES",
    "DOCUMENTS",
    "EXPORT_FORMATS",
    "HEADERS",
    "INPUT_FORMATS",
    "JOIN_TIMEOUT",
    "LABEL_SOURCES",
    "MIX_BY",
    "NORMALIZATIONS",
    "OPTIMIZERS",
    "PRECISIONS",
    "PRESETS",
    "REDUCTIONS",
    "SCHEDULES",
    "STEP_FORMATS",
    "TARGETS",
    "WEB_FORMATS",
    "WEIGHT_DTYPES",
    "CharacterSet",
    "Config",
    "Constraints",
    "CorpusConfig",
    "CorpusOptions",
    "Decoding",
    "DecodingOptions",
    "DocumentFilters",
    "Filters",
    "GenerateOptions",
    "Mix",
    "ModelConfig",
    "ModelOptions",
    "NoveltyConfig",
    "SampleConfig",
    "ServeConfig",
    "Settings",
    "StreamOptions",
    "TemperatureRamp",
    "TrainConfig",
    "TrainingOptions",
    "WindowConfig",
    "WindowOptions",
    "added_in",
    "build_config",
    "check_choice",
    "check_integer",
    "check_random_seed",
    "format_value",
    "is_newer",
    "normalize_options",
    "parse_duration",
    "parse_mix",
    "parse_temperature",
    "parse_tokens",
    "resolve_settings",
    "to_python_value",
]
