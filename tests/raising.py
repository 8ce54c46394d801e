"""How the tests of settings say that a setting is refused."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from textgen.errors import SettingsError


@contextmanager
def raises_settings_error(option: str) -> Iterator[None]:
    """Check that the block raises a `SettingsError` that names the setting."""
    with pytest.raises(SettingsError) as caught:
        yield
    assert caught.value.option == option and caught.value.exit_status == 2
