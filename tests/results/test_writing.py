from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from acinus.core.image import RgbImage
from acinus.inference.instances import InstanceSettings
from acinus.inference.segmentation import Segmentation, segment_image
from acinus.results.labels import write_labels
from acinus.results.ownership import list_all
from acinus.results.record import ImageRecord
from acinus.results.writing import write_image_result
from acinus.slides.label_image import read_labels


class Painted:
    """A segmenter that answers with a given probability."""

    def __init__(self, probability: np.ndarray) -> None:
        self._probability = probability

    mpp = 1.0

    def probability(self, image: RgbImage) -> np.ndarray:
        assert image.shape == self._probability.shape
        return self._probability


def tissue(height: int, width: int) -> RgbImage:
    pixels = np.random.default_rng(0).integers(120, 220, (height, width, 3), dtype=np.uint8)
    return RgbImage(pixels, 1.0, "tissue")


def write(result: Segmentation, folder: Path, **notes: Any) -> ImageRecord:
    return write_image_result(
        folder,
        result.image,
        result.labels,
        result.probability,
        tissue=result.tissue,
        quality=result.quality,
        run={"command": "acinus segment"},
        **notes,
    )


def test_two_glands_that_touch_become_two_rows_two_outlines_and_two_labels(tmp_path):
    y, x = np.mgrid[:120, :200]
    discs = (np.hypot(x - 65, y - 60) < 38) | (np.hypot(x - 135, y - 60) < 38)  # they share 6 columns
    probability = np.where(discs, 0.9, 0.1).astype(np.float32)
    result = segment_image(tissue(120, 200), Painted(probability), InstanceSettings())
    assert result.gland_count == 2
    assert {int(result.labels[60, 65]), int(result.labels[60, 135])} == {1, 2}
    assert np.array_equal(result.labels > 0, discs)
    write(result, tmp_path / "out", path=Path("tissue.png"))
    assert np.array_equal(read_labels(tmp_path / "out" / "labels.png"), result.labels)
    with (tmp_path / "out" / "glands.csv").open(encoding="utf-8", newline="") as file:
        areas = [float(row["area_um2"]) for row in csv.DictReader(file)]
    assert areas == [float((result.labels == label).sum()) for label in (1, 2)]
    assert len(json.loads((tmp_path / "out" / "glands.geojson").read_text())["features"]) == 2


def test_results_replace_those_that_were_there_as_a_whole(tmp_path):
    image, labels = tissue(64, 64), np.zeros((64, 64), np.int32)
    found = Segmentation(image, labels, labels.astype(np.float32), np.ones_like(labels, dtype=np.float32))
    write(found, tmp_path / "out")
    (tmp_path / "out" / "labels.png").rename(tmp_path / "out" / "labels.tif")  # as of a run with more glands
    list_all(tmp_path / "out")
    write(found, tmp_path / "out")
    assert (tmp_path / "out" / "labels.png").exists()
    assert not (tmp_path / "out" / "labels.tif").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_more_glands_than_sixteen_bits_count_are_written_as_a_tiff(tmp_path):
    labels = np.arange(300 * 300, dtype=np.int32).reshape(300, 300).repeat(2, axis=0).repeat(2, axis=1)
    path = write_labels(tmp_path, labels, mpp=0.5)
    assert path.name == "labels.tif"
    assert np.array_equal(read_labels(path), labels)
