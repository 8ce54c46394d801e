"""Manifests: damaged ones, and those of another kind or version."""

import json

import pytest

from tests.storage.kinds import KIND, OTHER
from textgen import storage
from textgen.errors import PreparedError


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"textgen": 1}',
        '{"textgen": "test directory", "version": 1, "files": []}',
        '{"textgen": "test directory", "version": 1, "files": {"a": {"bytes": "1", "sha256": 1}}}',
        "[" * 100_000,
        "\ud800".encode("utf-8", "surrogatepass"),
    ],
)
def test_damaged_manifests_are_refused(tmp_path, manifest):
    path = tmp_path / "manifest.json"
    path.write_bytes(manifest if isinstance(manifest, bytes) else manifest.encode())
    with pytest.raises(PreparedError):
        storage.read_manifest(tmp_path, KIND)


def test_another_kind_is_named(tmp_path):
    storage.write_manifest(tmp_path, OTHER, {})
    assert storage.read_kind(tmp_path) == OTHER.name
    with pytest.raises(PreparedError, match="other directory.*test directory"):
        storage.read_manifest(tmp_path, KIND)


def test_another_version_of_the_layout_is_named(tmp_path):
    manifest = {"textgen": KIND.name, "version": 7, "files": {}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(PreparedError, match="layout 7, this one reads 1"):
        storage.read_manifest(tmp_path, KIND)


def test_a_directory_without_manifest_is_of_no_kind(tmp_path):
    assert storage.read_kind(tmp_path) is None
