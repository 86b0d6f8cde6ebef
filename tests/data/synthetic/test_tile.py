"""Tiles: the same for the same seed, true to their labels, and hard to solve by colour."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from acinus.core.errors import UsageError
from acinus.core.image import LabelMap
from acinus.data.synthetic import SyntheticSettings, SyntheticTile, synthetic_tile, write_synthetic_tiles
from acinus.data.synthetic.stains import Stains
from acinus.data.synthetic.tile import separate
from acinus.data.synthetic.tissue import Everywhere
from acinus.data.synthetic.world import World


@pytest.fixture(scope="module")
def tiles() -> list[SyntheticTile]:
    return [synthetic_tile(seed, height_px=320, width_px=320) for seed in range(100, 112)]


def depth_um(mask: NDArray[np.bool_], mpp: float) -> NDArray[np.float32]:
    # Padded, so that the side of the image counts as an outline.
    padded = np.pad(mask.astype(np.uint8), 1)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1] * mpp, dtype=np.float32)


def optical_density(tile: SyntheticTile) -> NDArray[np.float64]:
    return -np.log10(np.maximum(tile.image.rgb, 1) / 255.0).sum(axis=-1)


def test_the_same_seed_gives_the_same_bytes() -> None:
    one, again, other = (synthetic_tile(s, height_px=120, width_px=90) for s in (5, 5, 6))
    assert one.image.rgb.tobytes() == again.image.rgb.tobytes()
    assert one.labels.tobytes() == again.labels.tobytes()
    assert one.image.rgb.tobytes() != other.image.rgb.tobytes()


def test_labels_are_one_to_n_and_every_gland_is_connected(tiles: list[SyntheticTile]) -> None:
    for tile in tiles:
        assert tile.labels.dtype == np.int32
        values = np.unique(tile.labels[tile.labels > 0])
        np.testing.assert_array_equal(values, np.arange(1, len(values) + 1))
        for value in values:
            parts, _ = cv2.connectedComponents((tile.labels == value).astype(np.uint8), connectivity=4)
            assert parts == 2


def test_some_glands_touch_and_keep_their_own_labels() -> None:
    touching = 0
    for seed in (22, 23, 43):
        labels = synthetic_tile(seed, height_px=400, width_px=500).labels
        for value in range(1, labels.max() + 1):
            grown = cv2.dilate((labels == value).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
            touching += bool(np.any(grown & (labels > 0) & (labels != value)))
    assert touching >= 2


def test_some_glands_are_cut_by_the_side_of_the_image(tiles: list[SyntheticTile]) -> None:
    cut = [t for t in tiles if t.labels[0].any() or t.labels[-1].any() or t.labels[:, 0].any()]
    assert len(cut) >= 8


def test_the_ring_of_nuclei_is_darker_than_what_it_encloses(tiles: list[SyntheticTile]) -> None:
    measured = 0
    for tile in tiles:
        density = optical_density(tile)
        for value in range(1, tile.labels.max() + 1):
            depth = depth_um(tile.labels == value, tile.image.mpp)
            edge = np.zeros_like(depth, dtype=bool)
            edge[8:-8, 8:-8] = True
            ring, core = (depth > 2) & (depth < 10) & edge, depth > 0.75 * depth.max()
            if depth.max() > 25 and ring.sum() > 500 and tile.grade == "benign":
                measured += 1
                assert density[ring].mean() > density[core].mean() + 0.2
    assert measured >= 5


def test_a_lumen_belongs_to_its_gland(tiles: list[SyntheticTile]) -> None:
    for tile in tiles:
        for value in range(1, tile.labels.max() + 1):
            mask = (tile.labels == value).astype(np.uint8)
            _, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)[-2:]
            assert np.all(hierarchy[0][:, 3] == -1), "a hole in a gland"


def test_whole_glands_are_as_wide_as_in_colon() -> None:
    widths = []
    for seed in range(3):
        labels = synthetic_tile(seed, height_px=640, width_px=640).labels
        inner = np.setdiff1d(
            np.unique(labels), np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        )
        areas = np.bincount(labels.ravel())[inner] * 0.62**2
        widths += [float(2 * np.sqrt(area / np.pi)) for area in areas]
    assert len(widths) > 8
    assert 50 < np.median(widths) < 200
    assert np.mean([40 < width < 320 for width in widths]) > 0.9


def two_means(tile: SyntheticTile) -> NDArray[np.bool_]:
    """The darker of two colour clusters."""
    pixels = cv2.GaussianBlur(tile.image.rgb, (0, 0), 2.0).reshape(-1, 3).astype(np.float32)
    start = (pixels.sum(axis=1) > np.median(pixels.sum(axis=1))).astype(np.int32)[:, None]
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.5)
    _, cluster, centres = cv2.kmeans(pixels, 2, start, stop, 1, cv2.KMEANS_USE_INITIAL_LABELS)
    return np.asarray(cluster.reshape(tile.labels.shape) == centres.sum(axis=1).argmin())


def pooled_miou(pairs: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]) -> float:
    truth, found = (np.concatenate([pair[k].ravel() for pair in pairs]) for k in (0, 1))
    ious = [np.sum(truth & found) / np.sum(truth | found), np.sum(~truth & ~found) / np.sum(~truth | ~found)]
    return float(np.mean(ious))


def test_colour_alone_does_not_find_the_glands(tiles: list[SyntheticTile]) -> None:
    dark = [(tile.labels > 0, two_means(tile)) for tile in tiles]
    best = [max([(t, f), (t, ~f)], key=lambda pair: pooled_miou([pair])) for t, f in dark]
    assert pooled_miou(dark) < 0.55
    assert pooled_miou(best) < 0.60


def test_images_differ_in_stain_unless_told_not_to() -> None:
    def stains(spread: float) -> set[Stains]:
        settings = SyntheticSettings(stain_spread=spread)
        return {World(seed=s, settings=settings, tissue=Everywhere()).stains for s in range(5)}

    assert len(stains(1.0)) == 5
    assert len(stains(0.0)) == 1


@pytest.mark.parametrize(("fraction", "grade"), [(0.0, "benign"), (1.0, "malignant")])
def test_the_grade_follows_the_share_asked_for(fraction: float, grade: str) -> None:
    settings = SyntheticSettings(malignant_fraction=fraction)
    assert {synthetic_tile(s, height_px=40, width_px=40, settings=settings).grade for s in range(4)} == {
        grade
    }


def test_half_the_resolution_shows_glands_at_half_the_size() -> None:
    sharp, coarse = (
        synthetic_tile(9, height_px=n, width_px=n, settings=SyntheticSettings(mpp=mpp)).labels > 0
        for n, mpp in ((320, 0.5), (160, 1.0))
    )
    assert np.mean(sharp[::2, ::2] == coarse) > 0.93


def test_no_glands_where_none_are_wanted() -> None:
    tile = synthetic_tile(1, height_px=100, width_px=100, settings=SyntheticSettings(gland_density=0.0))
    assert not tile.labels.any()


def test_a_gland_cut_in_two_counts_twice_and_crumbs_are_dropped() -> None:
    labels: LabelMap = np.zeros((40, 60), dtype=np.int32)
    labels[:20, :20] = labels[:20, 40:] = 7
    labels[30:34, 30:34] = 3
    parts = separate(labels, mpp=1.0)
    assert sorted(np.unique(parts)) == [0, 1, 2]
    assert parts[0, 0] != parts[0, 59]


@pytest.mark.parametrize(
    ("name", "value"), [("gland_density", 1.5), ("noise", -1.0), ("jpeg_quality", 0), ("blur_um", np.nan)]
)
def test_settings_out_of_range_are_named(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=name):
        SyntheticSettings(**{name: value})  # type: ignore[arg-type]


def test_a_tile_of_no_pixels_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 1×1"):
        synthetic_tile(1, height_px=0, width_px=10)


def test_a_folder_is_laid_out_as_glas_is(tmp_path: Path) -> None:
    images = write_synthetic_tiles(tmp_path / "tiles", count=2, seed=30, height_px=96, width_px=128)
    assert [path.name for path in images] == ["tile_000.png", "tile_001.png"]
    tile = synthetic_tile(31, height_px=96, width_px=128)
    with Image.open(images[1]) as image, Image.open(images[1].with_name("tile_001_anno.png")) as truth:
        np.testing.assert_array_equal(np.asarray(image), tile.image.rgb)
        np.testing.assert_array_equal(np.asarray(truth), tile.labels)
        assert truth.mode == "L"
        assert 25400 / image.info["dpi"][0] == pytest.approx(0.62, rel=1e-3)
    rows = (tmp_path / "tiles" / "Grade.csv").read_text().splitlines()
    assert rows[0] == "name,patient ID, grade (GlaS), grade (Sirinukunwattana et al. 2015)"
    assert rows[2].startswith(f"tile_001,31, {tile.grade}, ")
