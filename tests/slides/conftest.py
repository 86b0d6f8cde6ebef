from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

MIRAX_ID = "0123456789abcdef0123456789abcdef"

MIRAX_SLIDEDAT = f"""[GENERAL]
SLIDE_ID = {MIRAX_ID}
IMAGENUMBER_X = 1
IMAGENUMBER_Y = 1
OBJECTIVE_MAGNIFICATION = 20

[HIERARCHICAL]
HIER_COUNT = 1
NONHIER_COUNT = 0
INDEXFILE = Index.dat
HIER_0_NAME = Slide zoom level
HIER_0_COUNT = 1
HIER_0_VAL_0_SECTION = LEVEL_0

[DATAFILE]
FILE_COUNT = 1
FILE_0 = Data0000.dat

[LEVEL_0]
OVERLAP_X = 0
OVERLAP_Y = 0
MICROMETER_PER_PIXEL_X = 0.5
MICROMETER_PER_PIXEL_Y = 0.5
IMAGE_FILL_COLOR_BGR = 16777215
DIGITIZER_WIDTH = {{width}}
DIGITIZER_HEIGHT = {{height}}
IMAGE_CONCAT_FACTOR = 0
IMAGE_FORMAT = JPEG
"""


@pytest.fixture
def rgb() -> np.ndarray:
    """A smooth picture without a period, (320, 240, 3) uint8: no shift, turn or other copy looks alike."""
    coarse = np.random.default_rng(0).integers(20, 236, (14, 10, 3)).astype(np.uint8)
    return cv2.resize(coarse, (240, 320), interpolation=cv2.INTER_LINEAR)


@pytest.fixture
def other_rgb() -> np.ndarray:
    """Another picture, half as wide and high."""
    coarse = np.random.default_rng(1).integers(20, 236, (7, 5, 3)).astype(np.uint8)
    return cv2.resize(coarse, (120, 160), interpolation=cv2.INTER_LINEAR)


@pytest.fixture
def write_mirax() -> Callable[[Path, np.ndarray], None]:
    """Writes the smallest MIRAX slide: ``path``, which names it, and a folder beside it with its one tile."""
    return _write_mirax


def _write_mirax(path: Path, rgb: np.ndarray) -> None:
    height, width = rgb.shape[:2]
    folder = path.with_suffix("")
    folder.mkdir(parents=True)
    path.write_bytes(b"\xff\xd8\xff\xd9")
    jpeg = io.BytesIO()
    Image.fromarray(rgb).save(jpeg, "JPEG", quality=95)
    (folder / "Slidedat.ini").write_text(MIRAX_SLIDEDAT.format(width=width, height=height), encoding="utf-8")
    (folder / "Data0000.dat").write_bytes(jpeg.getvalue())
    head = b"01.02" + MIRAX_ID.encode()
    levels = len(head) + 8  # behind the places of the two tables of contents
    first = levels + 4
    page = first + 8
    content = struct.pack("<2i", levels, 0) + struct.pack("<i", first) + struct.pack("<2i", 0, page)
    content += struct.pack("<6i", 1, 0, 0, 0, len(jpeg.getvalue()), 0)  # one image: its number, place, file
    (folder / "Index.dat").write_bytes(head + content)
