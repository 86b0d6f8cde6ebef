from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imagecodecs import zstd_encode

from acinus.core.errors import OutputError
from acinus.core.geometry import Box, Size
from acinus.core.image import RgbImage
from acinus.inference.slide.plan import WindowPlan
from acinus.inference.slide.store import WindowStore

from .in_memory import (
    ArraySlide,
    Brightest,
    BrightestWithDepth,
    all_tissue,
    computed,
    grid_of,
    noise,
    tissue_in,
)

PLAN = WindowPlan(grid_of(40, 60), window_px=32, halo_px=8, blend_px=8)


def filled(folder: Path, plan: WindowPlan = PLAN, *, cache_bytes: int = 10**6) -> WindowStore:
    """Return a store whose windows hold random values, nothing of what overlaps agreeing."""
    store, rng = WindowStore(folder, plan, cache_bytes=cache_bytes), np.random.default_rng(1)
    for window in plan.windows():
        store.write(window, rng.integers(0, 256, (window.kept.height, window.kept.width), dtype=np.uint8))
    return store


def window_file(folder: Path) -> Path:
    return sorted(folder.glob("*.window"))[0]


@settings(max_examples=60)
@given(st.data())
def test_a_network_that_looks_around_a_little_gives_the_same_whatever_the_windows(data: st.DataObject):
    height, width = data.draw(st.integers(1, 120)), data.draw(st.integers(1, 120))
    window = 8 * data.draw(st.integers(3, 16))
    blend = 2 * data.draw(st.integers(1, 12))
    reach = data.draw(st.integers(0, 6))
    plan = WindowPlan(
        grid_of(height, width),
        window_px=window,
        halo_px=-(-(reach + blend // 2) // 8) * 8,
        blend_px=blend,
        shift_px=8 * data.draw(st.integers(0, window // 8 - 1)),
    )
    slide, segmenter, tissue = ArraySlide(noise(height, width)), Brightest(reach), all_tissue(plan.grid)
    with tempfile.TemporaryDirectory() as folder:
        whole = computed(Path(folder), slide, segmenter, plan, tissue).read(plan.grid.box)
    expected = np.rint(Brightest(reach).probability(RgbImage(slide.rgb, mpp=slide.mpp)) * 255)
    assert np.array_equal(whole, expected)


@pytest.mark.parametrize("sizes", [(32, 8, 8, 0), (24, 16, 12, 16), (64, 8, 2, 40)])
def test_depth_is_that_of_the_whole_slide_whatever_the_windows(tmp_path: Path, sizes: tuple[int, ...]):
    window, halo, blend, shift = sizes
    plan = WindowPlan(grid_of(90, 70), window_px=window, halo_px=halo, blend_px=blend, shift_px=shift)
    slide, segmenter = ArraySlide(noise(90, 70)), BrightestWithDepth(2)
    store = computed(tmp_path, slide, segmenter, plan, all_tissue(plan.grid), tells_depth=True)
    whole = segmenter.gland_maps(RgbImage(slide.rgb, mpp=slide.mpp))
    assert whole.depth is not None
    assert not np.array_equal(whole.depth, whole.probability)
    found = store.read_depth(plan.grid.box)
    assert found is not None
    assert np.array_equal(found, np.rint(whole.depth * 255))
    assert np.array_equal(store.read(plan.grid.box), np.rint(whole.probability * 255))
    part = store.read_depth(Box(20, 30, 41, 17))
    assert part is not None
    assert np.array_equal(part, found[30:47, 20:61])


def test_depth_is_0_away_from_tissue(tmp_path: Path):
    plan, slide = WindowPlan(grid_of(64, 64), window_px=32), ArraySlide(np.full((64, 64, 3), 200, np.uint8))
    tissue = tissue_in(Box(0, 0, 20, 20), plan.grid)
    store = computed(tmp_path, slide, BrightestWithDepth(0), plan, tissue, tells_depth=True)
    depth = store.read_depth(plan.grid.box)
    assert depth is not None
    assert np.array_equal(depth > 0, tissue.mask_of(plan.grid.box))


def test_windows_with_a_depth_and_without_are_absent_to_each_other(tmp_path: Path):
    window = PLAN.window(0, 0)
    values = np.full((window.kept.height, window.kept.width), 9, np.uint8)
    without = WindowStore(tmp_path, PLAN)
    with_depth = WindowStore(tmp_path, PLAN, depth=True)
    without.write(window, values)
    assert (without.has(window), with_depth.has(window)) == (True, False)
    assert without.read_depth(window.core) is None
    with pytest.raises(OutputError, match="run the same command again"):
        with_depth.read_depth(window.core)
    with_depth.write(window, values, values)
    assert (without.has(window), with_depth.has(window)) == (False, True)
    with_depth.write_empty(window)
    without.write_empty(PLAN.window(1, 0))
    assert (without.has(window), with_depth.has(window)) == (False, True)
    assert with_depth.has(PLAN.window(1, 0)) is False


def test_a_depth_belongs_into_a_store_that_holds_it_and_only_there(tmp_path: Path):
    window = PLAN.window(0, 0)
    values = np.zeros((window.kept.height, window.kept.width), np.uint8)
    with pytest.raises(ValueError, match="a depth belongs"):
        WindowStore(tmp_path, PLAN).write(window, values, values)
    with pytest.raises(ValueError, match="a depth belongs"):
        WindowStore(tmp_path, PLAN, depth=True).write(window, values)


def test_a_depth_is_kept_where_no_probability_is(tmp_path: Path):
    store, window = WindowStore(tmp_path, PLAN, depth=True), PLAN.window(0, 0)
    nothing = np.zeros((window.kept.height, window.kept.width), np.uint8)
    store.write(window, nothing, nothing + 5)
    depth = store.read_depth(Box(0, 0, 20, 20))
    assert depth is not None
    assert (depth == 5).all()
    assert not store.read(Box(0, 0, 20, 20)).any()


def test_windows_that_disagree_are_blended_without_a_step(tmp_path: Path):
    """As a network does that looks at all of a window: one says 0 everywhere, the other 1."""
    plan = WindowPlan(grid_of(8, 64), window_px=32, halo_px=16, blend_px=16)
    store = WindowStore(tmp_path, plan)
    for window, value in zip(plan.windows(), (0, 255), strict=True):
        store.write(window, np.full((window.kept.height, window.kept.width), value, np.uint8))
    row = store.read(plan.grid.box)[3].astype(int)
    assert row[:24].max() == 0
    assert row[40:].min() == 255
    assert np.diff(row).min() >= 0
    assert np.diff(row).max() < 255 * 1.6 / 16  # a raised cosine is at most π/2 times as steep as a ramp
    assert np.abs(row + row[::-1] - 255).max() <= 1


@pytest.fixture(scope="module")
def random_store(tmp_path_factory: pytest.TempPathFactory) -> WindowStore:
    return filled(tmp_path_factory.mktemp("random"))


@given(st.integers(0, 59), st.integers(0, 39), st.integers(0, 60), st.integers(0, 40))
def test_a_box_is_a_part_of_the_whole(random_store: WindowStore, x: int, y: int, width: int, height: int):
    box = Box(x, y, min(width, 60 - x), min(height, 40 - y))
    part = random_store.read(box)
    assert part.dtype == np.uint8
    assert np.array_equal(part, random_store.read(PLAN.grid.box)[y : y + box.height, x : x + box.width])


@pytest.mark.parametrize("cache_bytes", [0, 2000])
def test_a_small_cache_changes_nothing(tmp_path: Path, cache_bytes: int):
    large, small = filled(tmp_path), WindowStore(tmp_path, PLAN, cache_bytes=cache_bytes)
    for _ in range(2):
        assert np.array_equal(small.read(PLAN.grid.box), large.read(PLAN.grid.box))


def test_a_store_is_as_large_as_its_grid(tmp_path: Path):
    assert WindowStore(tmp_path / "new" / "folder", PLAN).size == Size(60, 40)


def test_a_window_written_again_is_read_anew(tmp_path: Path):
    store = filled(tmp_path)
    store.read(PLAN.grid.box)
    for window in PLAN.windows():
        store.write(window, np.full((window.kept.height, window.kept.width), 7, np.uint8))
    assert (store.read(PLAN.grid.box) == 7).all()


def test_a_window_without_glands_takes_next_to_nothing_and_counts_as_done(tmp_path: Path):
    store = WindowStore(tmp_path, PLAN)
    for window in PLAN.windows():
        assert not store.has(window)
        store.write(window, np.zeros((window.kept.height, window.kept.width), np.uint8))
        assert store.has(window)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 4 * 100
    assert not store.read(PLAN.grid.box).any()


@pytest.mark.parametrize("kept_bytes", [0, 10, 60, 200, -1])
def test_a_truncated_window_is_absent(tmp_path: Path, kept_bytes: int):
    filled(tmp_path)
    path = window_file(tmp_path)
    path.write_bytes(path.read_bytes()[:kept_bytes])
    store = WindowStore(tmp_path, PLAN)
    assert [store.has(window) for window in PLAN.windows()] == [False, True, True, True]
    with pytest.raises(OutputError, match="run the same command again"):
        store.read(PLAN.grid.box)
    assert store.read(Box(36, 0, 24, 40)).any()  # where it is not needed


def test_a_flipped_bit_is_noticed(tmp_path: Path):
    filled(tmp_path)
    path = window_file(tmp_path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    assert not WindowStore(tmp_path, PLAN).has(PLAN.window(0, 0))


def test_windows_of_another_plan_are_absent(tmp_path: Path):
    filled(tmp_path)
    other = WindowPlan(grid_of(40, 60), window_px=32, halo_px=8, blend_px=6)
    store = WindowStore(tmp_path, other)
    assert not any(store.has(window) for window in other.windows())


def test_what_is_not_the_kept_part_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="keeps"):
        WindowStore(tmp_path, PLAN).write(PLAN.window(0, 0), np.zeros((32, 32), np.uint8))


def test_a_full_disk_ends_in_one_line_and_leaves_what_was_whole(small_disk: Callable[[str], Path]):
    folder = small_disk("64k")
    plan = WindowPlan(grid_of(256, 512))
    with pytest.raises(OutputError, match="no space left"):
        filled(folder, plan)
    assert list(folder.iterdir()) == []
    store = filled(small_disk("1m"), plan)
    assert all(store.has(window) for window in plan.windows())


def coloured(folder: Path, plan: WindowPlan = PLAN) -> WindowStore:
    """Return a store whose windows hold random values of which only the colours agree where they overlap."""
    store, rng = WindowStore(folder, plan, colours=folder / "colours"), np.random.default_rng(2)
    for window in plan.windows():
        shape, box = (window.kept.height, window.kept.width), window.kept
        colours = COLOURS[:, box.y : box.bottom, box.x : box.right]
        store.write(window, rng.integers(0, 256, shape, dtype=np.uint8))
        store.write_colours(window, colours)
    return store


COLOURS = np.random.default_rng(3).integers(0, 256, (3, 40, 60), dtype=np.uint8)


@pytest.fixture(scope="module")
def coloured_store(tmp_path_factory: pytest.TempPathFactory) -> WindowStore:
    return coloured(tmp_path_factory.mktemp("coloured"))


@given(st.integers(0, 59), st.integers(0, 39), st.integers(0, 60), st.integers(0, 40))
def test_colours_are_read_as_they_were_written(
    coloured_store: WindowStore, x: int, y: int, width: int, height: int
):
    box = Box(x, y, min(width, 60 - x), min(height, 40 - y))
    assert np.array_equal(coloured_store.read_colours(box), COLOURS[:, y : box.bottom, x : box.right])
    part = coloured_store.read(PLAN.grid.box)[y : box.bottom, x : box.right]
    assert np.array_equal(coloured_store.read(box), part)


def test_colours_are_kept_where_no_gland_is(tmp_path: Path):
    store, window = WindowStore(tmp_path, PLAN, colours=tmp_path / "colours"), PLAN.window(0, 0)
    kept = window.kept
    store.write(window, np.zeros((kept.height, kept.width), np.uint8))
    store.write_colours(window, COLOURS[:, : kept.height, : kept.width])
    assert np.array_equal(store.read_colours(window.core), COLOURS[:, :32, :32])
    assert not store.read(Box(0, 0, 20, 20)).any()


def test_a_store_that_holds_colours_has_what_has_both(tmp_path: Path):
    coloured(tmp_path)
    window, other = PLAN.window(0, 0), PLAN.window(1, 0)
    alone = WindowStore(tmp_path, PLAN)
    assert all(alone.has(each) for each in PLAN.windows())
    whole = WindowStore(tmp_path, PLAN, colours=tmp_path / "colours")
    window_file(tmp_path / "colours").unlink()
    assert (whole.has(window), whole.has_probability(window)) == (False, True)
    assert whole.has(other)
    window_file(tmp_path).unlink()
    whole.write_colours(window, np.zeros((3, window.kept.height, window.kept.width), np.uint8))
    assert (whole.has(window), whole.has_probability(window)) == (False, False)
    with pytest.raises(OutputError, match="run the same command again"):
        whole.read(window.core)
    assert not whole.read_colours(window.core).any()


def test_colours_without_their_probability_are_no_probability(tmp_path: Path):
    store = WindowStore(tmp_path, PLAN, colours=tmp_path / "colours")
    store.write_empty(PLAN.window(0, 0))
    swapped = WindowStore(tmp_path / "colours", PLAN)
    assert not swapped.has(PLAN.window(0, 0))


def test_a_window_of_an_older_format_is_absent(tmp_path: Path):
    store, window = filled(tmp_path), PLAN.window(0, 0)
    content = zstd_encode(bytes(window.kept.height * window.kept.width))
    box = (window.kept.x, window.kept.y, window.kept.width, window.kept.height)
    header = struct.pack(
        "<8s6qI", b"acinus1\n", *box, window.kept.height, window.kept.width, zlib.crc32(content)
    )
    window_file(tmp_path).write_bytes(header + content)
    assert not store.has(window)
    assert store.has(PLAN.window(1, 0))


def test_colours_of_another_shape_are_refused(tmp_path: Path):
    window = PLAN.window(0, 0)
    colours = np.zeros((3, window.kept.height, window.kept.width), np.uint8)
    store = WindowStore(tmp_path, PLAN, colours=tmp_path / "colours")
    for wrong in (colours[:2], colours[:, 1:], colours[0]):
        with pytest.raises(ValueError, match="keeps"):
            store.write_colours(window, wrong)
