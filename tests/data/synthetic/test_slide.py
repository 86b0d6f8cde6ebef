"""Slides: the same picture however it is cut, readable by others, and never whole in memory."""

import tracemalloc
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile

from acinus.core.errors import UsageError
from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray
from acinus.data.synthetic import SyntheticSettings, synthetic_region, write_synthetic_slide
from acinus.data.synthetic.pyramid import write_pyramid
from acinus.data.synthetic.slide import _Plan, _Slide

SIDE = 1400
SLIDE = _Plan(7, SIDE, SIDE, SyntheticSettings(), 0.5, 1)


@pytest.fixture(scope="module")
def lossless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slide") / "slide.tif"
    return write_synthetic_slide(
        path, seed=7, width_px=SIDE, height_px=SIDE, tissue_fraction=0.5, tile_px=256, lossless=True
    )


def region(box: Box) -> RgbArray:
    return synthetic_region(7, box, width_px=SIDE, height_px=SIDE, tissue_fraction=0.5).image.rgb


def test_the_tile_size_of_the_file_does_not_change_the_picture(lossless: Path, tmp_path: Path) -> None:
    other = write_synthetic_slide(
        tmp_path / "other.tif",
        seed=7,
        width_px=SIDE,
        height_px=SIDE,
        tissue_fraction=0.5,
        tile_px=608,
        lossless=True,
    )
    np.testing.assert_array_equal(tifffile.imread(lossless, level=0), tifffile.imread(other, level=0))


def test_a_region_is_what_the_file_shows_there(lossless: Path) -> None:
    box = Box(901, 333, 260, 207)
    shown = tifffile.imread(lossless, level=0)[box.y : box.bottom, box.x : box.right]
    np.testing.assert_array_equal(region(box), shown)


def test_blocks_meet_without_a_seam() -> None:
    # The block border at 1024 runs through the box; drawn at once, only rounding may differ.
    box = Box(930, 600, 190, 150)
    across = _Slide(SLIDE)._drawn(box).astype(int)
    difference = np.abs(across - region(box))
    assert difference.max() <= 1
    assert np.mean(difference > 0) < 1e-3


def test_the_truth_of_a_part_is_the_part_of_the_truth() -> None:
    whole, part = Box(300, 300, 700, 600), Box(420, 480, 300, 260)
    slide = _Slide(SLIDE)
    large, _ = slide.world.truth(whole)
    small, _ = _Slide(SLIDE).world.truth(part)
    cut = large[180:440, 120:420]
    assert small.max() > 2
    pairs = np.unique(np.stack([small.ravel(), cut.ravel()]), axis=1)
    assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]


def test_levels_halve_and_keep_the_resolution(lossless: Path) -> None:
    with tifffile.TiffFile(lossless) as file:
        shapes = [level.shape for level in file.series[0].levels]
        assert shapes == [(1400, 1400, 3), (700, 700, 3), (350, 350, 3), (175, 175, 3)]
        top, half = (file.series[0].levels[k].asarray().astype(int) for k in (0, 1))
        per_cm = [page.tags["XResolution"].value for page in file.pages]
        mpp = [1e4 * below / above for above, below in per_cm]
    mean = (top.reshape(700, 2, 700, 2, 3).sum(axis=(1, 3)) + 2) // 4
    np.testing.assert_array_equal(half, mean)
    assert mpp == pytest.approx([0.62, 1.24, 2.48, 4.96], rel=1e-6)


def test_openslide_reads_levels_resolution_and_pixels_of_jpeg_tiles(tmp_path: Path) -> None:
    path = write_synthetic_slide(tmp_path / "j.tif", seed=7, width_px=600, height_px=500, tile_px=128)
    with openslide.OpenSlide(path) as slide:
        assert slide.level_dimensions == ((600, 500), (300, 250), (150, 125), (75, 63))
        assert float(slide.properties["openslide.mpp-x"]) == pytest.approx(0.62)
        seen = np.asarray(slide.read_region((200, 150), 0, (200, 180)))[..., :3].astype(int)
    truth = synthetic_region(7, Box(200, 150, 200, 180), width_px=600, height_px=500).image.rgb
    assert np.abs(seen - truth).mean() < 8
    np.testing.assert_array_equal(tifffile.imread(path)[150:330, 200:400], seen)


def test_empty_glass_is_one_colour() -> None:
    corner = region(Box(0, 0, 40, 40))
    assert len(np.unique(corner.reshape(-1, 3), axis=0)) == 1


def test_a_large_slide_is_never_whole_in_memory(tmp_path: Path) -> None:
    # 20,000² pixels are 1.2 GB; one small piece of tissue is drawn.
    tracemalloc.start()
    path = write_synthetic_slide(
        tmp_path / "large.tif", seed=2, width_px=20_000, height_px=20_000, tissue_fraction=0.0006
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 400e6
    assert path.stat().st_size < 10e6
    with tifffile.TiffFile(path) as file:
        assert file.series[0].levels[0].shape == (20_000, 20_000, 3)
        smallest = file.series[0].levels[-1].asarray()
    assert smallest.std() > 1


def test_pyramids_of_odd_sizes_go_down_to_one_tile(tmp_path: Path) -> None:
    def draw(box: Box) -> RgbArray | None:
        if box.x == 0:
            return None
        return np.full((box.height, box.width, 3), 10, dtype=np.uint8)

    write_pyramid(
        tmp_path / "p.tif",
        draw,
        size=Size(101, 37),
        tile_px=32,
        mpp=0.5,
        blank=(250, 240, 230),
        jpeg_quality=None,
        description="two colours",
    )
    with tifffile.TiffFile(tmp_path / "p.tif") as file:
        levels = [level.asarray() for level in file.series[0].levels]
        assert file.pages.first.description == "two colours"
    assert [level.shape[:2] for level in levels] == [(37, 101), (19, 51), (10, 26)]
    for level, border in zip(levels, (32, 16, 8), strict=True):
        assert np.all(level[:, :border] == (250, 240, 230))
        assert np.all(level[:, border:] == 10)


@pytest.mark.parametrize(
    ("wrong", "word"), [({"width_px": 0}, "at least"), ({"tissue_fraction": 0.9}, "tissue_fraction"),
                        ({"tile_px": 100}, "tile_px"), ({"pieces": 0}, "pieces")],
)  # fmt: skip
def test_what_no_slide_can_be_is_refused(wrong: dict[str, float], word: str, tmp_path: Path) -> None:
    wanted = {"seed": 1, "width_px": 64, "height_px": 64} | wrong
    with pytest.raises(UsageError, match=word):
        write_synthetic_slide(tmp_path / "no.tif", **wanted)  # type: ignore[arg-type]
