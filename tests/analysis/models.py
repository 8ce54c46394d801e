"""Models with random weights, made without a framework."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.model.writing import write_weights
from textgen import __version__
from textgen.model import model_dir
from textgen.model.model_dir import TrainedModel
from textgen.model.paths import cache_path
from textgen.model.record import ModelRecord
from textgen.sampling.network import weight_specs
from textgen.settings import CorpusConfig, ModelConfig, Settings, TrainConfig, WindowConfig
from textgen.text.documents.labels import LabelField, Labels
from textgen.text.prepare import Preparation, write_prepared
from textgen.text.prepared import Prepared
from textgen.text.tokens.choice import TokenChoice
from textgen.text.tokens.subwords import Merge
from textgen.text.vocabulary import Vocabulary

GENRE = LabelField("genre", ("comedy", "horror"), (7, 9), unlabelled=2, rare=3, rare_values=2)
AUTHOR = LabelField("author", ("Ann", "Bob", "Cy"), (5, 6, 7))
MERGES = (("a", "b"), ("ab", "b"), (" ", "c"), (" c", "h"), ("abb", "a"), ("f", "a"), ("fa", "e"))
LABELS = Labels((GENRE, AUTHOR), (((2, 1), 9), ((1, 0), 7)))
LETTERS = "\n abcdefgh"
WINDOWS = WindowConfig(maxlen=2, validation=0.2, test=0.1)
_TITLES = CorpusConfig(documents="rows", column="title", label=("genre",))


def random_model(
    corpus: CorpusConfig,
    characters: str = LETTERS,
    labels: Labels | None = None,
    *,
    has_unknown: bool = False,
    window: int | None = None,
    merges: tuple[Merge, ...] = (),
) -> TrainedModel:
    """A model with random weights; of documents, if `corpus` reads documents."""
    documents = corpus.documents != "none"
    vocabulary = Vocabulary("".join(sorted(characters)), has_unknown, documents, merges)
    config = ModelConfig(
        units=(6, 5),
        embedding=4,
        has_document_end=documents,
        label_sizes=labels.sizes if labels else (),
    )
    settings = Settings(
        windows=WindowConfig(maxlen=window or 20),
        model=config,
        training=TrainConfig(carry_state=window is None),
    )
    about: dict[str, Any] = {
        "versions": {"textgen": __version__},
        "corpus": {"characters": 100, "settings": corpus.to_json(), "sources": []},
    }
    record = ModelRecord(settings, vocabulary, {}, (), about, labels)
    generator = np.random.default_rng(5)
    weights = [
        generator.standard_normal(spec.shape).astype(np.float32)
        for spec in weight_specs(config, vocabulary.size)
    ]
    return TrainedModel(record, weights)


def save_model(trained: TrainedModel, directory: Path) -> Path:
    """Write a model directory."""
    record = trained.record

    def write(path: Path) -> None:
        write_weights(path, record.settings.model, record.vocabulary.size, trained.weights)

    model_dir.save(directory, write, record)
    return directory


def model_with_corpus(
    directory: Path,
    path: Path,
    corpus: CorpusConfig,
    windows: WindowConfig,
    tokens: str = "characters",
) -> tuple[TrainedModel, Prepared]:
    """A model directory with random weights and the corpus that it could have been trained on."""
    preparation = Preparation(corpus, windows, tokens=TokenChoice(tokens))
    prepared = write_prepared([path], cache_path(directory), preparation, lambda *_: None)
    labels = prepared.documents.labels if prepared.documents else None
    vocabulary = prepared.tokens.vocabulary
    trained = random_model(corpus, vocabulary.characters, labels, merges=vocabulary.merges)
    about = {**trained.record.about}
    about["corpus"] = {
        "settings": prepared.corpus.to_json(),
        "characters": len(prepared.ids),
        "sources": list(prepared.sources),
    }
    settings = replace(trained.record.settings, windows=windows)
    trained = replace(trained, record=replace(trained.record, about=about, settings=settings))
    save_model(trained, directory)
    return trained, prepared


def make_title(number: int) -> str:
    """A title of 3 to 7 letters."""
    return "".join("abcdefgh"[(number * 7 + place * place) % 8] for place in range(3 + number % 5))


def model_of_titles(folder: Path) -> tuple[Path, TrainedModel, Prepared]:
    """A model directory with a table of titles as its corpus, the model and the corpus."""
    path, directory = folder / "titles.csv", folder / "titles"
    genres = ("comedy", "horror", "horror", "")
    rows = [f"{make_title(number)}{number},{genres[number % 4]}\n" for number in range(200)]
    path.write_text("title,genre\n" + "".join(rows))
    return directory, *model_with_corpus(directory, path, _TITLES, WINDOWS)
