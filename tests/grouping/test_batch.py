from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, INTERIOR, ProposalMap
from acinus.core.threads import in_threads
from acinus.grouping.batch import Batch, TrainingImage, draw_batch
from acinus.grouping.targets import BorderTargets

COLOURS = {BACKGROUND: (255, 255, 255), EXTERIOR: (255, 0, 0), INTERIOR: (0, 255, 0), IGNORE: (0, 0, 255)}


def tell_tale(regions: np.ndarray, confidence: float = 1.0) -> TrainingImage:
    """An image whose colours tell its regions."""
    rgb = np.zeros((*regions.shape, 3), np.uint8)
    for value, colour in COLOURS.items():
        rgb[regions == value] = colour
    return TrainingImage.of(
        rgb, ProposalMap(regions, np.full(regions.shape, confidence, np.float32), mpp=2.5)
    )


def patches(seed: int, shape: tuple[int, int] = (64, 80)) -> np.ndarray:
    """Squares of 8 pixels of random regions."""
    values = np.random.default_rng(seed).choice(
        np.array(list(COLOURS), np.uint8), (shape[0] // 8, shape[1] // 8)
    )
    return np.kron(values, np.ones((8, 8), np.uint8))


def drawn(
    images: list[TrainingImage], *, seed: int = 0, crops: int = 12, crop_px: int = 32, **more: float
) -> Batch:
    changes = {"scale_range": 0.0, "stain_strength": 0.0} | more
    return draw_batch(images, crops=crops, crop_px=crop_px, rng=np.random.default_rng(seed), **changes)


def test_regions_become_three_weights_and_ignored_pixels_none():
    image = tell_tale(np.array([[BACKGROUND, EXTERIOR, INTERIOR, IGNORE]], np.uint8), confidence=0.5)
    weights = image.targets[0, :, :3].tolist()
    assert weights == [[0, 0, 0.5], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0]]
    assert not image.targets[..., 3:].any()  # glands without numbers have no depth


def test_proposals_of_another_resolution_are_averaged_onto_the_image():
    regions = np.array([[EXTERIOR, INTERIOR], [BACKGROUND, IGNORE]], np.uint8)
    proposal = ProposalMap(regions, np.ones((2, 2), np.float32), mpp=1.25)
    image = TrainingImage.of(np.zeros((1, 1, 3), np.uint8), proposal)
    assert image.targets[0, 0].tolist() == [0.25, 0.25, 0.25, 0.0, 0.0]


def plane(*values: float) -> torch.Tensor:
    return torch.tensor(values).reshape(1, 1, 1, -1)


def test_the_target_is_the_share_of_gland_in_what_is_labelled():
    batch = Batch(
        images=torch.zeros(1, 3, 1, 5),
        exterior=plane(0.5, 0.25, 0.0, 0.0, 0.0),
        interior=plane(0.5, 0.0, 0.0, 0.0, 0.0),
        background=plane(0.0, 0.25, 1.0, 0.0, 6.0),
        deep=plane(0.75, 0.0, 0.0, 0.0, 0.0),
        shallow=plane(0.25, 0.5, 1.0, 0.0, 6.0),
    )
    assert batch.gland.flatten().tolist() == [1.0, 0.5, 0.0, 0.0, 0.0]
    assert batch.weight.flatten().tolist() == [1.0, 0.5, 1.0, 0.0, 6.0]  # the last lies between neighbours
    assert batch.depth.flatten().tolist() == [0.75, 0.0, 0.0, 0.0, 0.0]
    assert batch.depth_weight.flatten().tolist() == [1.0, 0.5, 1.0, 0.0, 6.0]


def numbered(regions: np.ndarray, glands: np.ndarray) -> ProposalMap:
    return ProposalMap(regions, np.ones(regions.shape, np.float32), mpp=1.0, glands=glands)


def test_glands_with_numbers_teach_the_depth_and_the_stroma_between_them():
    glands = np.zeros((9, 20), np.int32)
    glands[2:7, 2:9], glands[2:7, 11:18] = 1, 2
    regions = np.where(glands > 0, EXTERIOR, IGNORE).astype(np.uint8)
    borders = BorderTargets(gap_um=5.0, narrow_weight=3.0, narrow_um=2.0, depth_um=2.0)
    rgb = np.zeros((9, 20, 3), np.uint8)
    taught = TrainingImage.of(rgb, numbered(regions, glands), borders).targets.astype(float)
    assert taught[4, 10, :3] == pytest.approx([0, 0, 1 + 3 * np.exp(-(3**2) / 8)], rel=0.02)  # 1 and 2 px
    assert taught[4, 2:7, 3] == pytest.approx([0.5, 1, 1, 1, 1], abs=0.02)
    assert taught[4, 2:7, 3:].sum(axis=1) == pytest.approx(1.0, abs=1e-3)
    other = TrainingImage.of(rgb, numbered(regions, glands), BorderTargets(gap_um=0.0)).targets
    assert not other[..., 2].any()


def test_nothing_is_taught_in_what_is_left_out_between_two_glands_neither():
    glands = np.zeros((9, 20), np.int32)
    glands[2:7, 2:9], glands[2:7, 11:18] = 1, 2
    proposal = numbered(np.where(glands > 0, EXTERIOR, IGNORE).astype(np.uint8), glands)
    left_out = np.zeros(glands.shape, bool)
    left_out[:5, 9:11] = True
    image = TrainingImage.of(
        np.zeros((9, 20, 3), np.uint8), proposal, BorderTargets(gap_um=5.0), left_out=left_out
    )
    assert not image.targets[:5, 9:11].any()
    assert (image.targets[5:7, 9:11, 2] > 1.0).all()


def test_depth_is_turned_and_scaled_as_the_image_is():
    glands = np.zeros((64, 64), np.int32)
    glands[:, :32], glands[:, 32:] = 1, 2
    rgb = np.zeros((64, 64, 3), np.uint8)
    rgb[:, 32:] = 255
    image = TrainingImage.of(rgb, numbered(np.full(glands.shape, EXTERIOR, np.uint8), glands))
    batch = drawn([image], crops=16, crop_px=48, scale_range=0.3)
    light = batch.images.mean(dim=1, keepdim=True)
    for crop, depth in zip(light[:, 0].numpy(), batch.depth[:, 0].numpy(), strict=True):
        lines = (crop, depth) if np.ptp(crop[0]) > 0 else (crop.T, depth.T)
        if np.ptp(lines[0][0]) > 0:  # the border is in the crop
            step = np.abs(np.diff(lines[0][24])).argmax()
            assert abs(int(lines[1][24].argmin()) - step) <= 2


def classes(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """What colour and what the weights say of each pixel: 0 exterior, 1 interior, 2 background, 3 none."""
    red, green, blue = (batch.images * 0.25 + 0.5 > 0.5).unbind(dim=1)
    by_colour = torch.full(red.shape, -1)
    by_colour[red & green & blue] = 2
    by_colour[red & ~green & ~blue] = 0
    by_colour[~red & green & ~blue] = 1
    by_colour[~red & ~green & blue] = 3
    weights = torch.cat([batch.exterior, batch.interior, batch.background], dim=1)
    rest = 1 - weights.sum(dim=1, keepdim=True)
    return by_colour, torch.cat([weights, rest], dim=1).argmax(dim=1)


def test_image_and_regions_are_mirrored_and_turned_alike_to_the_pixel():
    batch = drawn([tell_tale(patches(seed)) for seed in range(3)])
    by_colour, by_weight = classes(batch)
    assert torch.equal(by_colour, by_weight)
    assert sorted(by_colour.unique().tolist()) == [0, 1, 2, 3]


def test_image_and_regions_are_scaled_alike():
    batch = drawn([tell_tale(patches(seed)) for seed in range(3)], scale_range=0.4)
    by_colour, by_weight = classes(batch)
    # Between two regions colours mix to a third; a shift by one pixel would spoil a quarter of all pixels.
    assert (by_colour == by_weight).float().mean().item() > 0.9


def test_image_and_regions_stay_together_when_stained_otherwise():
    regions = np.zeros((40, 40), np.uint8)
    regions[:, 20:] = EXTERIOR
    rgb = np.full((40, 40, 3), 230, np.uint8)
    rgb[:, 20:] = 60
    proposal = ProposalMap(regions, np.ones((40, 40), np.float32), mpp=2.5)
    batch = drawn([TrainingImage.of(rgb, proposal)], crop_px=40, stain_strength=1.0)
    dark = batch.images.mean(dim=1, keepdim=True) < 0.2
    assert torch.equal(dark.float(), batch.exterior)
    assert batch.images.amax(dim=(2, 3)).unique().numel() > 12  # no two crops stained alike


def test_all_eight_turns_are_drawn():
    regions = np.full((8, 8), BACKGROUND, np.uint8)
    regions[0, :3] = EXTERIOR
    regions[1, 0] = INTERIOR
    batch = drawn([tell_tale(regions)], crops=80, crop_px=8)
    seen = {tuple(np.flatnonzero(crop)) for crop in (batch.exterior + 2 * batch.interior).flatten(1).numpy()}
    assert len(seen) == 8


def test_scales_stay_within_their_range():
    """A stripe of 20 px, drawn between e^−0.25 and e^0.25 times as wide."""
    regions = np.full((200, 200), BACKGROUND, np.uint8)
    regions[90:110] = EXTERIOR
    rng = np.random.default_rng(0)
    widths = []
    for _ in range(60):
        batch = draw_batch(
            [tell_tale(regions)], crops=1, crop_px=150, scale_range=0.25, stain_strength=0.0, rng=rng
        )
        share = batch.exterior.sum().item() / 150
        widths.append(share)
    whole = [width for width in widths if width > 13]  # the stripe may lie half outside
    assert max(whole) <= 20 * np.exp(0.25) + 1
    assert min(whole) >= 20 * np.exp(-0.25) - 1
    assert max(whole) - min(whole) > 4


@pytest.mark.parametrize("shape", [(5, 7), (20, 64), (1, 1)])
def test_images_smaller_than_a_crop_are_mirrored_with_their_regions(shape: tuple[int, int]):
    regions = np.random.default_rng(0).choice(np.array([BACKGROUND, EXTERIOR, INTERIOR], np.uint8), shape)
    batch = drawn([tell_tale(regions)], crops=6, crop_px=32)
    assert batch.images.shape == (6, 3, 32, 32)
    by_colour, by_weight = classes(batch)
    assert torch.equal(by_colour, by_weight)
    assert (batch.weight == 1.0).all()


def test_a_small_image_goes_on_as_its_mirror_image():
    regions = np.full((4, 4), BACKGROUND, np.uint8)
    regions[3] = EXTERIOR
    # Mirrored at its lower side the stripe is two wide and in the middle, whichever way the crop is turned.
    batch = drawn([tell_tale(regions)], crops=8, crop_px=8)
    for crop in batch.exterior[:, 0]:
        lines = crop if crop[0].eq(crop[0, 0]).all() else crop.T
        assert lines[:, 0].tolist() == [0, 0, 0, 1, 1, 0, 0, 0]


def test_the_seed_and_the_step_decide_the_batch():
    images = [tell_tale(patches(seed)) for seed in range(3)]
    changes = {"crops": 4, "crop_px": 24, "scale_range": 0.3, "stain_strength": 1.0}
    first, again, other_step, other_seed = (
        draw_batch(images, rng=np.random.default_rng(numbers), **changes)
        for numbers in ([5, 7], [5, 7], [5, 8], [6, 7])
    )
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.exterior, again.exterior)
    assert not torch.equal(first.images, other_step.images)
    assert not torch.equal(first.images, other_seed.images)


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_batches_drawn_ahead_are_those_drawn_on_demand_in_the_order_of_their_steps(threads: int):
    images = [tell_tale(patches(number)) for number in range(3)]
    steps = range(4, 15)
    ahead = in_threads(lambda step: drawn(images, seed=step, stain_strength=1.0), steps, threads=threads)
    for step, batch in zip(steps, ahead, strict=True):
        expected = drawn(images, seed=step, stain_strength=1.0)
        assert torch.equal(batch.images, expected.images)
        assert torch.equal(batch.exterior, expected.exterior)


def test_no_more_batches_are_drawn_ahead_than_two_for_each_thread():
    begun: list[int] = []
    batches = in_threads(
        lambda step: begun.append(step) or drawn([tell_tale(patches(0))]), range(50), threads=2
    )
    next(batches)
    assert max(begun) <= 5  # the one taken, four ahead, and the one that follows
    batches.close()


def test_what_fails_while_drawing_ahead_is_raised():
    def fail(step: int) -> Batch:
        raise RuntimeError(f"step {step}")

    with pytest.raises(RuntimeError, match="step 0"):
        next(in_threads(fail, range(3), threads=1))


def test_images_are_drawn_as_often_as_their_chances_say():
    plain = [tell_tale(np.full((40, 40), value, np.uint8)) for value in (BACKGROUND, EXTERIOR)]
    often = [replace(image, chance=chance) for image, chance in zip(plain, (3.0, 1.0), strict=True)]
    gland = drawn(often, crops=400).gland.mean(dim=(1, 2, 3))
    assert set(gland.tolist()) == {0.0, 1.0}
    assert 0.2 < gland.mean() < 0.3  # a quarter; the standard error is 0.02


def test_crops_with_hardly_any_label_are_drawn_again():
    regions = np.full((64, 256), IGNORE, np.uint8)
    regions[:, 200:] = EXTERIOR
    batch = drawn([tell_tale(regions)], crops=40, crop_px=32)
    labelled = (batch.weight.mean(dim=(1, 2, 3)) >= 0.1).float().mean().item()
    # By chance 28 % of the places would do; five tries make it 1 − 0.72⁵ = 81 %.
    assert labelled > 0.6


def test_an_image_without_any_label_still_gives_crops():
    batch = drawn([tell_tale(np.full((40, 40), IGNORE, np.uint8))], crops=2)
    assert not batch.weight.any()


@given(crops=st.sampled_from([2, 4, 6]), count=st.sampled_from([1, 2]), seed=st.integers(0, 99))
@settings(max_examples=20)
def test_processes_that_share_a_batch_see_together_what_one_sees(crops: int, count: int, seed: int):
    images = [tell_tale(patches(seed)) for seed in range(3)]
    more = {"crops": crops, "crop_px": 24, "scale_range": 0.3, "stain_strength": 1.0}
    whole = draw_batch(images, rng=np.random.default_rng(seed), **more)
    size = crops // count
    shares = [
        draw_batch(images, rng=np.random.default_rng(seed), share=slice(k * size, (k + 1) * size), **more)
        for k in range(count)
    ]
    assert torch.equal(torch.cat([share.images for share in shares]), whole.images)
    for share in shares:
        assert torch.equal(share.gland, whole.gland)
        assert torch.equal(share.weight, whole.weight)
        assert torch.equal(share.depth_weight, whole.depth_weight)
