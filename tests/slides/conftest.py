from __future__ import annotations

import cv2
import numpy as np
import pytest


@pytest.fixture
def rgb() -> np.ndarray:
    """A smooth picture without a period, (320, 240, 3) uint8: no shift, turn or other copy looks alike."""
    coarse = np.random.default_rng(0).integers(20, 236, (14, 10, 3)).astype(np.uint8)
    return cv2.resize(coarse, (240, 320), interpolation=cv2.INTER_LINEAR)


@pytest.fixture
def other_rgb() -> np.ndarray:
    """Another picture, half as wide and high."""
    coarse = np.random.default_rng(1).integers(20, 236, (7, 5, 3)).astype(np.uint8)
    return cv2.resize(coarse, (120, 160), interpolation=cv2.INTER_LINEAR)
