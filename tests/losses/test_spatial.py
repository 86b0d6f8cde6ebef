from __future__ import annotations

import pytest
import torch

from acinus.losses.spatial import spatial_loss


def test_a_small_map_by_hand() -> None:
    responses = torch.tensor([[[[1.0, 2.0, 4.0], [3.0, 3.0, 3.0]]]])
    down = (2 + 1 + 1) / 3
    right = (1 + 2 + 0 + 0) / 4
    assert spatial_loss(responses).item() == pytest.approx(down + right)


def test_what_is_flat_costs_nothing_and_an_offset_changes_nothing() -> None:
    assert spatial_loss(torch.full((2, 3, 4, 5), 7.0)).item() == 0.0
    responses = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert spatial_loss(responses + 3.0).item() == pytest.approx(spatial_loss(responses).item(), rel=1e-5)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turning_or_mirroring_a_square_changes_nothing(turns: int) -> None:
    responses = torch.randn(1, 2, 9, 9, generator=torch.Generator().manual_seed(1))
    expected = spatial_loss(responses).item()
    assert spatial_loss(torch.rot90(responses, turns, dims=(2, 3))).item() == pytest.approx(
        expected, rel=1e-5
    )
    assert spatial_loss(responses.flip(3)).item() == pytest.approx(expected, rel=1e-5)


def test_it_grows_with_the_contrast_and_is_the_mean_over_the_batch() -> None:
    generator = torch.Generator().manual_seed(2)
    one, two = torch.randn(2, 1, 3, 6, 6, generator=generator)
    assert spatial_loss(2.5 * one).item() == pytest.approx(2.5 * spatial_loss(one).item(), rel=1e-5)
    both = spatial_loss(torch.cat([one, two])).item()
    assert both == pytest.approx((spatial_loss(one).item() + spatial_loss(two).item()) / 2, rel=1e-5)


def test_its_gradient_pulls_a_single_peak_down() -> None:
    responses = torch.zeros(1, 1, 5, 5)
    responses[0, 0, 2, 2] = 1.0
    responses.requires_grad_()
    spatial_loss(responses).backward()
    assert responses.grad is not None
    # Four differences of the peak, each a 20th of its axis's mean.
    assert responses.grad[0, 0, 2, 2].item() == pytest.approx(4 / 20)
    assert responses.grad[0, 0, 1, 2].item() < 0.0
