"""How much of what a model writes is copied, compared with a search by hand."""

import io
import json
import shutil

import pytest

from tests.optional import present
from textgen import novelty, prepare, storage
from textgen.analysis.novelty import NgramShares, Novelty
from textgen.errors import CorpusError, ModelError, SettingsError, UsageError
from textgen.model import model_dir
from textgen.model.paths import MODEL_KIND
from textgen.settings import Decoding, NoveltyConfig
from textgen.text.sources import Source
from textgen.text.split import split_position

SAMPLES = 5
CONFIG = NoveltyConfig(temperatures=(0.5, 1.0), samples=SAMPLES, length=150)


@pytest.fixture
def copy(trained, tmp_path):
    """A model directory to change."""
    shutil.copytree(trained, tmp_path / "copy")
    return tmp_path / "copy"


def change(directory, **settings):
    """Change settings of a model directory, or of what it is about."""
    path = directory / "settings.json"
    content = json.loads(path.read_text())
    for part, values in settings.items():
        content[part].update(values)
    path.write_text(json.dumps(content))
    files = {
        file.name: storage.describe_file(file) for file in directory.iterdir() if file.is_file()
    }
    files.pop(storage.MANIFEST)
    storage.write_manifest(directory, MODEL_KIND, files)


def source(text: str, name: str = "it") -> Source:
    return Source(name, lambda: io.BytesIO(text.encode()), len(text), modified=1)


def samples(directory, config: NoveltyConfig) -> list[list[str]]:
    """What `textgen sample` writes."""
    sampler = model_dir.load(directory)
    seeds = [sampler.draw_seed(config.random_seed, n) for n in range(present(config.samples))]
    ending = sampler.stop_condition(config.length)
    return [
        [
            sample.text
            for sample in sampler.generate_batch(seeds, Decoding(t), ending, config.random_seed)
        ]
        for t in config.temperatures
    ]


def share(texts: list[str], training: str, n: int) -> float:
    cut = [text[first : first + n] for text in texts for first in range(len(text) - n + 1)]
    return sum(part in training for part in cut) / len(cut)


def longest(texts: list[str], training: str) -> int:
    best = 0
    for text in texts:
        for first in range(len(text)):
            while text[first : first + best + 1] in training and first + best < len(text):
                best += 1
    return best


def test_figures_are_those_of_a_search_by_hand(trained, text):
    result = novelty(trained, config=CONFIG)
    cut = split_position(len(text), 0.1)
    training, rest = text[:cut], text[cut:]
    assert result.training_characters == cut
    written = samples(trained, CONFIG)
    width = min(CONFIG.length, len(rest))
    count = min(SAMPLES, len(rest) // width)
    starts = [n * len(rest) // count for n in range(count)]
    unseen = [rest[start : start + width] for start in starts]
    assert [figures.temperature for figures in result.by_temperature] == [0.5, 1.0]
    all_figures = *result.by_temperature, present(result.unseen)
    for figures, texts in zip(all_figures, (*written, unseen), strict=True):
        assert figures.characters == sum(map(len, texts))
        assert figures.longest_copy == longest(texts, training)
        assert list(figures.shares) == [4, 8, 16, 32, 64, 128]
        for n, value in figures.shares.items():
            assert value == pytest.approx(share(texts, training, n), abs=1e-12)


def test_passages_occur_at_their_positions(trained, text):
    result = novelty(trained, config=CONFIG)
    training = text[: result.training_characters]
    written = dict(zip(CONFIG.temperatures, samples(trained, CONFIG), strict=True))
    assert 1 < len(result.passages) <= 10
    lengths = [len(passage.text) for passage in result.passages]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] == max(passage.longest_copy for passage in result.by_temperature)
    for passage in result.passages:
        sample = written[passage.temperature][passage.sample]
        assert sample[passage.start :].startswith(passage.text)
        assert passage.sample_count == sum(
            passage.text in each for texts in written.values() for each in texts
        )
        starts = [n for n in range(len(training)) if training.startswith(passage.text, n)]
        assert (passage.offset, passage.occurrences) == (starts[0], len(starts))
        assert passage.line == training[: passage.offset].count("\n") + 1
        assert passage.source is not None and passage.source.endswith("corpus.txt")
        assert not any(
            passage.text in other.text for other in result.passages if other is not passage
        )


def test_the_same_random_seed_gives_the_same_figures(trained):
    assert novelty(trained, config=CONFIG) == novelty(trained, config=CONFIG)
    other = novelty(trained, config=NoveltyConfig((0.5, 1.0), 5, 150, random_seed=1))
    assert other.passages != novelty(trained, config=CONFIG).passages


def test_a_longest_copy_may_be_shorter_than_a_passage(trained, text):
    config = NoveltyConfig((1000.0, 0.5), samples=2, length=60)
    result = novelty(trained, config=config)
    wild = samples(trained, config)[0]
    training = text[: result.training_characters]
    assert result.by_temperature[0].longest_copy == longest(wild, training) < 16
    assert all(passage.temperature == 0.5 for passage in result.passages)
    alone = novelty(trained, config=NoveltyConfig((1000.0,), samples=2, length=60))
    assert alone.by_temperature[0] == result.by_temperature[0] and alone.passages == ()


def test_the_text_may_be_named(trained, text, tmp_path):
    expected = novelty(trained, config=CONFIG)
    stages = set()
    named = novelty(
        trained, [source(text)], CONFIG, on_progress=lambda stage, *_: stages.add(stage)
    )
    assert {passage.source for passage in named.passages} == {"it"}
    assert [passage.text for passage in named.passages] == [
        passage.text for passage in expected.passages
    ]
    assert (named.by_temperature, named.unseen) == (expected.by_temperature, expected.unseen)
    assert stages == {"read", "encode", "write", "compare"}
    # Two sources: which one a passage is in is not said.
    cut = text.index("\n", 2000) + 1  # elsewhere a line end would be added
    parted = novelty(trained, [source(text[:cut], "a"), source(text[cut:], "b")], CONFIG)
    assert parted.by_temperature == expected.by_temperature
    assert {passage.source for passage in parted.passages} == {None}
    prepare([source(text)], tmp_path / "p", validation=0.3)
    assert novelty(trained, [str(tmp_path / "p")], CONFIG).by_temperature == expected.by_temperature
    with pytest.raises(UsageError, match="prepared corpus"):
        novelty(trained, [str(tmp_path / "p"), source(text)], CONFIG)


def test_another_text_is_refused(trained, text):
    with pytest.raises(CorpusError, match=r"it: has characters .* 'é' \(U\+00E9\) for one"):
        novelty(trained, [source(text.replace("a", "é"))], CONFIG)
    with pytest.raises(CorpusError, match=r"it: has 5,235 characters, and the text .* on 5,236;"):
        novelty(trained, [source(text[:-1])], CONFIG)
    # A model trained with --init-from may know characters that its own text does not have.
    assert novelty(trained, [source(text.replace("!", "."))], CONFIG).passages


def test_without_unseen_text(copy, text):
    change(copy, windows={"validation": 0.0})
    result = novelty(copy, config=CONFIG)
    assert result.unseen is None and result.training_characters == len(text)
    assert "no unseen text to compare with" in result.verdict
    # Less of it than a sample has.
    change(copy, windows={"validation": 0.01})
    result = novelty(copy, config=CONFIG)
    assert result.unseen is not None
    assert result.unseen.characters == len(text) - split_position(len(text), 0.01) < 70
    assert result.unseen.shares[128] is None and result.unseen.shares[4] is not None


def test_a_cache_with_another_text_is_refused(copy, text):
    cache = copy / "cache"
    prepare([source(text)], cache, force=True)
    with pytest.raises(ModelError, match="cache"):
        novelty(copy, config=CONFIG)
    ids = cache / "ids.npy"
    ids.write_bytes(ids.read_bytes()[:-3])
    with pytest.raises(ModelError, match="cache.* damaged"):
        novelty(copy, config=CONFIG)
    shutil.rmtree(cache)
    with pytest.raises(ModelError, match="cache"):
        novelty(copy, config=CONFIG)
    change(copy, corpus={"characters": "many"})
    with pytest.raises(ModelError, match="damaged"):
        novelty(copy, config=CONFIG)


def test_a_training_text_without_an_n_gram(copy):
    change(copy, corpus={"characters": 3})
    with pytest.raises(CorpusError, match=r"\b2 characters.*\b4\b"):
        novelty(copy, [source("The")], CONFIG)


def test_settings_out_of_their_bounds_are_refused():
    for wrong in (
        {"samples": 0},
        {"length": 0},
        {"length": 3},
        {"temperatures": ()},
        {"temperatures": (-1.0,)},
        {"random_seed": -1},
        {"samples": 10_000, "length": 1000},
    ):
        with pytest.raises(SettingsError):
            NoveltyConfig(**wrong)


def shares(temperature, at_32, longest=40):
    return NgramShares(temperature, 1000, {16: min(1.0, at_32 + 0.05), 32: at_32, 64: 0.0}, longest)


@pytest.mark.parametrize(
    ("written", "unseen", "words"),
    [
        ([0.0], 0.0, "hardly any copying: 0.0% of its 32-grams"),
        ([0.01], 0.009, "hardly any copying"),
        ([0.015], 0.009, "about as much copying as in unseen text: 1.5% of its 32-grams"),
        ([0.05, 0.02], 0.001, "some copying: 5.0% of its 32-grams (temperature 0.5)"),
        ([0.02, 0.7], 0.001, "much copying: 70.0% of its 32-grams (temperature 1) occur"),
        ([0.7], None, "much copying: 70.0% of its 32-grams"),
        ([0.7], 0.6, "hardly any copying: 0.0% of its 64-grams"),
    ],
)
def test_the_verdict(written, unseen, words):
    temperatures = (0.5, 1.0)
    result = Novelty(
        training_characters=5000,
        samples=1,
        length=1000,
        random_seed=0,
        by_temperature=tuple(
            shares(t, value) for t, value in zip(temperatures, written, strict=False)
        ),
        unseen=None if unseen is None else shares(None, unseen, longest=37),
        passages=(),
    )
    assert result.verdict.startswith(words)
    assert "its longest copy has 40 characters" in result.verdict
    assert ("that of unseen text 37" in result.verdict) == (unseen is not None)
    assert result.to_json()["verdict"] == result.verdict
