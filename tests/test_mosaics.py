"""Mosaics of images as slides: what `benchmarks/slides/mosaics.py` draws and cuts out again."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from acinus.core.geometry import Box, Size
from acinus.data.sample import Sample
from acinus.results.labels import LabelFile
from acinus.slides import open_slide

from .script import script

SIZES = (Size(90, 60), Size(120, 50), Size(80, 80))


@pytest.fixture(scope="module")
def mosaics() -> ModuleType:
    return script("benchmarks/slides/mosaics.py")


@pytest.fixture
def samples(tmp_path) -> list[Sample]:
    """Two images of patient 10, one of patient 2."""
    rng = np.random.default_rng(0)
    found = []
    for number, (size, patient) in enumerate(zip(SIZES, ("10", "10", "2"), strict=True)):
        path = tmp_path / f"{number}.png"
        Image.fromarray(rng.integers(0, 256, (size.height, size.width, 3), dtype=np.uint8)).save(path)
        found.append(Sample(f"image_{number}", path, mpp=0.62, patient=patient))
    return found


def test_images_lie_apart_in_cells_as_large_as_the_largest(mosaics, samples):
    mosaic = mosaics.laid_out("one", samples, SIZES, margin_px=10)
    assert mosaic.places == (Box(10, 10, 90, 60), Box(140, 10, 120, 50), Box(10, 100, 80, 80))
    assert mosaic.size == Size(10 + 2 * 130, 10 + 2 * 90)


def test_a_slide_for_each_patient_shows_the_images_themselves_and_glass(mosaics, samples, tmp_path):
    drawn = list(mosaics.mosaics(samples, tmp_path / "slides"))
    assert [mosaic.name for mosaic in drawn] == ["patient_2", "patient_10"]
    assert [len(mosaic.samples) for mosaic in drawn] == [1, 2]
    with open_slide(tmp_path / "slides" / "patient_10.tif") as slide:
        assert slide.mpp == pytest.approx(0.62)
        assert len(slide.levels) > 1
        whole = slide.read(Box(0, 0, slide.size.width, slide.size.height), mpp=slide.mpp)
    glass = np.ones(whole.shape[:2], bool)
    for sample, place in zip(drawn[1].samples, drawn[1].places, strict=True):
        here = np.s_[place.y : place.bottom, place.x : place.right]
        assert np.array_equal(whole[here], sample.image().rgb)
        assert glass[here].all()  # no image lies on another
        glass[here] = False
    assert (whole[glass] == mosaics.GLASS).all()
    assert glass[:161].all()  # 100 µm
    assert glass[:, -161:].all()


def test_what_is_drawn_is_not_drawn_again(mosaics, samples, tmp_path):
    list(mosaics.mosaics(samples, tmp_path))
    before = (tmp_path / "patient_2.tif").stat().st_mtime_ns
    list(mosaics.mosaics(samples, tmp_path))
    assert (tmp_path / "patient_2.tif").stat().st_mtime_ns == before


def test_labels_of_a_slide_are_cut_back_at_the_pixels_of_an_image(mosaics):
    labels = np.arange(12, dtype=np.int32).reshape(3, 4)  # half as fine as the slide of 8 × 6 px
    found = LabelFile(
        Path("labels.zarr"),
        Size(4, 3),
        1.24,
        lambda box: labels[box.y : box.bottom, box.x : box.right],
        pixels_per_level0=0.5,
    )
    cut = mosaics.cut_out(found, Box(3, 2, 4, 3))
    assert cut.tolist() == [[5, 6, 6, 7], [5, 6, 6, 7], [9, 10, 10, 11]]
