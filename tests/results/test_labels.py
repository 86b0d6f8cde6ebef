"""Label maps on disk: which format is written, what resolution they have, and where they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acinus.core.errors import InputError, MppError
from acinus.core.geometry import Box, Size
from acinus.results.labels import open_label_file, write_labels
from acinus.results.ngff import LabelPyramid
from acinus.results.record import Origin, write_record
from acinus.results.writing import new_result
from acinus.slides.label_image import read_labels

LABELS = np.zeros((60, 80), np.int32)
LABELS[10:30, 10:30] = 1
LABELS[35:55, 40:70] = 2


def zarr_of(folder: Path) -> Path:
    pyramid = LabelPyramid(folder / "labels.zarr", size=Size(80, 60), mpp=2.5, native_mpp=0.5)
    pyramid.base.add(Box(0, 0, 80, 60), LABELS)
    pyramid.finish()
    return folder / "labels.zarr"


@pytest.mark.parametrize(("glands", "name"), [(65_535, "labels.png"), (65_536, "labels.tif")])
def test_more_glands_than_sixteen_bits_count_are_written_as_a_tiff(tmp_path, glands, name):
    labels = np.zeros((300, 300), np.int32)
    labels.flat[:glands] = np.arange(1, glands + 1)
    labels = labels.repeat(2, axis=0).repeat(2, axis=1)  # 4 px each
    path = write_labels(tmp_path, labels, mpp=0.5)
    assert path.name == name
    assert np.array_equal(read_labels(path), labels)


def test_a_png_bears_its_resolution_in_dots_per_inch(tmp_path):
    with Image.open(write_labels(tmp_path, LABELS, mpp=0.5)) as image:
        assert image.info["dpi"] == pytest.approx((50_800, 50_800), rel=1e-4)


def test_an_image_s_map_is_read_in_parts_and_its_pixels_are_those_of_level_0(tmp_path, image_record):
    file = write_labels(tmp_path, LABELS, mpp=0.5)
    write_record(tmp_path, image_record(mpp=0.62))
    opened = open_label_file(file)
    assert (opened.size, opened.mpp, opened.pixels_per_level0) == (Size(80, 60), 0.62, 1.0)
    assert np.array_equal(opened.read(Box(20, 25, 30, 20)), LABELS[25:45, 20:50])
    assert np.array_equal(opened.whole(), LABELS)


@pytest.mark.parametrize(
    "labels",
    [
        np.repeat([[1, 2]], 20, axis=0).repeat(10, axis=1),  # no pixel of background
        np.where(LABELS == 2, 7, 0),  # one gland, whose number is not 1
    ],
)
def test_a_result_s_own_map_is_read_as_it_was_written(tmp_path, labels):
    folder = tmp_path / "tile"
    with new_result(folder) as new:
        write_labels(new, labels.astype(np.int32), mpp=0.5)
    assert np.array_equal(open_label_file(folder / "labels.png", mpp=0.5).whole(), labels)


def test_a_slide_s_map_has_the_working_resolution_and_says_where_it_lies(tmp_path, image_record):
    file = zarr_of(tmp_path)
    origin = Origin(name="bounds", x_px=90, y_px=80)
    write_record(tmp_path, image_record(kind="slide", mpp=0.5, working_mpp=2.5, origin=origin))
    opened = open_label_file(file)
    assert (opened.mpp, opened.pixels_per_level0, opened.origin_px) == (2.5, 0.2, (90.0, 80.0))
    assert np.array_equal(opened.whole(), LABELS)
    assert np.array_equal(opened.read(Box(5, 7, 40, 50)), LABELS[7:57, 5:45])


def test_a_given_resolution_replaces_that_of_the_record_and_not_the_place(tmp_path, image_record):
    file = zarr_of(tmp_path)
    write_record(tmp_path, image_record(kind="slide", mpp=0.5, working_mpp=2.5))
    opened = open_label_file(file, mpp=2.0)
    assert (opened.mpp, opened.pixels_per_level0) == (2.0, 0.2)


def test_without_a_record_a_map_has_no_resolution_and_a_slide_s_no_place(tmp_path):
    image = open_label_file(write_labels(tmp_path, LABELS, mpp=0.5))
    assert (image.mpp, image.pixels_per_level0) == (None, 1.0)
    slide = open_label_file(zarr_of(tmp_path))
    assert (slide.mpp, slide.pixels_per_level0) == (None, None)


def test_a_damaged_record_matters_only_where_it_is_asked(tmp_path):
    file = write_labels(tmp_path, LABELS, mpp=0.5)
    (tmp_path / "image.json").write_text("{")
    with pytest.raises(MppError, match=r"image\.json is damaged .*, or pass --mpp$"):
        open_label_file(file)
    assert open_label_file(file, mpp=0.5).mpp == 0.5


def test_an_absurd_resolution_is_refused(tmp_path):
    with pytest.raises(MppError, match="gives 30 µm/px"):
        open_label_file(write_labels(tmp_path, LABELS, mpp=0.5), mpp=30.0)


def test_a_folder_of_that_name_that_is_no_label_map_is_refused(tmp_path):
    (tmp_path / "labels.zarr").mkdir()
    with pytest.raises(InputError, match="is damaged or no label map of a slide"):
        open_label_file(tmp_path / "labels.zarr")
