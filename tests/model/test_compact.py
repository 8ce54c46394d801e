"""Compact copies of model directories: float16 weights, and nothing that only training needs."""

import json
import shutil

import h5py
import numpy as np
import pytest

from tests.analysis.models import MERGES, random_model, save_model
from tests.model.changing import change_weights
from tests.sampling.document_models import BigramModel
from textgen.errors import ModelError
from textgen.model.compact import compact_model
from textgen.model.model_dir import load, read_model
from textgen.settings import CorpusConfig

KERNEL = "layers/lstm/cell/vars/0"


@pytest.fixture
def compact(trained, tmp_path):
    compact_model(trained, tmp_path / "compact")
    return tmp_path / "compact"


def test_a_compact_copy_has_the_same_weights_rounded(trained, compact):
    for old, new in zip(read_model(trained).weights, read_model(compact).weights, strict=True):
        assert new.dtype == np.float32
        np.testing.assert_array_equal(new, old.astype(np.float16))
    sizes = [(path / "model.keras").stat().st_size for path in (trained, compact)]
    assert sizes[1] < sizes[0] - sum(weights.size for weights in read_model(trained).weights)
    assert load(compact).generate("the ", length=20)


def test_it_has_what_readers_need_and_nothing_private(trained, compact):
    names = {path.name for path in compact.iterdir()}
    assert names == {
        *("manifest.json", "model.keras", "settings.json"),
        *("vocabulary.json", "history.json", "seeds.json"),
    }
    old, new = read_model(trained).record, read_model(compact).record
    assert (new.settings, new.vocabulary) == (old.settings, old.vocabulary)
    assert new.seeds == old.seeds[:4] and new.sources == ("corpus.txt",) and not new.command
    assert len(new.history["epochs"]) == len(old.history["epochs"])
    settings = json.loads((compact / "settings.json").read_text())
    assert settings["corpus"]["sources"][0].keys() == {"name", "bytes"}
    texts = (compact / "history.json").read_text() + json.dumps(settings)
    assert '"text":' not in texts and str(trained.parent) not in texts


def test_the_same_model_gives_the_same_file(trained, compact, tmp_path):
    compact_model(trained, tmp_path / "again")
    assert (tmp_path / "again/model.keras").read_bytes() == (compact / "model.keras").read_bytes()


def test_the_fingerprint_of_documents_is_kept(tmp_path):
    source = BigramModel(("Anna", "Dan")).save(tmp_path / "source")
    compact_model(source, tmp_path / "target")
    names = [tmp_path / name / "documents.bloom" for name in ("source", "target")]
    assert names[0].read_bytes() == names[1].read_bytes()
    assert load(tmp_path / "target").generate(n=1, novel=True)


def test_subwords_are_kept(tmp_path):
    source = save_model(random_model(CorpusConfig(), merges=MERGES), tmp_path / "source")
    compact_model(source, tmp_path / "target")
    names = [tmp_path / name / "vocabulary.json" for name in ("source", "target")]
    assert names[0].read_bytes() == names[1].read_bytes()
    assert read_model(tmp_path / "target").record.vocabulary.merges == MERGES


@pytest.mark.framework
def test_keras_reads_it(compact):
    import keras

    model = keras.models.load_model(compact / "model.keras")
    weights = read_model(compact).weights
    for variable, array in zip(model.get_weights(), weights, strict=True):
        assert variable.dtype == np.float32
        np.testing.assert_array_equal(variable, array)


def test_weights_too_large_are_refused(trained, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy, ignore=shutil.ignore_patterns("cache"))

    def enlarge(file: h5py.File) -> None:
        file[KERNEL][0, 0] = 1e6

    change_weights(copy, enlarge)
    with pytest.raises(ModelError, match="too large for float16"):
        compact_model(copy, tmp_path / "target")
    assert not (tmp_path / "target").exists()
