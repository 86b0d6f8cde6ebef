"""Damaged files of labels and outlines: one line, never a traceback, no more space than they are worth."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from acinus.core import scratch
from acinus.core.errors import AcinusError, InputError
from acinus.glands.features import read_annotations
from acinus.slides.label_image import read_labels

LABELS = np.kron(np.arange(12, dtype=np.uint8).reshape(3, 4), np.ones((9, 8), np.uint8))
NAMES = ("zlib.tif", "tiled.tif", "palette.png", "labels.png", "labels.bmp", "mask.jpg", "outlines.geojson")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The content of a file of every kind."""
    folder = tmp_path_factory.mktemp("whole")
    tifffile.imwrite(folder / "zlib.tif", LABELS, compression="zlib")
    tifffile.imwrite(folder / "tiled.tif", LABELS.astype(np.uint32), tile=(16, 16))
    for name in ("labels.png", "labels.bmp"):
        Image.fromarray(LABELS).save(folder / name)
    palette = Image.fromarray(LABELS)
    palette.putpalette(list(range(36)))
    palette.save(folder / "palette.png")
    Image.fromarray((LABELS > 5) * np.uint8(255)).save(folder / "mask.jpg")
    square = {"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]]}
    feature = {"type": "Feature", "geometry": square, "properties": {"classification": {"name": "Gland"}}}
    (folder / "outlines.geojson").write_text(json.dumps({"features": [feature] * 3}))
    return {name: (folder / name).read_bytes() for name in NAMES}


def told(path: Path) -> str:
    """Return what is said of a file, nothing if it is read; only errors of ours may come."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd metadata, which files from elsewhere have
        try:
            read_annotations(path) if path.suffix == ".geojson" else read_labels(path)
        except AcinusError as error:
            return str(error)
    return ""


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_with_wrong_bytes_or_without_its_end_is_read_or_refused(whole, tmp_path, name, data):
    content = bytearray(whole[name])
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, min(len(content), 400) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path / name
    path.write_bytes(
        content[: data.draw(st.integers(1, len(content)))] if data.draw(st.booleans()) else content
    )
    assert len(told(path).splitlines()) <= 1


def test_a_header_that_promises_more_than_the_file_holds_takes_no_space(whole, tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    path.write_bytes(whole["zlib.tif"])
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags["ImageLength"].overwrite(100_000)
        file.pages[0].tags["RowsPerStrip"].overwrite(27)
    monkeypatch.setattr(scratch, "LARGEST_IN_MEMORY_PX", 0)
    monkeypatch.setattr(scratch.os, "posix_fallocate", None)  # whoever asked for space would fail here
    with pytest.raises(InputError, match=r"a\.tif is damaged or truncated"):
        read_labels(path)
