from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acinus.core.geometry import Box
from acinus.inference.refinement import RefinementSettings
from acinus.inference.slide.plan import WindowPlan, plan_windows
from acinus.networks.pspnet import PSPNetSpec
from acinus.networks.unet import UNetSpec

from .in_memory import MPP, ArraySlide, grid_of

SLIDE = ArraySlide(np.zeros((400, 500, 3), np.uint8))


@st.composite
def plans(draw: st.DrawFn) -> WindowPlan:
    stride = draw(st.sampled_from([1, 4, 8]))
    window = stride * draw(st.integers(2, 7)) if stride > 1 else draw(st.integers(8, 50))
    blend = 2 * draw(st.integers(1, window // 2))
    halo = stride * (draw(st.integers(0, 4)) - -blend // 2 // stride)
    shift = stride * draw(st.integers(0, window // stride - 1))
    grid = grid_of(draw(st.integers(1, 90)), draw(st.integers(1, 90)))
    return WindowPlan(grid, window_px=window, halo_px=halo, blend_px=blend, stride_px=stride, shift_px=shift)


def test_windows_by_hand():
    plan = WindowPlan(grid_of(70, 100), window_px=64, halo_px=16, blend_px=8)
    first, second, _, last = plan.windows()
    assert (first.core, first.kept, first.outer) == (Box(0, 0, 64, 64), Box(0, 0, 68, 68), Box(0, 0, 80, 70))
    assert (second.core, second.outer) == (Box(64, 0, 36, 64), Box(48, 0, 52, 70))
    assert (last.core, last.kept, last.outer) == (
        Box(64, 64, 36, 6),
        Box(60, 60, 40, 10),
        Box(48, 48, 52, 22),
    )


def test_weights_by_hand():
    plan = WindowPlan(grid_of(1, 20), window_px=8, halo_px=8, blend_px=4)
    first, second, _ = plan.windows()
    fall = [0.5 + 0.5 * np.cos(np.pi * phase) for phase in (0.125, 0.375, 0.625, 0.875)]
    assert plan.weights(first)[0].tolist() == pytest.approx([1, 1, 1, 1, 1, 1, *fall])
    assert plan.weights(second)[0].tolist() == pytest.approx([*fall[::-1], 1, 1, 1, 1, *fall])
    assert plan.weights(first)[1].tolist() == [1]


@given(plans())
def test_cores_tile_the_grid_and_weights_add_up_to_one(plan: WindowPlan):
    shape = plan.grid.size.height, plan.grid.size.width
    cores, total = np.zeros(shape, int), np.zeros(shape)
    for window in plan.windows():
        core, kept = window.core, window.kept
        cores[core.y : core.bottom, core.x : core.right] += 1
        weight_x, weight_y = plan.weights(window)
        total[kept.y : kept.bottom, kept.x : kept.right] += weight_y[:, None] * weight_x
        assert min(weight_x.min(), weight_y.min()) >= 0
    assert (cores == 1).all()
    assert np.abs(total - 1).max() < 1e-6


@given(plans())
def test_every_window_sees_the_same_cells_of_the_network_and_enough_around_what_it_keeps(plan: WindowPlan):
    whole, around = plan.grid.box, plan.halo_px - plan.blend_px // 2
    for window in plan.windows():
        outer = window.outer
        assert outer.x % plan.stride_px == outer.y % plan.stride_px == 0
        assert outer.right % plan.stride_px == 0 or outer.right == whole.right
        assert outer.bottom % plan.stride_px == 0 or outer.bottom == whole.bottom
        needed = window.kept.grown(around).intersection(whole)
        assert outer.intersection(needed) == needed


@given(plans(), st.data())
def test_windows_that_keep_a_part_of_a_box_are_found(plan: WindowPlan, data: st.DataObject):
    x, y = data.draw(st.integers(-9, 95)), data.draw(st.integers(-9, 95))
    box = Box(x, y, data.draw(st.integers(0, 99)), data.draw(st.integers(0, 99)))
    inside = box.intersection(plan.grid.box)

    def meets(kept: Box) -> bool:
        common = kept.intersection(inside)
        return common.width > 0 and common.height > 0

    assert list(plan.windows_keeping(box)) == [window for window in plan.windows() if meets(window.kept)]


@pytest.mark.parametrize(
    "sizes",
    [
        {"window_px": 100},
        {"halo_px": 100},
        {"shift_px": 4},
        {"shift_px": 1024},
        {"blend_px": 0},
        {"blend_px": 31},
        {"blend_px": 1026},
        {"halo_px": 8},
    ],
)
def test_sizes_that_do_not_fit_together_are_refused(sizes: dict[str, int]):
    with pytest.raises(ValueError, match="px"):
        WindowPlan(grid_of(9, 9), **sizes)


@pytest.mark.parametrize(
    ("network", "window_px", "expected"),
    [
        (UNetSpec(), 1024, (1024, 128, 8)),
        (UNetSpec(widths=(4, 4, 4, 4, 4)), 1024, (1024, 240, 16)),  # reach 218
        (PSPNetSpec(), 500, (504, 128, 8)),
    ],
)
def test_the_plan_shows_a_network_all_it_looks_at(
    network: UNetSpec | PSPNetSpec,
    window_px: int,
    expected: tuple[int, int, int],
):
    plan = plan_windows(
        SLIDE, mpp=MPP, reach_px=network.reach_px, stride_px=network.stride, window_px=window_px
    )
    assert (plan.window_px, plan.halo_px, plan.stride_px) == expected
    assert plan.grid.mpp == MPP


def test_the_plan_shows_a_window_all_that_its_blurred_colours_depend_on():
    for reach_px, smoothing_um, expected in (
        (106, 3.75, 128),
        (106, 100.0, 176),  # 4 × 40 px and half of the 32 that are blended
        (None, 100.0, 176),
    ):
        refinement = RefinementSettings(smoothing_um=smoothing_um)
        plan = plan_windows(SLIDE, mpp=MPP, reach_px=reach_px, stride_px=8, refinement=refinement)
        assert plan.halo_px == expected
    unused = RefinementSettings(smoothing_um=100.0, colour_weight=0.0)
    network_alone = plan_windows(SLIDE, mpp=MPP, reach_px=106, stride_px=8)
    assert plan_windows(SLIDE, mpp=MPP, reach_px=106, stride_px=8, refinement=unused) == network_alone


def test_by_default_a_window_is_four_times_as_wide_as_what_it_sees_on_each_side():
    widths = {
        reach_px: plan_windows(SLIDE, mpp=MPP, reach_px=reach_px, stride_px=16).window_px
        for reach_px in (100, 214, 300)  # margins of 128, 240 and 320 px
    }
    assert widths == {100: 1024, 214: 1024, 300: 1280}
