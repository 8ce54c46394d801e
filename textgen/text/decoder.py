"""Bytes become text: line ends, byte order marks, and bytes that are not text in the encoding.

Every change is counted in a `ReadingReport`.
"""

import codecs
import io
import re
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import BinaryIO

from textgen.errors import CorpusError
from textgen.settings import AUTO_ENCODING, CorpusConfig
from textgen.text.encodings import detect_in_block, guess_encoding, is_plain, width_of_nul
from textgen.text.reading_report import ReadingReport
from textgen.text.sizes import READING_SIZES, ReadingSizes

_State = tuple[bytes, int]  # of an incremental decoder: pending bytes, flags

_BYTE_ORDER_MARK = "\ufeff"
_NUL = re.compile("\0")
_SURROGATE = re.compile("[\ud800-\udfff]")


class _UndecodableCount(threading.local):
    """How many byte sequences could not be decoded, in this thread's current call."""

    value = 0


_undecodable = _UndecodableCount()


def _replace_with(text: str) -> Callable[[UnicodeError], tuple[str, int]]:
    """A handler for Python's decoders that counts what it replaces."""

    def handle(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeDecodeError):
            raise error
        _undecodable.value += 1
        return text, error.end

    return handle


# Names of handlers by the setting decoding_errors. Python keeps handlers for the whole process.
_HANDLERS = {"strict": "strict", "replace": "textgen.replace", "skip": "textgen.skip"}
_REPLACEMENTS = {"replace": "\ufffd", "skip": ""}
for _name, _text in _REPLACEMENTS.items():
    codecs.register_error(_HANDLERS[_name], _replace_with(_text))


class Decoder:
    """Decodes the bytes of a source from an offset on.

    Args:
        name: The source's name.
        encoding: Its encoding, or `auto`.
        config: What to do with bytes that are not text in it.
        report: Counts what is found and changed.
        begin: The offset; a byte order mark is at offset 0.
        sizes: How many bytes are read at a time.

    Attributes:
        allows_nul: Whether the character NUL is no error.
    """

    def __init__(
        self,
        name: str,
        encoding: str,
        config: CorpusConfig,
        report: ReadingReport,
        begin: int,
        sizes: ReadingSizes = READING_SIZES,
    ):
        self._name, self._report, self._begin, self._sizes = name, report, begin, sizes
        self.allows_nul = False
        self._errors = config.decoding_errors
        self._is_detecting = encoding == AUTO_ENCODING
        self._is_detected = config.encoding == AUTO_ENCODING
        # Bytes of ASCII are read as UTF-8 until other bytes show which encoding it is.
        self._set_encoding("utf-8" if self._is_detecting else encoding)

    def _set_encoding(self, encoding: str) -> None:
        self._encoding = encoding
        self._decoder = self._make_decoder()
        self._is_plain = is_plain(encoding)

    def _make_decoder(self) -> io.IncrementalNewlineDecoder:
        decoder = codecs.getincrementaldecoder(self._encoding)(_HANDLERS[self._errors])
        return io.IncrementalNewlineDecoder(decoder, translate=True)

    def decode(self, stream: BinaryIO) -> Iterator[str]:
        """The text of a stream, in blocks that are not empty."""
        offset, is_first = self._begin, self._begin == 0
        while True:
            data = stream.read(self._sizes.block)
            if self._is_detecting and data:
                data = self._detect(data, stream, offset)
            if not data and self._begin == 0 and offset:
                self._report.count_file(self._encoding)
            text = self._decode(data, offset)
            if is_first and text:
                text, is_first = text.removeprefix(_BYTE_ORDER_MARK), False
            if _BYTE_ORDER_MARK in text:
                self._report.byte_order_marks_removed += text.count(_BYTE_ORDER_MARK)
                text = text.replace(_BYTE_ORDER_MARK, "")
            if text:
                yield text
            if not data:
                return
            offset += len(data)

    def _detect(self, data: bytes, stream: BinaryIO, offset: int) -> bytes:
        """Choose the encoding if these bytes show it; gives all bytes that were read for that."""
        encoding, data = detect_in_block(self._name, data, stream, offset, self._sizes.sample)
        if encoding is not None:
            (_, after_return), self._is_detecting = self._decoder.getstate(), False
            self._set_encoding(encoding)
            pending, flags = self._decoder.getstate()
            self._decoder.setstate((pending, flags | after_return & 1))
        return data

    def _decode(self, data: bytes, offset: int) -> str:
        """The text of a block; of the last one, which is empty, what the decoder still holds."""
        state, problem = self._decoder.getstate(), ""
        _undecodable.value = 0
        try:
            text = self._decoder.decode(data, final=not data)
        except UnicodeError as error:
            pending = len(state[0])  # bytes of a character that began in the last block
            problem = self._describe(error, data, offset - pending)
            self._decoder.setstate(state)
            # Errors in the text before it come first, wherever blocks and pieces end.
            valid = error.start - pending if isinstance(error, UnicodeDecodeError) else 0
            try:
                text = self._decoder.decode(data[: max(valid, 0)])
            except UnicodeError as earlier:  # UTF-16 without its mark, noticed only now
                problem, text = self._describe(earlier, data, offset - pending), ""
        count = _undecodable.value
        if not self.allows_nul:
            self._check_nul(text, state, data, offset)
        if not self._is_plain:
            text, surrogates = self._replace_surrogates(text, state, data, offset)
            count += surrogates
        if problem:
            raise CorpusError(f"{self._name}: {problem}")
        if self._errors == "replace":
            self._report.undecodable_replaced += count
        else:
            self._report.undecodable_skipped += count
        return text

    def _check_nul(self, text: str, state: _State, data: bytes, offset: int) -> None:
        """Raise `CorpusError` where the text of a block has a NUL.

        Args:
            text: The block's text.
            state: The decoder's state before the block.
            data: The block.
            offset: The block's offset.
        """
        if (b"\0" not in data and self._is_plain) or "\0" not in text:  # bytes are searched faster
            return
        place = offset + self._find(_NUL, state, data) - width_of_nul(self._encoding)
        guess = None if self._is_detected else guess_encoding(data, start=offset == 0)
        raise CorpusError(
            f"{self._name}: byte 0x00 at offset {place} is NUL, which no text has; "
            + (_advise(guess) if guess else "this looks like a binary file: leave it out")
        )

    def _replace_surrogates(
        self, text: str, state: _State, data: bytes, offset: int
    ) -> tuple[str, int]:
        """Replace halves of surrogate pairs; arguments are as in `_check_nul`.

        Returns:
            The text, and how many were replaced.

        Raises:
            CorpusError: there is one, and `decoding_errors` is `strict`.
        """
        surrogate = _SURROGATE.search(text)
        if surrogate is None:
            return text, 0
        if self._errors == "strict":
            place = offset + self._find(_SURROGATE, state, data) - 1
            raise CorpusError(
                f"{self._name}: U+{ord(surrogate[0]):04X} near offset {place} is half of a "
                "surrogate pair, not a character; fix the file, leave it out, or add "
                "--decoding-errors replace"
            )
        return _SURROGATE.subn(_REPLACEMENTS[self._errors], text)

    def _find(self, pattern: re.Pattern[str], state: _State, data: bytes) -> int:
        """How many bytes of a block have to be decoded before its text has a pattern."""

        def has_pattern(count: int) -> bool:
            decoder = self._make_decoder()
            decoder.setstate(state)
            try:
                return pattern.search(decoder.decode(data[:count])) is not None
            except UnicodeError:  # after the pattern
                return True

        return bisect_left(range(len(data)), 1, key=has_pattern)

    def _describe(self, error: UnicodeError, data: bytes, offset: int) -> str:
        """Say where bytes cannot be decoded, and what to do about it.

        Args:
            error: The decoder's error.
            data: The block, without what the decoder held before it.
            offset: The offset of what the decoder held, or of the block.
        """
        if not isinstance(error, UnicodeDecodeError):  # a codec's own complaint, such as "no BOM"
            return (
                f"is not {self._encoding}: {error}; add --encoding auto, which detects the "
                "encoding of each file, or leave it out"
            )
        place = (
            f"byte 0x{error.object[error.start]:02x} at offset {offset + error.start} is not "
            f"{self._encoding}"
        )
        guess = guess_encoding(data, start=offset <= 0)
        if self._is_detected:
            reason = "that encoding was detected in this file"
        elif guess is None:
            return f"{place}; this looks like a binary file: leave it out"
        elif codecs.lookup(guess) == codecs.lookup(self._encoding):
            reason = "most of the text around it is"
        else:
            return f"{place}; {_advise(guess)}"
        return (
            f"{place}; {reason}: fix the file, leave it out, or add --decoding-errors replace "
            "(or skip)"
        )


def _advise(encoding: str) -> str:
    """What to do with a file that is in another encoding."""
    return (
        f"the file looks like {encoding}: add --encoding auto, which detects the encoding of each "
        "file, or leave it out"
    )
