"""Directories and files from strangers: each attack as a real file, and damage at random.

A false directory has a manifest that agrees with its files, so that only what is in them counts.
"""

import io
import json
import os
import shutil
import tracemalloc
import zipfile
from dataclasses import replace

import chardet
import h5py
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.analysis.models import random_model, save_model
from tests.spoiling import spoil
from textgen import storage
from textgen.analysis.evaluation import evaluate
from textgen.analysis.report.history import parse_history
from textgen.errors import ModelError, PreparedError, TextgenError
from textgen.exporting.web.model_file import write_model_file
from textgen.exporting.web.page import model_page
from textgen.model import model_dir
from textgen.model.paths import MODEL_KIND
from textgen.settings import CorpusConfig
from textgen.storage import hashes
from textgen.text import prepared
from textgen.text.prepare import prepare
from textgen.text.prepared import open_prepared
from textgen.text.sources import Source
from textgen.text.vocabulary import Vocabulary
from textgen.training import checkpoint

PROGRAM = 250_000_000  # bytes that the program has by itself
ROOM = 30_000_000  # bytes: what reading a directory of some hundred kB may take at most
FUZZ = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def describe(path):
    """As textgen does it: ids in blocks."""
    if path.name not in ("ids.npy", "tokens.npy"):
        return storage.describe_file(path)
    size = path.stat().st_size
    places = range(0, size, hashes.BLOCK_BYTES)
    return storage.describe_blocks(
        size, [storage.sha256(path, first, first + hashes.BLOCK_BYTES) for first in places]
    )


def sign(directory, kind):
    files = {path.name: describe(path) for path in directory.iterdir() if path.is_file()}
    files.pop(storage.MANIFEST, None)
    storage.write_manifest(directory, kind, files)


def spoil_file(path, kind, draw):
    """Put some value in some place of a file of JSON, and make the manifest agree with it."""
    content = json.loads(path.read_bytes())
    spoil(content, draw)
    path.write_text(json.dumps(content))
    if path.name != storage.MANIFEST:
        sign(path.parent, kind)


def spoil_bytes(content, draw):
    content = bytearray(content)
    for _ in range(draw(st.integers(1, 5))):
        if draw(st.integers(0, 3)) == 0:
            del content[draw(st.integers(0, len(content))) :]
        elif content:
            content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    chardet.detect("é".encode("latin-1"))  # what it loads once is not what a text takes
    return tmp_path_factory.mktemp("strangers")


@pytest.fixture(scope="module")
def small_corpus(folder, text):
    (folder / "text").write_text(text, encoding="utf-8")
    prepare([str(folder / "text")], folder / "prepared", maxlen=10)
    return folder / "prepared"


@pytest.fixture(scope="module")
def small_documents(folder):
    rows = "".join(f"title {n},{'ab'[n % 2]}\n" for n in range(60))
    (folder / "rows.csv").write_text(f"title,genre\n{rows}")
    path = folder / "documents"
    prepare(folder / "rows.csv", path, column="title", label="genre", maxlen=10, test=0.1)
    return path


@pytest.fixture(scope="module")
def small_subwords(folder):
    (folder / "lines").write_text("".join(f"the cat that sat {n}\nthat hat\n" for n in range(40)))
    prepare(
        folder / "lines",
        folder / "subwords",
        maxlen=5,
        tokens="bpe:20",
        documents="lines",
        test=0.1,
        validation=0.1,
    )
    return folder / "subwords"


@pytest.fixture(scope="module")
def subword_model(folder):
    trained = random_model(CorpusConfig(), "\n Thecatsno.", merges=MERGES)
    record = replace(trained.record, seeds=("The cat sat on the cat.",))
    return save_model(replace(trained, record=record), folder / "subword-model")


MERGES = (("a", "t"), ("c", "at"), ("T", "h"), ("Th", "e"), (" ", "s"), (" s", "at"))


def fresh(original, folder):
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(original, copy, ignore=shutil.ignore_patterns("cache", ".lock"))
    return copy


def harmless(use):
    """What is read is either in order or refused in one line, and takes little memory."""
    tracemalloc.start()
    try:
        use()
    except TextgenError as error:
        assert "\n" not in str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < ROOM


def use_model(copy):
    sampler = model_dir.load(copy)
    sampler.generate(None, length=5, temperature=0.5, random_seed=1)
    model_dir.load(copy, "window").generate(None, length=5, random_seed=1)
    evaluate([Source("text", lambda: io.BytesIO(b"The cat sat."))], copy)
    trained = model_dir.read_model(copy)
    parse_history(trained.record.history, copy)
    model_page(write_model_file(trained, "name", "int8").decode(), "name")


@pytest.mark.parametrize("name", ["settings.json", "vocabulary.json", "seeds.json", "history.json"])
@given(data=st.data())
@FUZZ
def test_any_value_anywhere_in_a_model_directory(trained, folder, name, data):
    copy = fresh(trained, folder)
    spoil_file(copy / name, MODEL_KIND, data.draw)
    harmless(lambda: use_model(copy))


@given(data=st.data())
@FUZZ
def test_any_value_anywhere_in_a_vocabulary_of_subwords(subword_model, folder, data):
    copy = fresh(subword_model, folder)
    spoil_file(copy / "vocabulary.json", MODEL_KIND, data.draw)
    harmless(lambda: use_model(copy))


@pytest.mark.parametrize(
    ("merges", "problem"),
    [
        ([["a", "x"]], "a merge must be of two tokens before it"),
        ([["ca", "t"], ["c", "a"]], "a merge must be of two tokens before it"),
        ([["a", "t", "s"]], "a merge must be of two tokens before it"),
        (["at"], "a merge must be of two tokens before it"),
        ([["a", 1]], "a merge must be of two tokens before it"),
        ([["a", "t"], ["a", "t"]], "merges must be distinct"),
        ([["\n", "T"]], "a subword is too long, or has a line end"),
        ([["a" * 2**n, "a" * 2**n] for n in range(6)], "a subword is too long"),
        ({}, "merges must be"),
        # In order, but not those of the weights.
        ([["a", "t"]], "of shape"),
        ([], "of shape"),
    ],
)
def test_an_edited_vocabulary_of_subwords(subword_model, folder, textgen, merges, problem):
    copy = fresh(subword_model, folder)
    content = json.loads((copy / "vocabulary.json").read_bytes())
    (copy / "vocabulary.json").write_text(json.dumps({**content, "merges": merges}))
    changed = textgen("sample", "--model", copy)
    assert changed.returncode == 1 and len(changed.stderr.splitlines()) == 1
    sign(copy, MODEL_KIND)
    with pytest.raises(ModelError, match=problem):
        model_dir.load(copy)
    done = textgen("sample", "--model", copy)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.parametrize("signed", [True, False])
@given(data=st.data())
@FUZZ
def test_any_bytes_in_a_model_directory(trained, folder, signed, data):
    copy = fresh(trained, folder)
    name = data.draw(st.sampled_from(sorted(path.name for path in copy.iterdir())))
    (copy / name).write_bytes(spoil_bytes((copy / name).read_bytes(), data.draw))
    if signed and name != storage.MANIFEST:
        sign(copy, MODEL_KIND)
    harmless(lambda: use_model(copy))


def use_prepared(copy):
    corpus = open_prepared(copy)
    corpus.summary()
    for ids in (corpus, corpus.tokens):
        use_ids(ids)


def use_ids(corpus):
    assert corpus.ids.ndim == 1 and int(corpus.ids.max()) < corpus.vocabulary.size
    corpus.check_length(corpus.windows)
    if corpus.documents is not None:
        for number, ids in enumerate((*corpus.split(0.1), corpus.test)):
            part = corpus.documents.part(number)
            assert len(part) == len(part.label_ids) and (not len(part) or part.starts[0] == 1)
            assert not len(part) or part.starts[-1] == len(ids)
            for label_ids in part.label_ids[:9]:
                assert corpus.documents.labels is None or corpus.documents.labels.decode(label_ids)


@pytest.mark.parametrize(
    ("corpus", "name"),
    [
        ("small_corpus", "prepared.json"),
        ("small_corpus", "vocabulary.json"),
        ("small_corpus", "manifest.json"),
        ("small_documents", "prepared.json"),
        ("small_documents", "vocabulary.json"),
        ("small_documents", "labels.json"),
        ("small_subwords", "tokens.json"),
    ],
)
@given(data=st.data())
@FUZZ
def test_any_value_anywhere_in_a_prepared_corpus(request, folder, corpus, name, data):
    copy = fresh(request.getfixturevalue(corpus), folder)
    spoil_file(copy / name, prepared.PREPARED_KIND, data.draw)
    harmless(lambda: use_prepared(copy))


@pytest.mark.parametrize(
    ("corpus", "names"),
    [
        ("small_corpus", ["ids.npy", "vocabulary.json", "prepared.json"]),
        ("small_documents", ["ids.npy", "documents.npy", "labels.npy", "labels.json"]),
        (
            "small_subwords",
            ["tokens.npy", "tokens.json", "token_chunks.npy", "token_documents.npy"],
        ),
    ],
)
@given(data=st.data())
@FUZZ
def test_any_bytes_in_a_prepared_corpus(request, folder, corpus, names, data):
    copy = fresh(request.getfixturevalue(corpus), folder)
    name = data.draw(st.sampled_from(names))
    (copy / name).write_bytes(spoil_bytes((copy / name).read_bytes(), data.draw))
    sign(copy, prepared.PREPARED_KIND)
    harmless(lambda: use_prepared(copy))


def test_a_header_that_claims_gigabytes_takes_no_memory(small_corpus, folder):
    copy = fresh(small_corpus, folder)
    content = bytearray((copy / "ids.npy").read_bytes())
    content[6] = 2  # version 2 of the format, whose header has a length of four bytes
    (copy / "ids.npy").write_bytes(content)
    sign(copy, prepared.PREPARED_KIND)
    harmless(lambda: use_prepared(copy))
    with pytest.raises(PreparedError, match="another format"):
        open_prepared(copy)


@given(st.binary(max_size=400), st.sampled_from(["utf-8", "utf-16", "latin-1", "shift-jis"]))
@example(b"\0\0\0\0\0\xd8\0\0", "utf-16")  # no mark, and an error after it
@FUZZ
def test_any_bytes_as_a_corpus(folder, content, encoding):
    source = Source("it", lambda: io.BytesIO(content), len(content))
    harmless(lambda: prepare(source, folder / "made", encoding=encoding, force=True))


@given(st.text(min_size=60, max_size=200))
@FUZZ
def test_any_characters_as_a_corpus(folder, written):
    """Combining marks, right-to-left, NUL, whatever Unicode has."""
    content = written.encode("utf-8", "surrogatepass")
    source = Source("it", lambda: io.BytesIO(content), len(content))

    def use():
        corpus = prepare(source, folder / "made", maxlen=3, validation=0.2, force=True)
        back = corpus.vocabulary.decode(corpus.ids)
        assert back == written.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")

    harmless(use)


def test_ids_that_the_vocabulary_does_not_have_are_refused(small_corpus, folder):
    copy = fresh(small_corpus, folder)
    ids = np.load(copy / "ids.npy")
    ids[100] = 200
    np.save(copy / "ids.npy", ids)
    sign(copy, prepared.PREPARED_KIND)
    with pytest.raises(PreparedError, match="ids that the vocabulary does not have"):
        open_prepared(copy)


def attacked(trained, folder, change):
    """A model directory whose model.keras has been changed, member by member."""
    copy = fresh(trained, folder)
    path = copy / "model.keras"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        change(archive, members)
    sign(copy, MODEL_KIND)
    return copy


def hdf5(change):
    """A change of the weights inside model.keras."""

    def apply(archive, members):
        content = io.BytesIO(members["model.weights.h5"])
        with h5py.File(content, "r+") as file:
            change(file)
        for name, data in {**members, "model.weights.h5": content.getvalue()}.items():
            archive.writestr(name, data)

    return apply


def deflated(archive, members):
    """Few bytes that become many."""
    archive.writestr("model.weights.h5", bytes(200_000_000), zipfile.ZIP_DEFLATED)


def lying_size(archive, members):
    archive.writestr("model.weights.h5", members["model.weights.h5"])
    archive.infolist()[0].file_size = 10**12


PLACE = "layers/lstm/cell/vars/1"


def taken(file):
    """Make room for a false recurrent kernel; gives the shape that it must have."""
    shape = file[PLACE].shape
    del file[PLACE]
    return shape


def compressed_array(file):
    shape = taken(file)
    file.create_dataset(PLACE, shape, "f4", chunks=shape, compression="gzip")


def huge_array(file):
    taken(file)
    file.create_dataset(PLACE, (10**6, 10**6), "f4", chunks=(1, 1))


def external_data(file):
    shape = taken(file)
    file.create_dataset(PLACE, shape, "f4", external=[("/etc/passwd", 0, 4 * shape[0] * shape[1])])


def external_link(file):
    taken(file)
    file[PLACE] = h5py.ExternalLink("/etc/passwd", "/")


def virtual(file):
    shape = taken(file)
    layout = h5py.VirtualLayout(shape, "f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "x", shape=shape)
    file.create_virtual_dataset(PLACE, layout)


ATTACKS = [
    deflated,
    lying_size,
    *map(hdf5, [compressed_array, huge_array, external_data, external_link, virtual]),
]


@pytest.mark.parametrize("change", ATTACKS)
def test_weights_that_would_take_more_than_their_file_or_lie_elsewhere(
    trained, small_corpus, folder, textgen, change
):
    copy = attacked(trained, folder, change)
    peak = _refused(copy)
    assert peak < ROOM
    for command in (["sample"], ["evaluate", folder / "text"]):
        done = textgen(*command, "--model", copy, through=limit(), **ONE_THREAD)
        assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
        assert "memory" not in done.stderr
    new = textgen("train", folder / "text", "--init-from", copy, "--model", folder / "new")
    assert new.returncode == 1 and not (folder / "new").exists()


ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}  # each has a stack


def limit():
    """What libraries take counts as well, where the system can tell."""
    return ("prlimit", f"--data={PROGRAM + ROOM}") if shutil.which("prlimit") else ()


def test_what_a_model_in_order_takes_is_below_the_limit(trained, small_corpus, folder, textgen):
    for command in (["sample"], ["evaluate", folder / "text"]):
        done = textgen(*command, "--model", trained, through=limit(), **ONE_THREAD)
        assert done.returncode == 0


def _refused(copy):
    tracemalloc.start()
    try:
        with pytest.raises(TextgenError):
            model_dir.load(copy)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def zipped(folder, members, **options):
    """A checkpoint of some members."""
    directory = folder / "attacked"
    directory.mkdir(exist_ok=True)
    with zipfile.ZipFile(directory / "checkpoint.npz", "w", **options) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return directory


def npy(array):
    content = io.BytesIO()
    np.save(content, array, allow_pickle=True)
    return content.getvalue()


def pickled(folder):
    """An array of Python objects, which NumPy would unpickle if it were allowed to."""
    return zipped(folder, [("about.npy", npy(np.array([{"a": 1}], object)))])


def bomb(folder):
    zeros = npy(np.zeros(50_000_000, np.uint8))
    return zipped(folder, [("about.npy", zeros)], compression=zipfile.ZIP_DEFLATED)


def header_that_lies(folder):
    header = npy(np.zeros(4, np.uint8)).replace(b"(4,), }" + 12 * b" ", b"(9999999999999,), }")
    assert b"9999999999999" in header
    return zipped(folder, [("about.npy", header)])


def header_that_is_cut(folder):
    return zipped(folder, [("about.npy", npy(np.zeros(4, np.uint8)).replace(b"}", b" "))])


def one_member_many_times(folder):
    directory = zipped(folder, [("about.npy", npy(np.zeros(1000, np.uint8)))])
    path = directory / "checkpoint.npz"
    content = path.read_bytes()
    start, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    entry, last = content[start:end], bytearray(content[end:])
    last[8:12] = (50).to_bytes(2, "little") * 2
    last[12:16] = (50 * len(entry)).to_bytes(4, "little")
    path.write_bytes(content[:start] + 50 * entry + last)
    return directory


def encrypted(folder):
    directory = zipped(folder, [("about.npy", npy(np.zeros(10, np.uint8)))])
    content = bytearray((directory / "checkpoint.npz").read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    content[6] |= 1
    (directory / "checkpoint.npz").write_bytes(content)
    return directory


@pytest.mark.parametrize(
    "attack",
    [pickled, bomb, header_that_lies, header_that_is_cut, one_member_many_times, encrypted],
)
def test_false_checkpoints_are_refused(folder, textgen, attack):
    directory = attack(folder)
    tracemalloc.start()
    with pytest.raises(ModelError, match="checkpoint"):
        checkpoint.read_checkpoint(directory / "checkpoint.npz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < ROOM
    done = textgen("train", "--resume", "--model", directory)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1


def test_no_code_of_a_model_is_run(trained, folder, text, textgen):
    """A Lambda layer, and a member named to land outside: neither is so much as looked at."""
    landed = str(folder / "landed")
    inputs = keras.Input((2,))

    def land(x):
        os.mkdir(landed)  # noqa: PTH102
        return x

    evil = keras.Model(inputs, keras.layers.Lambda(land, output_shape=(2,))(inputs))
    evil.save(folder / "evil.keras")
    with zipfile.ZipFile(folder / "evil.keras") as archive:
        configuration = archive.read("config.json")

    def change(archive, members):
        members["config.json"] = configuration
        for name, data in {**members, "../landed": b"x", landed: b"x"}.items():
            archive.writestr(name, data)

    copy = attacked(trained, folder, change)
    (folder / "text").write_text(text, encoding="utf-8")
    assert textgen("sample", "--model", copy, "--length", 5).returncode == 0
    assert textgen("evaluate", folder / "text", "--model", copy).returncode == 0
    options = ("--init-from", copy, "--epochs", 1, "--maxlen", 10, "--model", folder / "new")
    assert textgen("train", folder / "text", *options).returncode == 0
    assert not list(folder.parent.rglob("landed"))


def test_a_pipe_in_place_of_a_file_does_not_hang(trained, folder, textgen):
    for name in ("model.keras", "settings.json", "manifest.json"):
        copy = fresh(trained, folder)
        (copy / name).unlink()
        os.mkfifo(copy / name)
        done = textgen("sample", "--model", copy, timeout=20)
        assert done.returncode == 1 and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("twin", [False, True])
def test_a_pipe_in_a_prepared_corpus_does_not_hang(small_corpus, folder, textgen, twin):
    """Also if a file of the manifest is where an unfinished commit would have left it."""
    for name in ("ids.npy", "prepared.json", "vocabulary.json", "manifest.json"):
        copy = fresh(small_corpus, folder)
        if twin:
            (copy / ".pending").mkdir()
            (copy / name).rename(copy / ".pending" / name)
        else:
            (copy / name).unlink()
        os.mkfifo(copy / name)
        options = ("--epochs", 1, "--units", 4, "--batch-size", 16, "--model")
        done = textgen("train", copy, *options, folder / f"{name}-{twin}", timeout=40)
        assert "Traceback" not in done.stderr
        # The manifest has no twin; the others are the files that it lists.
        read = twin and name != "manifest.json"
        assert done.returncode == (0 if read else 1)
        assert read or done.stderr.splitlines()[-1].startswith("textgen: error: ")


def test_windows_that_would_take_too_much_memory(trained, folder):
    """Few weights, and a state of very many numbers for each of very many characters."""
    record = model_dir.read_model(trained).record
    windows = replace(record.settings.windows, maxlen=10_000)
    wide = Vocabulary("".join(map(chr, range(0x3000, 0x3000 + 20_000))))
    large = replace(record, vocabulary=wide, settings=replace(record.settings, windows=windows))
    with pytest.raises(ModelError, match="memory"):
        large.window("window")
    assert large.window("carry") is None


def test_a_lock_that_is_a_link_makes_no_file_elsewhere(folder, text, textgen):
    directory = folder / "linked"
    directory.mkdir()
    (folder / "text").write_text(text, encoding="utf-8")
    (directory / ".lock").symlink_to(folder / "elsewhere")
    done = textgen("train", folder / "text", "--epochs", 1, "--maxlen", 10, "--model", directory)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 2
    assert not (folder / "elsewhere").exists()


def test_a_message_cannot_move_the_cursor(trained, folder, textgen):
    copy = fresh(trained, folder)
    settings_file = copy / "settings.json"
    content = json.loads(settings_file.read_bytes())
    content["model"]["\x1b[2J\nhello"] = 1
    settings_file.write_text(json.dumps(content))
    sign(copy, MODEL_KIND)
    done = textgen("sample", "--model", copy)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "\x1b" not in done.stderr
