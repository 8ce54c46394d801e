"""Changes to a model directory, as a damaged or malicious one would have them."""

import zipfile
from pathlib import Path

import h5py

from textgen import storage
from textgen.model.paths import MODEL_KIND


def sign(directory: Path) -> None:
    """Make the manifest agree with the files, as in a directory that somebody forges."""
    files = {
        path.name: storage.describe_file(path) for path in directory.iterdir() if path.is_file()
    }
    files.pop(storage.MANIFEST)
    storage.write_manifest(directory, MODEL_KIND, files)


def change_weights(directory: Path, change) -> None:
    """Change model.weights.h5 inside model.keras, with h5py."""
    path = directory / "model.keras"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights = directory / "weights.h5"
    weights.write_bytes(members["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        change(file)
    members["model.weights.h5"] = weights.read_bytes()
    weights.unlink()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    sign(directory)
