"""The encoding of a file is detected."""

import gzip

import pytest

from tests.text.reading import file_source, read, read_files, text_or_error
from textgen.errors import CorpusError
from textgen.settings import CorpusConfig
from textgen.text.pieces import split_source
from textgen.text.reading_report import ReadingReport
from textgen.text.sizes import ReadingSizes

TEXTS = {
    "utf-8": "Grüße aus Köln, 世界 😀\n",
    "cp1252": "Le café était fermé; l’été dernier, Hélène a préféré rester à la maison.\n",
    "cp1250": "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv.\n",
    "cp1251": "Все счастливые семьи похожи друг на друга, каждая несчастлива по-своему.\n",
    "koi8-r": "Все счастливые семьи похожи друг на друга, каждая несчастлива по-своему.\n",
    "gb18030": "道可道，非常道。名可名，非常名。无名天地之始；有名万物之母。\n",
    "cp932": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n",
    "cp949": "모든 국민은 법 앞에 평등하다. 누구든지 성별에 의하여 차별을 받지 아니한다.\n",
    "utf-16": "Grüße, 世界\n",
    "utf-32": "Grüße, 世界\n",
}


def test_the_encoding_of_each_file_is_detected():
    english = "plain English\n"
    files = [(english * 9 + text).encode(encoding) for encoding, text in TEXTS.items()]
    files += [b"", english.encode(), "ü\n".encode("utf-8-sig"), gzip.compress(files[1])]
    text, changes = read_files(files, encoding="auto")
    assert text == "".join(english * 9 + text for text in TEXTS.values()) + english + "ü\n" + (
        english * 9 + TEXTS["cp1252"]
    )
    assert changes == {"encodings": {**dict.fromkeys(TEXTS, 1), "utf-8": 3, "cp1252": 2}}
    with pytest.raises(CorpusError, match="^file 0: .*binary"):
        read_files([b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0"], encoding="auto")


@pytest.mark.parametrize(
    "short", ["café", "naïve", "déjà vu, été à la maison", "£5", "it’s", "©", "20°", "Müller\n"]
)
def test_a_few_letters_with_accents_are_read_as_windows_1252(short):
    assert read_files([short.encode("cp1252")], encoding="auto")[0] == short


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_an_encoding_is_detected_wherever_its_first_special_byte_is(end):
    sizes = ReadingSizes(block=7, sample=100)
    data = f"all of it is ASCII{end}" * 50 + TEXTS["cp1251"].replace("\n", end) * 20
    text, changes = read_files([data.encode("cp1251")], sizes, encoding="auto")
    assert text == data.replace(end, "\n") and changes == {"encodings": {"cp1251": 1}}


def test_a_large_file_that_is_no_text_is_refused_when_it_is_read(tmp_path):
    path = tmp_path / "it"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0" * 9)
    config = CorpusConfig(encoding="auto")
    pieces = split_source(file_source(path), config, 10)
    assert text_or_error(pieces, config).startswith(f"{path}: no encoding fits")


def test_utf16_without_its_mark_is_refused_with_what_to_do():
    data = "some text of a few words\n".encode("utf-16-le") * 9
    with pytest.raises(CorpusError, match="^it: .*utf-16: .*--encoding auto"):
        read(data, encoding="utf-16")
    assert read(data, encoding="auto") == "some text of a few words\n" * 9


def test_what_is_detected_is_decoded_strictly():
    sizes = ReadingSizes(block=50, sample=100)
    data = "Grüße\n".encode() * 50 + b"\xff\n"
    with pytest.raises(CorpusError, match="offset 400 .*utf-8"):
        read(data, sizes=sizes, encoding="auto")
    report = ReadingReport()
    assert read(data, report, sizes, encoding="auto", decoding_errors="replace").endswith(
        "ße\n\ufffd\n"
    )
    assert report == ReadingReport({"utf-8": 1}, undecodable_replaced=1)
