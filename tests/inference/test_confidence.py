from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from acinus.core.image import RgbImage
from acinus.core.segmenter import ProbabilityMap
from acinus.inference.confidence import Confidence, certainty
from acinus.inference.instances import InstanceSettings
from acinus.inference.segmentation import segment_image

GLASS, STROMA = (245, 245, 245), (235, 180, 215)


@dataclass
class Says:
    """Answers 0.9 on the left half, 0.4 on the right."""

    mpp: float = 2.0

    def probability(self, image: RgbImage) -> ProbabilityMap:
        answer = np.full(image.shape, 0.4, np.float32)
        answer[:, : image.shape[1] // 2] = 0.9
        return answer


def test_quality_is_how_decided_the_tissue_is_whatever_is_said_of_glass():
    rgb = np.full((200, 400, 3), STROMA, np.uint8)
    rgb[:, :100] = GLASS
    quality = segment_image(RgbImage(rgb, mpp=2.0), Says(), InstanceSettings()).quality
    # 100 columns of tissue at |2 · 0.9 − 1| and 200 at |2 · 0.4 − 1|; the tissue's edge is found to a few px.
    assert quality == pytest.approx((100 * 0.8 + 200 * 0.2) / 300, abs=0.01)


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0)])
def test_there_is_no_quality_without_tissue(colour: tuple[int, int, int]):
    image = RgbImage(np.full((64, 64, 3), colour, np.uint8), mpp=2.0)
    assert segment_image(image, Says(), InstanceSettings()).quality is None


def test_parts_add_up_to_the_whole():
    rng = np.random.default_rng(0)
    probability = rng.random((30, 40), dtype=np.float32)
    certain = certainty(probability, None)
    tissue = rng.random((30, 40)) < 0.6
    parts = [Confidence.of(certain[rows], tissue[rows]) for rows in (slice(0, 7), slice(7, 30))]
    whole = Confidence.of(certain, tissue)
    assert (parts[0] + parts[1]).mean == pytest.approx(whole.mean)
    naive = [abs(2 * float(p) - 1) for p, inside in zip(probability.flat, tissue.flat, strict=True) if inside]
    assert whole.mean == pytest.approx(sum(naive) / len(naive))
