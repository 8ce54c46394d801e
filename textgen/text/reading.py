"""A corpus becomes text, in blocks of about a hundred thousand characters.

Memory does not grow with the corpus, and no change to the user's text goes without a count in a
`ReadingReport`.
"""

import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator

from textgen.errors import CorpusError
from textgen.settings import CorpusConfig
from textgen.text.compression import CountedInput, open_buffered, open_decompressed
from textgen.text.decoder import Decoder
from textgen.text.normalization import normalize_blocks
from textgen.text.pieces import Piece, seek_lines
from textgen.text.reading_report import ReadingReport
from textgen.text.sizes import READING_SIZES, ReadingSizes
from textgen.text.sources import Source, describe_os_error

# Marks the documents of a file's decoded text, as the functions of markers.py do.
Mark = Callable[[Iterator[str]], Iterator[str]]


def read_texts(
    sources: Iterable[Source | Piece],
    config: CorpusConfig,
    report: ReadingReport | None = None,
    sizes: ReadingSizes = READING_SIZES,
) -> Iterator[tuple[str, int]]:
    """The texts of several sources, or pieces of sources, as one text, in blocks.

    A file that does not end with a line end is not joined to the next one: a line end is inserted
    between them, and counted.

    Args:
        sources: Sources, or pieces of them in order.
        config: As in `read_text`.
        report: Counts what is found and changed.
        sizes: How much is read at a time.

    Yields:
        A block of text, possibly empty, and how many bytes were read for it.

    Raises:
        CorpusError: as `read_text` does.

    Example:
        >>> import io
        >>> report = ReadingReport()
        >>> source = Source("words", lambda: io.BytesIO(b"one word"))
        >>> "".join(text for text, _ in read_texts([source, source], CorpusConfig(), report))
        'one word\\none word'
        >>> report.line_ends_added
        1
    """
    report = ReadingReport() if report is None else report
    is_in_line = False  # only at the end of a source: other pieces end with a line
    for source in sources:
        bytes_before, is_unfinished = 0, is_in_line
        for text, count in read_text(source, config, report, sizes):
            if text:
                is_in_line = text[-1] != "\n"
                if is_unfinished:
                    text, is_unfinished = f"\n{text}", False
                    report.line_ends_added += 1
            yield text, count - bytes_before
            bytes_before = count


def read_text(
    source: Source | Piece,
    config: CorpusConfig,
    report: ReadingReport | None = None,
    sizes: ReadingSizes = READING_SIZES,
    mark: Mark | None = None,
    *,
    allow_nul: bool = False,
) -> Iterator[tuple[str, int]]:
    """The text of a source, or of a piece of one, in blocks.

    Byte order marks are removed, line ends become `\\n`, and the text is normalized and turned to
    lower case if the config says so; the result does not depend on where blocks and pieces end.

    Args:
        source: Where from; compressed sources are recognized by their first bytes.
        config: Encoding, what to do with bytes that are not text in it, lower case, normalization.
        report: Counts what is found and changed.
        sizes: How much is read at a time.
        mark: Changes the text before it is normalized.
        allow_nul: Leave it to `mark` to find the character NUL, which no text has.

    Yields:
        A block of text, possibly empty, and the bytes read from the source or piece so far.

    Raises:
        CorpusError: the source cannot be read, is damaged, or is not text in that encoding.
    """
    report = ReadingReport() if report is None else report
    piece = source if isinstance(source, Piece) else Piece(source)
    source = piece.source
    try:
        with source.open() as file:
            begin, end = seek_lines(file, piece, sizes.block)
            raw = CountedInput(file, None if end is None else end - begin)
            is_whole = (begin, end) == (0, None)
            stream = (open_decompressed if is_whole else open_buffered)(raw, sizes.block)
            encoding = piece.encoding or config.encoding
            decoder = Decoder(source.name, encoding, config, report, begin, sizes)
            decoder.allows_nul = allow_nul
            blocks = decoder.decode(stream)
            if mark is not None:
                blocks = mark(blocks)
            for text in normalize_blocks(source.name, blocks, config, sizes.longest_uncut):
                yield text, raw.count
    except OSError as error:
        raise CorpusError(f"{source.name}: {describe_os_error(error)}") from error
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise CorpusError(
            f"{source.name}: damaged compressed file: {error}; give another copy of it"
        ) from error
