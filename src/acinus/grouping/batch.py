"""Training crops: image, target, weight and regions, all turned, scaled and stained alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from acinus.core.image import RgbArray
from acinus.core.proposal import EXTERIOR, IGNORE, INTERIOR, ProposalMap
from acinus.data.augment import normalise, random_turn, stain_jitter
from acinus.data.resample import resize_map

__all__ = ["Batch", "TrainingImage", "draw_batch"]

_LEAST_LABELLED = 0.1  # crops with less of their area labelled are drawn again, up to
_TRIES = 5  # so many times


@dataclass(frozen=True)
class TrainingImage:
    """One image and its proposals at the working resolution.

    Attributes
    ----------
    rgb : (H, W, 3) uint8
    regions : (H, W, 3) float32
        How much of each pixel is weighted as exterior, as interior and as background, each 0..1.
    """

    rgb: RgbArray
    regions: NDArray[np.float32]

    @classmethod
    def of(cls, rgb: RgbArray, proposal: ProposalMap) -> TrainingImage:
        """Bring a proposal map of another resolution onto the image's pixels."""
        shape = (rgb.shape[0], rgb.shape[1])
        trusted = np.where(proposal.regions == IGNORE, 0.0, proposal.confidence).astype(np.float32)
        kinds = (
            proposal.regions == EXTERIOR,
            proposal.regions == INTERIOR,
            (proposal.regions != EXTERIOR) & (proposal.regions != INTERIOR),
        )
        channels = [resize_map(np.where(kind, trusted, 0.0).astype(np.float32), shape) for kind in kinds]
        return cls(rgb=rgb, regions=np.stack(channels, axis=2))


@dataclass(frozen=True)
class Batch:
    """Crops of one step: `images` (B, 3, S, S) normalised, the regions' weights (B, 1, S, S) each.

    A process that trains with others has the images of its own crops alone, and the regions of all.
    """

    images: torch.Tensor
    exterior: torch.Tensor
    interior: torch.Tensor
    background: torch.Tensor

    @property
    def gland(self) -> torch.Tensor:
        """Target of the cross-entropy: share of gland in what is labelled, (B, 1, S, S)."""
        known = self.exterior + self.interior
        return known / (known + self.background).clamp_min(1e-6)

    @property
    def weight(self) -> torch.Tensor:
        """Trust in the target, (B, 1, S, S)."""
        return (self.exterior + self.interior + self.background).clamp_max(1.0)

    def to(self, device: torch.device) -> Batch:
        """Move to a device; images in channels-last order, which convolutions on a CPU prefer."""
        images = self.images.to(device, memory_format=torch.channels_last)
        return Batch(images, self.exterior.to(device), self.interior.to(device), self.background.to(device))


def draw_batch(
    images: Sequence[TrainingImage],
    *,
    crops: int,
    crop_px: int,
    scale_range: float,
    stain_strength: float,
    rng: np.random.Generator,
    share: slice = slice(None),
) -> Batch:
    """Draw random crops; images smaller than a crop are mirrored at their sides.

    Parameters
    ----------
    share : slice
        Which of the crops get an image; all have regions. What is drawn does not depend on it.
    """
    pictures, regions = [], []
    mine = range(crops)[share]
    for number in range(crops):
        rgb, region = _draw_crop(images, crop_px=crop_px, scale_range=scale_range, rng=rng)
        mirrored, quarters = random_turn(rng)
        regions.append(np.rot90(region[:, ::-1] if mirrored else region, quarters))
        # Staining takes most of the time. One pixel of another's crop uses up the same random numbers.
        rgb = stain_jitter(rgb if number in mine else rgb[:1, :1], strength=stain_strength, rng=rng)
        if number in mine:
            pictures.append(np.rot90(rgb[:, ::-1] if mirrored else rgb, quarters))
    batch = torch.from_numpy(normalise(np.stack(pictures))).permute(0, 3, 1, 2)  # (B, 3, S, S)
    weights = torch.from_numpy(np.stack(regions)).permute(0, 3, 1, 2).contiguous()  # (B, 3, S, S)
    return Batch(batch, weights[:, 0:1], weights[:, 1:2], weights[:, 2:3])


def _draw_crop(
    images: Sequence[TrainingImage], *, crop_px: int, scale_range: float, rng: np.random.Generator
) -> tuple[RgbArray, NDArray[np.float32]]:
    """Cut one square of a random scale and bring it to `crop_px`."""
    for attempt in range(_TRIES):
        image = images[int(rng.integers(len(images)))]
        side = round(crop_px * float(np.exp(rng.uniform(-scale_range, scale_range))))
        height, width = image.rgb.shape[:2]
        y = int(rng.integers(max(1, height - side + 1)))
        x = int(rng.integers(max(1, width - side + 1)))
        region = image.regions[y : y + side, x : x + side]
        if region.sum() >= _LEAST_LABELLED * region.shape[0] * region.shape[1] or attempt == _TRIES - 1:
            break
    rgb = image.rgb[y : y + side, x : x + side]
    bottom, right = side - rgb.shape[0], side - rgb.shape[1]
    if bottom or right:
        # reflect101 needs no more than one mirror image; tiny images are tiled by wrapping the index instead
        rows, columns = _mirrored(rgb.shape[0], side), _mirrored(rgb.shape[1], side)
        rgb, region = rgb[rows][:, columns], region[rows][:, columns]
    size = (crop_px, crop_px)
    rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    region = np.asarray(cv2.resize(region, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    return rgb, region


def _mirrored(length: int, wanted: int) -> NDArray[np.intp]:
    """Return indices 0..length-1, then back, and so on, `wanted` of them."""
    period = np.concatenate([np.arange(length), np.arange(length)[::-1]])
    return np.resize(period, wanted).astype(np.intp)
