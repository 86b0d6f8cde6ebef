import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from acinus.losses.iic import IICLoss


def one_hot(numbers: NDArray[np.int64], clusters: int) -> torch.Tensor:
    """Logits (1, K, H, W) whose softmax is all but one-hot."""
    return (
        60.0 * torch.nn.functional.one_hot(torch.from_numpy(numbers), clusters).permute(2, 0, 1)[None].float()
    )


def naive_loss(first: torch.Tensor, second: torch.Tensor, *, window_px: int, balance: float) -> float:
    phi, psi = first.softmax(1).double().numpy(), second.softmax(1).double().numpy()
    images, clusters, height, width = phi.shape
    losses = []
    for dy in range(-window_px, window_px + 1):
        for dx in range(-window_px, window_px + 1):
            joint = np.zeros((clusters, clusters))
            for b in range(images):
                for y in range(height):
                    for x in range(width):
                        if 0 <= y + dy < height and 0 <= x + dx < width:
                            joint += np.outer(phi[b, :, y, x], psi[b, :, y + dy, x + dx])
            joint /= joint.sum()
            joint = (joint + joint.T) / 2
            rows, columns = joint.sum(1), joint.sum(0)
            loss = 0.0
            for i in range(clusters):
                for j in range(clusters):
                    loss -= joint[i, j] * (
                        math.log(joint[i, j]) - balance * math.log(rows[i]) - balance * math.log(columns[j])
                    )
            losses.append(loss)
    return float(np.mean(losses))


@pytest.mark.parametrize(("window_px", "balance"), [(0, 1.0), (1, 1.0), (2, 1.5)])
def test_iic_loss_is_that_of_loops_over_pixels_clusters_and_displacements(window_px: int, balance: float):
    generator = torch.Generator().manual_seed(3)
    first, second = torch.randn((2, 2, 3, 5, 4), generator=generator)
    loss = IICLoss(window_px=window_px, balance=balance)(first, second)
    expected = naive_loss(first, second, window_px=window_px, balance=balance)
    assert loss.item() == pytest.approx(expected, abs=1e-5)


def test_views_that_agree_on_two_equal_clusters_tell_one_bit_of_each_other():
    halves = np.repeat(np.array([[0, 1]]), 4, axis=0).repeat(3, axis=1)
    loss = IICLoss(window_px=0)(one_hot(halves, 2), one_hot(halves, 2))
    assert loss.item() == pytest.approx(-math.log(2), abs=1e-4)


def test_everything_in_one_cluster_tells_nothing():
    same = np.zeros((4, 4), dtype=np.int64)
    loss = IICLoss(window_px=0)(one_hot(same, 3), one_hot(same, 3))
    assert loss.item() == pytest.approx(0.0, abs=1e-4)


def test_iic_loss_does_not_depend_on_the_names_of_the_clusters():
    generator = torch.Generator().manual_seed(4)
    first, second = torch.randn((2, 2, 4, 6, 6), generator=generator)
    order = torch.tensor([2, 0, 3, 1])
    loss = IICLoss()(first, second)
    assert IICLoss()(first[:, order], second[:, order]).item() == pytest.approx(loss.item(), abs=1e-6)
