"""A model for the web: a page that generates text, or a directory with the engine alone.

page.html              for `html`, one file

textgen.js             for `js`, a directory: the engine, one ES module
model.json             the model, which the engine loads
manifest.json          size and SHA-256 of each
"""

from dataclasses import dataclass
from pathlib import Path

from textgen import storage
from textgen.analysis.formatting import printable_name
from textgen.errors import ExportError
from textgen.exporting.result import EXPORT_KIND, ExportResult, StoredWeights, write_manifest
from textgen.exporting.web.bundle import engine_module
from textgen.exporting.web.check import Check, check_model_file
from textgen.exporting.web.costs import measure_costs
from textgen.exporting.web.model_file import round_weights, write_model_file
from textgen.exporting.web.page import model_page
from textgen.model.model_dir import TrainedModel, read_model
from textgen.model.starters import find_model
from textgen.settings import DEFAULT_WEIGHTS, WEIGHT_DTYPES, check_choice

ENGINE, MODEL = "textgen.js", "model.json"


@dataclass(frozen=True)
class WebExport:
    """A model for the web in memory, which was compared with textgen's own.

    Attributes:
        files: The files by name; for `html` the one file is `page.html`.
        check: How it predicts; None if nothing on this machine could run it.
        weights: How it stores the weights.
    """

    files: dict[str, bytes]
    check: Check | None
    weights: StoredWeights

    def result(self, path: Path, name: str) -> ExportResult:
        """What `export` returns once the files are written.

        Args:
            path: Where.
            name: The format.
        """
        size = sum(map(len, self.files.values()))
        if self.check is None:
            return ExportResult(path, name, size, None, None, 0, self.weights)
        check = self.check
        return ExportResult(
            path, name, size, check.runtime, check.difference, check.characters, self.weights
        )


def export_web(
    model: str | Path, output: Path, name: str, *, weights: str | None, force: bool
) -> ExportResult:
    """Write a model as a page, or as a directory for programs in JavaScript.

    Args:
        model: A model directory, or the name of a starter.
        output: The file or directory to write; it is complete or absent.
        name: `html` or `js`.
        weights: How weights are stored, as for `textgen.export`.
        force: Replace an export that exists.

    Raises:
        TextgenError: as `textgen.export`.
    """
    if name == "html":
        storage.check_file_target(output, force=force)
    else:
        storage.check_target(output, EXPORT_KIND, force=force)
    made = make_web_export(model, name, weights)
    if name == "html":
        (page,) = made.files.values()
        storage.write_file(output, page, force=force)
    else:
        with storage.create_directory(output, EXPORT_KIND, force=force) as directory:
            for file_name, content in made.files.items():
                (directory / file_name).write_bytes(content)
            write_manifest(directory)
    return made.result(output, name)


def make_web_export(model: str | Path, name: str, weights: str | None = None) -> WebExport:
    """Make the files of a model for the web, run the model in them, and measure what they cost.

    Args:
        model, name, weights: As for `export_web`.

    Raises:
        SettingsError: an unknown way to store the weights.
        ModelError: no model, or a damaged one.
        ExportError: a weight is too large for float16, or the model in the files predicts something
            else than textgen.

    Example:
        >>> made = make_web_export("textgen-model", "html")  # doctest: +SKIP
        >>> made.files["page.html"][:15]  # doctest: +SKIP
        b'<!doctype html>'
    """
    dtype = DEFAULT_WEIGHTS if weights is None else weights
    check_choice("weights", dtype, WEIGHT_DTYPES)
    trained = read_model(model)
    title = printable_name(find_model(model).resolve().name) or "textgen"
    contents = {dtype: write_model_file(trained, title, dtype)}
    rounded = {dtype: round_weights(trained.weights, dtype)}
    check = check_model_file(contents[dtype], trained, rounded[dtype])
    files = _join(name, contents[dtype], title)
    size = sum(map(len, files.values()))
    for other in WEIGHT_DTYPES:
        if other != dtype and (content := _write_if_possible(trained, title, other)):
            contents[other] = content
            rounded[other] = round_weights(trained.weights, other)
    costs = measure_costs(trained, model, rounded)
    stored = StoredWeights(
        dtype,
        {each: size + len(contents[each]) - len(contents[dtype]) for each in contents},
        costs.losses if costs else {},
        costs.characters if costs else 0,
        check.rounding if check else None,
    )
    return WebExport(files, check, stored)


def _join(name: str, model: bytes, title: str) -> dict[str, bytes]:
    """The files of a format."""
    if name == "html":
        return {"page.html": model_page(model.decode(), title).encode()}
    return {ENGINE: engine_module().encode(), MODEL: model}


def _write_if_possible(trained: TrainedModel, title: str, dtype: str) -> bytes | None:
    try:
        return write_model_file(trained, title, dtype)
    except ExportError:  # a weight is too large
        return None
