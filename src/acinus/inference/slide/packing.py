"""8-bit maps and the box they belong to as bytes: small, and a damaged copy is noticed."""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box

__all__ = ["is_whole", "pack", "unpack"]

# Magic, box, number, height and width of the maps, checksum of what follows.
_HEADER = struct.Struct("<8s7qI")
_MAGIC = b"acinus2\n"
_ZSTD_LEVEL = 3  # a map of 1024 px takes 10 ms and some ten kB


def pack(planes: NDArray[np.uint8], box: Box) -> bytes:
    """Return (N, H, W) maps, possibly empty, and a box as bytes.

    Examples
    --------
    >>> unpack(pack(np.full((1, 2, 3), 7, np.uint8), Box(4, 5, 3, 2)), Box(4, 5, 3, 2), count=1).tolist()
    [[[7, 7, 7], [7, 7, 7]]]
    """
    count, height, width = planes.shape
    content = imagecodecs.zstd_encode(planes.tobytes(), level=_ZSTD_LEVEL) if planes.size else b""
    header = (box.x, box.y, box.width, box.height, count, height, width, zlib.crc32(content))
    return _HEADER.pack(_MAGIC, *header) + content


def is_whole(packed: bytes, box: Box, *, count: int) -> bool:
    """Say whether these are all the bytes that `pack` made of so many maps for this box."""
    if len(packed) < _HEADER.size:
        return False
    magic, x, y, width, height, found, _, _, checksum = _HEADER.unpack_from(packed)
    return (
        magic == _MAGIC
        and Box(x, y, width, height) == box
        and found == count
        and zlib.crc32(packed[_HEADER.size :]) == checksum
    )


def unpack(packed: bytes, box: Box, *, count: int) -> NDArray[np.uint8] | None:
    """Return the (count, H, W) maps, read-only; None when `is_whole` denies it."""
    if not is_whole(packed, box, count=count):
        return None
    height, width = _HEADER.unpack_from(packed)[6:8]
    content = packed[_HEADER.size :]
    values = imagecodecs.zstd_decode(content) if content else b""
    return np.frombuffer(values, np.uint8).reshape(count, height, width)
