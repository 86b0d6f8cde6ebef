"""Training crops: images and what is taught of their pixels, turned, scaled and stained alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from acinus.core.image import BoolMask, RgbArray
from acinus.core.proposal import ProposalMap
from acinus.data.augment import mirrored, normalise, random_turn, stain_jitter, turned
from acinus.data.resample import resize_map
from acinus.grouping.targets import BorderTargets

__all__ = ["Batch", "TrainingImage", "draw_batch"]

_LEAST_LABELLED = 0.1  # crops with less of their area labelled are drawn again, up to
_TRIES = 5  # so many times
_REGIONS = 3  # of the targets: exterior, interior, background


@dataclass(frozen=True)
class TrainingImage:
    """One image and its proposals at the working resolution.

    Attributes
    ----------
    rgb : (H, W, 3) uint8
    targets : (H, W, 5) float16
        What is taught of each pixel, in the order of `Targets`.
    spoken : (N,) int32 or None
        Numbers, row by row, of the pixels of which people spoke; None for an image of which nobody did.
    chance : float
        How often crops are drawn from it, relative to the others.
    """

    rgb: RgbArray
    targets: NDArray[np.float16]
    spoken: NDArray[np.int32] | None = None
    chance: float = 1.0

    @property
    def spoken_share(self) -> float:
        """Share of its area of which people spoke, 0..1."""
        return 0.0 if self.spoken is None else len(self.spoken) / (self.rgb.shape[0] * self.rgb.shape[1])

    @classmethod
    def of(
        cls,
        rgb: RgbArray,
        proposal: ProposalMap,
        borders: BorderTargets | None = None,
        spoken: BoolMask | None = None,
        spoken_weight: float = 1.0,
        *,
        left_out: BoolMask | None = None,
        chance: float = 1.0,
    ) -> TrainingImage:
        """Bring a proposal map of another resolution onto the image's pixels.

        Parameters
        ----------
        borders : BorderTargets, optional
            How the borders between glands are taught.
        spoken : (H, W) bool, optional
            Where `proposal` is what people said.
        spoken_weight : float
            By how much more that counts.
        left_out : (H, W) bool, optional
            Where nothing is taught, between two glands neither.
        """
        shape = (rgb.shape[0], rgb.shape[1])
        channels = [resize_map(channel, shape) for channel in (borders or BorderTargets())(proposal)]
        targets = np.stack(channels, axis=2)
        where = None
        if spoken is not None and spoken.any():
            targets[spoken] *= spoken_weight
            where = np.flatnonzero(spoken).astype(np.int32)
        if left_out is not None:
            targets[left_out] = 0.0
        # Half of float32's memory, of which these maps take most; weights need no more than three digits.
        return cls(rgb=rgb, targets=targets.astype(np.float16), spoken=where, chance=chance)


@dataclass(frozen=True)
class Batch:
    """Crops of one step: `images` (B, 3, S, S) normalised, what is taught of each pixel (B, 1, S, S) each.

    A process that trains with others has the images of its own crops alone, and the targets of all.
    """

    images: torch.Tensor
    exterior: torch.Tensor
    interior: torch.Tensor
    background: torch.Tensor
    deep: torch.Tensor
    shallow: torch.Tensor

    @property
    def gland(self) -> torch.Tensor:
        """Target of the cross-entropy: share of gland in what is labelled, (B, 1, S, S)."""
        known = self.exterior + self.interior
        return known / (known + self.background).clamp_min(1e-6)

    @property
    def weight(self) -> torch.Tensor:
        """Trust in the target, (B, 1, S, S): above 1 between neighbours."""
        return self.exterior + self.interior + self.background

    @property
    def depth(self) -> torch.Tensor:
        """Depth inside the gland, a share, (B, 1, S, S)."""
        return self.deep / self.depth_weight.clamp_min(1e-6)

    @property
    def depth_weight(self) -> torch.Tensor:
        """Trust in the depth, (B, 1, S, S)."""
        return self.deep + self.shallow

    def to(self, device: torch.device) -> Batch:
        """Move to a device; images in channels-last order, which convolutions on a CPU prefer."""
        images = self.images.to(device, memory_format=torch.channels_last)
        targets = (self.exterior, self.interior, self.background, self.deep, self.shallow)
        return Batch(images, *(target.to(device) for target in targets))


def draw_batch(
    images: Sequence[TrainingImage],
    *,
    crops: int,
    crop_px: int,
    scale_range: float,
    stain_strength: float,
    rng: np.random.Generator,
    share: slice = slice(None),
    spoken_frequency: float = 1.0,
) -> Batch:
    """Draw random crops; images smaller than a crop are mirrored at their sides.

    Parameters
    ----------
    share : slice
        Which of the crops get an image; all have targets. What is drawn does not depend on it.
    spoken_frequency : float
        How many times as often crops come from where people spoke as from the same area where nobody did.
    """
    spoken = [image.chance * spoken_frequency * image.spoken_share for image in images]
    silent = [image.chance * (1.0 - image.spoken_share) for image in images]
    aimed = sum(spoken) / (sum(spoken) + sum(silent))
    pictures, targets = [], []
    mine = range(crops)[share]
    for number in range(crops):
        if aimed and rng.random() < aimed:
            rgb, target = _draw_spoken(images, spoken, crop_px=crop_px, scale_range=scale_range, rng=rng)
        else:
            rgb, target = _draw_crop(images, silent, crop_px=crop_px, scale_range=scale_range, rng=rng)
        turn = random_turn(rng)
        targets.append(turned(target, turn))
        # Staining takes most of the time. One pixel of another's crop uses up the same random numbers.
        rgb = stain_jitter(rgb if number in mine else rgb[:1, :1], strength=stain_strength, rng=rng)
        if number in mine:
            pictures.append(turned(rgb, turn))
    batch = torch.from_numpy(normalise(np.stack(pictures))).permute(0, 3, 1, 2)  # (B, 3, S, S)
    taught = torch.from_numpy(np.stack(targets)).permute(0, 3, 1, 2).contiguous()  # (B, 5, S, S)
    return Batch(batch, *torch.split(taught, 1, dim=1))


def _draw_crop(
    images: Sequence[TrainingImage],
    chances: Sequence[float],
    *,
    crop_px: int,
    scale_range: float,
    rng: np.random.Generator,
) -> tuple[RgbArray, NDArray[np.float32]]:
    """Cut one square of a random scale and bring it to `crop_px`."""
    for attempt in range(_TRIES):
        image = images[_drawn(chances, rng)]
        side = round(crop_px * float(np.exp(rng.uniform(-scale_range, scale_range))))
        height, width = image.rgb.shape[:2]
        y = int(rng.integers(max(1, height - side + 1)))
        x = int(rng.integers(max(1, width - side + 1)))
        rgb, target = _square(image, y, x, side)
        labelled = target[..., :_REGIONS].sum()
        if labelled >= _LEAST_LABELLED * target[..., 0].size or attempt == _TRIES - 1:
            break
    return _whole_crop(rgb, target, side, crop_px=crop_px)


def _draw_spoken(
    images: Sequence[TrainingImage],
    chances: Sequence[float],
    *,
    crop_px: int,
    scale_range: float,
    rng: np.random.Generator,
) -> tuple[RgbArray, NDArray[np.float32]]:
    """Cut one square, as `_draw_crop` does, that holds a random pixel of which people spoke."""
    image = images[_drawn(chances, rng)]
    assert image.spoken is not None
    side = round(crop_px * float(np.exp(rng.uniform(-scale_range, scale_range))))
    height, width = image.rgb.shape[:2]
    row, column = divmod(int(image.spoken[int(rng.integers(len(image.spoken)))]), width)
    up, left = rng.integers(side, size=2).tolist()
    y = min(max(0, row - up), max(0, height - side))
    x = min(max(0, column - left), max(0, width - side))
    return _whole_crop(*_square(image, y, x, side), side, crop_px=crop_px)


def _square(image: TrainingImage, y: int, x: int, side: int) -> tuple[RgbArray, NDArray[np.float32]]:
    """Return pixels and targets of a square, as much of it as lies in the image."""
    part = np.s_[y : y + side, x : x + side]
    return image.rgb[part], np.asarray(torch.from_numpy(image.targets[part]).float())  # NumPy casts slowly


def _whole_crop(
    rgb: RgbArray, target: NDArray[np.float32], side: int, *, crop_px: int
) -> tuple[RgbArray, NDArray[np.float32]]:
    """Return a square at `crop_px`, mirrored where it reaches beyond what lies in the image."""
    bottom, right = side - rgb.shape[0], side - rgb.shape[1]
    if bottom or right:
        # OpenCV's borders hold one mirror image; tiny images need several.
        rows, columns = mirrored(rgb.shape[0], side), mirrored(rgb.shape[1], side)
        rgb, target = rgb[rows][:, columns], target[rows][:, columns]
    size = (crop_px, crop_px)
    rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    target = np.asarray(cv2.resize(target, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    return rgb, target


def _drawn(chances: Sequence[float], rng: np.random.Generator) -> int:
    """Return the index of one image; where all are alike, one whole number is drawn."""
    if len(set(chances)) == 1:
        return int(rng.integers(len(chances)))
    ends = np.cumsum(chances)
    return int(np.searchsorted(ends, rng.uniform(0.0, ends[-1]), side="right"))
