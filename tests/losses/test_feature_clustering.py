import math

import pytest
import torch

from acinus.losses.feature_clustering import FeatureClusteringLoss
from acinus.losses.spatial import spatial_loss


def test_feature_clustering_loss_is_minus_log_softmax_of_the_strongest_channel():
    responses = torch.randn((2, 5, 3, 4), generator=torch.Generator().manual_seed(1))
    total = 0.0
    for b in range(2):
        for y in range(3):
            for x in range(4):
                pixel = responses[b, :, y, x].tolist()
                total += math.log(sum(math.exp(value) for value in pixel)) - max(pixel)
    assert FeatureClusteringLoss()(responses, responses).item() == pytest.approx(total / 24, abs=1e-6)


def test_feature_clustering_loss_vanishes_for_decided_pixels():
    responses = torch.zeros((1, 3, 2, 2))
    responses[:, 1] = 50.0
    assert FeatureClusteringLoss()(responses, responses).item() == pytest.approx(0.0, abs=1e-6)


def test_spatial_loss_is_the_mean_step_to_the_pixel_below_and_to_the_right():
    responses = torch.randn((2, 3, 4, 5), generator=torch.Generator().manual_seed(2))
    down = [
        abs(responses[b, c, y + 1, x] - responses[b, c, y, x]).item()
        for b in range(2)
        for c in range(3)
        for y in range(3)
        for x in range(5)
    ]
    right = [
        abs(responses[b, c, y, x + 1] - responses[b, c, y, x]).item()
        for b in range(2)
        for c in range(3)
        for y in range(4)
        for x in range(4)
    ]
    expected = sum(down) / len(down) + sum(right) / len(right)
    assert spatial_loss(responses).item() == pytest.approx(expected, abs=1e-5)
