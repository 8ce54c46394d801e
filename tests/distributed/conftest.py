import pytest


@pytest.fixture
def folder(tmp_path, corpus, textgen):
    """A folder with a prepared corpus."""
    assert textgen("prepare", corpus, "-o", "prepared").returncode == 0
    return tmp_path
