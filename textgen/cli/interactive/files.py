"""What is saved: the text, and a transcript of the whole run."""

import os
from pathlib import Path

from textgen import storage
from textgen.cli import console
from textgen.errors import OutputError


class SavedText:
    """The file that the text is saved to."""

    def __init__(self) -> None:
        self._path: Path | None = None

    def save(self, text: str, name: str, *, force: bool) -> tuple[Path, int]:
        """Write the text to a file, complete or not at all.

        Args:
            text: The text; a line end is added if it has none at its end.
            name: The file; empty for the one that it was saved to before.
            force: Whether to replace a file that it was not saved to before.

        Returns:
            The file, and its size in bytes.

        Raises:
            OutputError: there is no name, or the file exists or cannot be written.
        """
        path = Path(name).expanduser() if name else self._path
        if path is None:
            raise OutputError("/save: needs the name of a file; type it after /save")
        is_same = self._path is not None and path.resolve() == self._path.resolve()
        if path.is_file() and not (force or is_same):
            raise OutputError(f"{path}: exists; name another file, or replace it with /save!")
        data = _encode(text if text.endswith("\n") else text + "\n")
        storage.write_file(path, data, force=True)
        self._path = path
        return path, len(data)


class Transcript:
    """A file with all that was typed and generated, written while it happens.

    Args:
        path: The file; the transcript is added to what it has. None for no file.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: str | None):
        self._path = path
        self._file = None if path is None else Path(path).open("ab", buffering=0)  # noqa: SIM115

    def write(self, text: str) -> None:
        """Write text at once; after the first failure, say so and write no more."""
        if self._file is None:
            return
        try:
            self._file.write(_encode(text))
        except OSError as error:
            self._file = None
            reason = error.strerror or os.strerror(error.errno or 0)
            console.note(f"textgen: {self._path}: the rest is not written: {reason}")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
