from __future__ import annotations

import math

import pytest
import torch

from acinus.grouping.knowledge_diffusion import KnowledgeDiffusionLoss
from acinus.grouping.mask_loss import mask_loss

PLAIN = KnowledgeDiffusionLoss(stop_gradient=False, normalise=False, per_image=True)


def row(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).reshape(1, 1, 1, -1)


def test_diffusion_is_the_mean_square_of_interior_from_the_mean_of_exterior():
    features = row(1, 3, 1, 3, 0, 1, 2, 5, 99)
    exterior = row(1, 1, 1, 1, 0, 0, 0, 0, 0)  # its mean is 2
    interior = row(0, 0, 0, 0, 1, 1, 1, 1, 0)  # squares 4, 1, 0, 9
    assert PLAIN(features, exterior, interior).item() == pytest.approx(14 / 4)


def test_diffusion_weighs_pixels_by_how_much_a_region_covers_them():
    features = row(1, 3, 1, 3, 0, 1, 2, 5, 4)
    exterior = row(2, 0.5, 2, 0.5, 0, 0, 0, 0, 0)  # mean (4 + 3) / 5 = 1.4
    interior = row(0, 0, 0, 0, 1, 0.5, 1, 2, 1)
    expected = (1.96 + 0.5 * 0.16 + 0.36 + 2 * 12.96 + 6.76) / 5.5
    assert PLAIN(features, exterior, interior).item() == pytest.approx(expected, rel=1e-5)


def naive(
    features: torch.Tensor,
    exterior: torch.Tensor,
    interior: torch.Tensor,
    *,
    normalise: bool,
    per_image: bool,
) -> float:
    images, channels, height, width = features.shape
    pixels = [(b, y, x) for b in range(images) for y in range(height) for x in range(width)]
    vectors = {p: [features[p[0], d, p[1], p[2]].item() for d in range(channels)] for p in pixels}

    def unit(vector: list[float]) -> list[float]:
        length = math.sqrt(sum(v * v for v in vector)) if normalise else 1.0
        return [v / length for v in vector]

    total = weight = 0.0
    for group in [[b] for b in range(images)] if per_image else [list(range(images))]:
        inside = [p for p in pixels if p[0] in group]
        outer = {p: exterior[p[0], 0, p[1], p[2]].item() for p in inside}
        inner = {p: interior[p[0], 0, p[1], p[2]].item() for p in inside}
        if sum(outer.values()) < 4 or sum(inner.values()) < 4:
            continue
        mean = [
            sum(outer[p] * unit(vectors[p])[d] for p in inside) / sum(outer.values()) for d in range(channels)
        ]
        embedding = unit(mean)
        for p in inside:
            total += inner[p] * sum((a - b) ** 2 for a, b in zip(unit(vectors[p]), embedding, strict=True))
            weight += inner[p]
    return total / weight


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("per_image", [False, True])
def test_diffusion_is_that_of_loops_over_images_and_pixels(normalise: bool, per_image: bool):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(3, 4, 5, 6, generator=generator)
    exterior = torch.rand(3, 1, 5, 6, generator=generator)
    interior = torch.rand(3, 1, 5, 6, generator=generator)
    exterior[2] = 0.0  # the third image has no exterior of its own
    loss = KnowledgeDiffusionLoss(normalise=normalise, per_image=per_image)(features, exterior, interior)
    expected = naive(features, exterior, interior, normalise=normalise, per_image=per_image)
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def half_and_half() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(2, 3, 4, 4, generator=generator, requires_grad=True)
    exterior = torch.zeros(2, 1, 4, 4)
    exterior[..., :2] = 1.0
    interior = torch.zeros(2, 1, 4, 4)
    interior[..., 3:] = 1.0
    return features, exterior, interior


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("stop_gradient", [False, True])
def test_the_exterior_is_moved_only_without_stop_gradient_and_the_rest_never(
    stop_gradient: bool, normalise: bool
):
    features, exterior, interior = half_and_half()
    loss = KnowledgeDiffusionLoss(stop_gradient=stop_gradient, normalise=normalise)
    loss(features, exterior, interior).backward()
    assert features.grad is not None
    moved = features.grad.abs().sum(dim=1, keepdim=True) > 0
    assert moved[interior > 0].all()
    assert moved[exterior > 0].any().item() == (not stop_gradient)
    assert not moved[(exterior + interior) == 0].any()


def test_a_step_along_the_gradient_brings_interior_nearer_to_exterior():
    features, exterior, interior = half_and_half()
    loss = KnowledgeDiffusionLoss()
    before = loss(features, exterior, interior)
    before.backward()
    assert features.grad is not None
    assert loss(features.detach() - features.grad, exterior, interior).item() < before.item()


def test_shrinking_all_features_does_not_lower_the_normalised_loss():
    features, exterior, interior = half_and_half()
    whole, small = (KnowledgeDiffusionLoss()(scale * features, exterior, interior) for scale in (1.0, 0.01))
    assert small.item() == pytest.approx(whole.item(), rel=1e-4)


def test_against_background_it_counts_which_mean_is_nearer():
    features = row(1, 3, 1, 3, 0, 1, 2, 5, 4, 6)
    exterior = row(1, 1, 1, 1, 0, 0, 0, 0, 0, 0)  # its mean is 2
    interior = row(0, 0, 0, 0, 1, 1, 1, 1, 0, 0)  # squares to it 4, 1, 0, 9
    background = row(0, 0, 0, 0, 0, 0, 0, 0, 1, 1)  # its mean is 5: squares 25, 16, 9, 0
    loss = KnowledgeDiffusionLoss(stop_gradient=False, normalise=False, contrast=True)
    margins = [(near - far) / 0.5 for near, far in ((4, 25), (1, 16), (0, 9), (9, 0))]
    expected = sum(math.log1p(math.exp(margin)) for margin in margins) / 4
    assert loss(features, exterior, interior, background).item() == pytest.approx(expected, rel=1e-5)


def test_one_feature_for_all_pixels_satisfies_the_loss_but_not_against_background():
    features, exterior, interior = half_and_half()
    background = 1.0 - exterior - interior
    constant = torch.ones_like(features)
    assert KnowledgeDiffusionLoss()(constant, exterior, interior, background).item() == pytest.approx(0.0)
    contrast = KnowledgeDiffusionLoss(contrast=True)(constant, exterior, interior, background)
    assert contrast.item() == pytest.approx(math.log(2.0))


def test_background_itself_is_not_moved():
    features, exterior, interior = half_and_half()
    loss = KnowledgeDiffusionLoss(stop_gradient=False, contrast=True)
    loss(features, exterior, interior, 1.0 - exterior - interior).backward()
    assert features.grad is not None
    assert features.grad.abs().sum(dim=1, keepdim=True)[exterior + interior > 0].min() > 0.0
    assert not features.grad.abs().sum(dim=1, keepdim=True)[exterior + interior == 0].any()


@pytest.mark.parametrize("absent", ["exterior", "interior", "both"])
def test_without_one_of_the_regions_there_is_no_loss_and_no_gradient(absent: str):
    features, exterior, interior = half_and_half()
    if absent in ("exterior", "both"):
        exterior = torch.zeros_like(exterior)
    if absent in ("interior", "both"):
        interior = torch.zeros_like(interior)
    loss = KnowledgeDiffusionLoss()(features, exterior, interior)
    loss.backward()
    assert loss.item() == 0.0
    assert features.grad is not None
    assert not features.grad.any()


def test_a_region_below_four_pixels_counts_as_missing():
    features, exterior, interior = half_and_half()
    exterior = torch.zeros_like(exterior)
    exterior[:, :, 0, :3] = 1.0
    assert KnowledgeDiffusionLoss()(features, exterior, interior).item() == 0.0
    exterior[:, :, 1, 0] = 1.0
    assert KnowledgeDiffusionLoss()(features, exterior, interior).item() > 0.0


def entropy(logit: float, target: float) -> float:
    return -target * math.log(1 / (1 + math.exp(-logit))) - (1 - target) * math.log(1 / (1 + math.exp(logit)))


def test_the_mask_loss_is_the_mean_of_both_classes_means_weighted_by_trust():
    logits, gland, weight = row(2.0, -1.0, 0.5, 3.0), row(1, 1, 0, 0), row(1.0, 0.5, 0.25, 0.75)
    of_gland = (entropy(2.0, 1) + 0.5 * entropy(-1.0, 1)) / 1.5
    of_background = 0.25 * entropy(0.5, 0) + 0.75 * entropy(3.0, 0)
    assert mask_loss(logits, gland, weight).item() == pytest.approx((of_gland + of_background) / 2, rel=1e-5)


def test_a_share_of_gland_counts_for_both_classes():
    logits, gland, weight = row(2.0, -1.0), row(0.25, 0.0), row(1.0, 1.0)
    mixed = entropy(2.0, 0.25)
    expected = (mixed + (0.75 * mixed + entropy(-1.0, 0)) / 1.75) / 2
    assert mask_loss(logits, gland, weight).item() == pytest.approx(expected, rel=1e-5)


def test_repeating_the_background_changes_nothing():
    few = mask_loss(row(2.0, 0.5), row(1, 0), row(1, 1))
    many = mask_loss(row(2.0, *[0.5] * 50), row(1, *[0] * 50), row(*[1] * 51))
    assert many.item() == pytest.approx(few.item(), rel=1e-5)


def test_ignored_pixels_change_nothing_and_get_no_gradient():
    logits = row(2.0, -1.0, 100.0).requires_grad_()
    loss = mask_loss(logits, row(1, 0, 0), row(1, 1, 0))
    loss.backward()
    assert loss.item() == pytest.approx(mask_loss(row(2.0, -1.0), row(1, 0), row(1, 1)).item())
    assert logits.grad is not None
    assert (logits.grad != 0).flatten().tolist() == [True, True, False]


def test_one_class_alone_is_that_classs_mean():
    assert mask_loss(row(2.0, 1.0), row(1, 1), row(1, 1)).item() == pytest.approx(
        (entropy(2, 1) + entropy(1, 1)) / 2, rel=1e-5
    )


def test_without_any_trust_the_mask_loss_is_zero():
    assert mask_loss(row(2.0, 1.0), row(1, 0), row(0, 0)).item() == 0.0


def test_unbalanced_every_labelled_pixel_counts_alike():
    logits = row(0.0, 0.0, 0.0, math.log(3.0))  # probabilities of gland 1/2, 1/2, 1/2, 3/4
    gland = row(1, 1, 1, 0)
    weight = row(1, 1, 0, 1)  # the third is ignored
    expected = (2 * math.log(2) + math.log(4)) / 3
    assert mask_loss(logits, gland, weight, balanced=False).item() == pytest.approx(expected, rel=1e-5)
    assert mask_loss(logits, gland, 0.0 * weight, balanced=False).item() == 0.0
