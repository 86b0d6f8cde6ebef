"""An 8-bit map and the box it belongs to as bytes: small, and a damaged copy is noticed."""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box

__all__ = ["is_whole", "pack", "unpack"]

_HEADER = struct.Struct("<8s6qI")  # magic, box, height and width of the map, checksum of what follows
_MAGIC = b"acinus1\n"
_ZSTD_LEVEL = 3  # a window of 1024 px takes 10 ms and some ten kB


def pack(values: NDArray[np.uint8], box: Box) -> bytes:
    """Return a (H, W) map, possibly empty, and a box as bytes.

    Examples
    --------
    >>> unpack(pack(np.full((2, 3), 7, np.uint8), Box(4, 5, 3, 2)), Box(4, 5, 3, 2)).tolist()
    [[7, 7, 7], [7, 7, 7]]
    """
    height, width = values.shape
    content = imagecodecs.zstd_encode(values.tobytes(), level=_ZSTD_LEVEL) if values.size else b""
    header = (box.x, box.y, box.width, box.height, height, width, zlib.crc32(content))
    return _HEADER.pack(_MAGIC, *header) + content


def is_whole(packed: bytes, box: Box) -> bool:
    """Say whether these are all the bytes that `pack` made for this box."""
    if len(packed) < _HEADER.size:
        return False
    magic, x, y, width, height, _, _, checksum = _HEADER.unpack_from(packed)
    return (
        magic == _MAGIC and Box(x, y, width, height) == box and zlib.crc32(packed[_HEADER.size :]) == checksum
    )


def unpack(packed: bytes, box: Box) -> NDArray[np.uint8] | None:
    """Return the map, read-only; None when `is_whole` denies it."""
    if not is_whole(packed, box):
        return None
    height, width = _HEADER.unpack_from(packed)[5:7]
    content = packed[_HEADER.size :]
    values = imagecodecs.zstd_decode(content) if content else b""
    return np.frombuffer(values, np.uint8).reshape(height, width)
