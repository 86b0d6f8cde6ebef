"""The features of a GeoJSON file one at a time, however it is laid out; memory follows the largest feature.

Programs differ in what they write: a feature to a line, one over many lines, everything in one line, features
one after the other without a list; a byte order mark; numbers that are not finite, which JSON does not know
and QuPath writes and reads.
"""

from __future__ import annotations

import codecs
import gzip
import json
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson

from acinus.core.errors import InputError

__all__ = ["read_features"]

BinaryFile = IO[bytes] | gzip.GzipFile

# Damaged or encrypted archives, and nesting without end, which is a RuntimeError, too.
_OF_COMPRESSION = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError)

_CHUNK = 1 << 20  # bytes
_NEAR_THE_END = 64  # characters; an error further from the end of what was read is no matter of reading on


def read_features(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the features of a GeoJSON file.

    Parameters
    ----------
    path : Path
        A FeatureCollection, a list of features, a single one or a bare geometry, or several of these in a row
        (RFC 8142); plain, or compressed by gzip or as the only file of a zip; UTF-8, or UTF-16 with a byte
        order mark.

    Raises
    ------
    InputError
        When it is damaged or none of these.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.geojson"
    >>> _ = path.write_text('[{"geometry": null, "properties": {"measurements": {"Area": NaN}}}]')
    >>> [feature["properties"] for feature in read_features(path)]
    [{'measurements': {'Area': nan}}]
    """
    try:
        with _opened(path) as file:
            text = _Text(file)
            opening = text.peek()
            if opening == "{":
                yield from _object(text)
            elif opening == "[":
                yield from _elements(text)
            else:
                raise TypeError(f"expected a list of features, got {type(text.value()).__name__}")
            while text.peek():
                yield from _features_of(text.feature())
    except (OSError, EOFError, ValueError, KeyError, TypeError, *_OF_COMPRESSION) as error:
        raise InputError(f"{path.name} cannot be read as GeoJSON ({error}); export it again") from error


@contextmanager
def _opened(path: Path) -> Iterator[BinaryFile]:
    """Yield the file's bytes; whether it is compressed its first bytes say, not its name."""
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(file) as unpacked:
                yield unpacked
        elif head == b"PK\x03\x04":
            with zipfile.ZipFile(file) as archive:
                names = [name for name in archive.namelist() if not name.endswith("/")]
                if len(names) != 1:
                    raise ValueError(f"expected one file in the zip, got {len(names)}")
                with archive.open(names[0]) as unpacked:
                    yield unpacked
        else:
            yield file


class _Text:
    """Text that is read on as it is needed, and the place up to which it was understood."""

    def __init__(self, file: BinaryFile) -> None:
        self._file = file
        head = file.read(_CHUNK)
        utf_16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        self._decoder = codecs.getincrementaldecoder("utf-16" if utf_16 else "utf-8-sig")()
        self._text = self._decoder.decode(head)
        self._place = 0
        self._ended = False
        self._decode = json.JSONDecoder().raw_decode
        self._a_line_each = True

    def peek(self) -> str:
        """Return the next character that is no space, without passing it; empty at the end."""
        while True:
            while self._place < len(self._text):
                character = self._text[self._place]
                if not character.isspace():
                    return character
                self._place += 1
            if not self._read_on(_CHUNK):
                return ""

    def take(self, expected: str) -> None:
        """Pass one of these characters."""
        if (character := self.peek()) == "" or character not in expected:
            raise ValueError(f"expected {' or '.join(expected)}, got {character or 'the end of the file'}")
        self._place += 1

    def value(self) -> Any:
        """Read the next value."""
        self.peek()
        size = _CHUNK
        while True:
            try:
                value, end = self._decode(self._text, self._place)
            except json.JSONDecodeError as error:
                cut = error.pos >= len(self._text) - _NEAR_THE_END or error.msg.startswith("Unterminated")
                if not (cut and self._read_on(size)):
                    raise
            else:
                if end < len(self._text) or not self._read_on(size):  # a number may go on
                    self._place = end
                    return value
            size *= 2

    def feature(self) -> Any:
        """Read the next value, by the faster library where it has a line to itself."""
        end = self._text.find("\n", self._place) if self._a_line_each else -1
        if end > 0:
            try:
                line = self._text[self._place : end].strip().rstrip(",")
                value = orjson.loads(line)
            except orjson.JSONDecodeError:
                self._a_line_each = False
            else:
                self._place = self._text.index(line, self._place) + len(line)
                return value
        return self.value()

    def _read_on(self, size: int) -> bool:
        """Read more bytes and let go of the text before the place; False at the end of the file."""
        if self._ended:
            return False
        data = self._file.read(size)
        self._ended = not data
        more = self._decoder.decode(data, final=self._ended)
        if self._ended:
            return False
        self._text = self._text[self._place :] + more
        self._place = 0
        return True


def _object(text: _Text) -> Iterator[dict[str, Any]]:
    """Yield the features of an object: a collection's as they are read, else itself."""
    members: dict[str, Any] = {}
    text.take("{")
    while text.peek() != "}":
        if members:
            text.take(",")
        name = text.value()
        text.take(":")
        if name == "features" and text.peek() == "[":
            yield from _elements(text)
            members[name] = []
        else:
            members[name] = text.value()
    text.take("}")
    yield from _features_of(members)


def _elements(text: _Text) -> Iterator[dict[str, Any]]:
    """Yield the features of a list."""
    text.take("[")
    while text.peek() != "]":
        yield from _features_of(text.feature())
        if text.peek() != "]":
            text.take(",")
            text.peek()
    text.take("]")


def _features_of(value: Any) -> Iterator[dict[str, Any]]:
    """Yield a feature, those of a collection within a list, or a bare geometry as a feature."""
    if not isinstance(value, dict):
        raise TypeError(f"expected a feature, got {type(value).__name__}")
    if isinstance(value.get("features"), list):
        for feature in value["features"]:
            yield from _features_of(feature)
    elif "coordinates" in value or "geometries" in value:
        yield {"type": "Feature", "geometry": value, "properties": {}}
    elif "geometry" in value:
        yield value
    else:
        raise ValueError("neither features nor a geometry in it")
