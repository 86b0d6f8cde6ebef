"""Label maps that are measured from disk: the tables are those of maps in memory."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from acinus.core import scratch
from acinus.core.errors import InputError
from acinus.data.synthetic import write_synthetic_tiles
from acinus.pipeline.measure import measure_files
from acinus.results.folder import read_results

SAME = ("area_um2", "perimeter_um", "lumen_area_um2", "haematoxylin_od", "nearest_gap_um")


@pytest.fixture
def pair(tmp_path):
    """A synthetic image and its true label map, in values with gaps."""
    write_synthetic_tiles(tmp_path, count=1, seed=2, height_px=300, width_px=400)
    labels = np.asarray(Image.open(tmp_path / "tile_000_anno.png")).astype(np.uint32) * 70_000
    tifffile.imwrite(tmp_path / "labels.tif", labels, tile=(64, 64), compression="zlib")
    return tmp_path / "labels.tif", tmp_path / "tile_000.png"


def test_a_map_on_disk_gives_the_same_table(pair, tmp_path, monkeypatch):
    small = measure_files(*pair, out=tmp_path / "small" / "a", mpp=0.5)
    monkeypatch.setattr(scratch, "LARGEST_IN_MEMORY_PX", 1000)
    monkeypatch.setattr(scratch, "_BAND_PX", 400 * 50)
    large = measure_files(*pair, out=tmp_path / "large" / "a", mpp=0.5)
    assert large.glands == small.glands > 3
    [one], [other] = (read_results(tmp_path / name).images for name in ("small", "large"))
    assert np.array_equal(one.glands["label"], other.glands["label"])
    for column in SAME:
        assert np.asarray(one.glands[column]) == pytest.approx(np.asarray(other.glands[column]), nan_ok=True)
    assert other.record.gland_area_fraction == one.record.gland_area_fraction
    assert other.record.tissue_area_um2 == pytest.approx(one.record.tissue_area_um2, rel=0.05)


def test_a_jpeg_of_a_label_map_is_refused_before_the_image_is_read(pair, tmp_path):
    Image.open(tmp_path / "tile_000_anno.png").convert("L").point(lambda value: value * 9).save(
        tmp_path / "labels.jpg"
    )
    with pytest.raises(InputError, match=r"labels\.jpg is compressed as JPEG is"):
        measure_files(tmp_path / "labels.jpg", tmp_path / "absent.png", out=tmp_path / "out")
