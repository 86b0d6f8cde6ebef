"""What glands of these images look like: learnt from the first proposals, told of every pixel.

Closed shapes know outlines, and no stain: they also close around vessels, fat and islands of stroma. Most
are glands, though, and over many images a small network learns what is common to them. Its numbers are too
few to learn by heart which shapes were taken, so it contradicts the wrong ones. Ours; that a classifier
trained on doubtful labels tells the wrong among them is confident learning (Northcutt et al. 2021,
10.1613/jair.1.12125).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from acinus.core.colour import mean_of_channels, optical_density
from acinus.core.image import RgbArray
from acinus.core.limits import Count, Length, Positive, Weight
from acinus.core.proposal import BACKGROUND, ProposalMap
from acinus.core.segmenter import ProbabilityMap
from acinus.core.settings import settings_class
from acinus.mining.morphology import blur
from acinus.networks.pixel_network import PixelNetwork

__all__ = ["FEATURES", "AppearanceSettings", "likeness_of", "pixel_features", "train_appearance"]

_DENSITIES = (1.0, 2.0, 4.0, 8.0)  # times the finest: from a nucleus to a small gland
_COLOURS = (1.5, 4.0)
_TEXTURES = (2.0, 4.0, 8.0, 16.0)
_DENSITY_UNIT, _COLOUR_UNIT = 0.5, 64.0  # bring what counts as it is to about 1
_ABSOLUTE = 6  # densities and colours that do
_LEAST_SPREAD = 1e-3  # of what is standardised: less of it is rounding
_PIXELS_AT_ONCE = 1 << 18

FEATURES = 3 * len(_DENSITIES) + 3 * len(_COLOURS) + len(_TEXTURES) + _ABSOLUTE
"""Numbers that describe a pixel."""


@settings_class
class AppearanceSettings:
    """How appearance is learnt.

    Attributes
    ----------
    finest_um : float
        Standard deviation of the finest blur, about the radius of a nucleus; the others are multiples of it.
    smoothing_um : float
        Standard deviation of the blur of what the network says.
    pixels_per_image, pixels : int
        Most pixels of gland, and as many of background, that are learnt from, of an image and of all.
    width : int
        Of the network's layers.
    epochs, batch_pixels : int
        How often it sees all of these pixels, and in how large steps.
    learning_rate, weight_decay : float
        AdamW.
    """

    finest_um: Positive = 2.5
    smoothing_um: Length = 3.75
    pixels_per_image: Count = 3000
    pixels: Count = 300_000
    width: Count = 48
    epochs: Count = 4
    batch_pixels: Count = 4096
    learning_rate: Positive = 0.003
    weight_decay: Weight = 0.001


def pixel_features(rgb: RgbArray, *, mpp: float, finest_um: float) -> NDArray[np.float32]:
    """Describe each pixel by densities, colours and textures around it, (H, W, FEATURES) float32.

    The mean optical density in red, green and blue at four scales, the mean colour (CIELAB) at two, and the
    standard deviation of the density at four larger ones are standardised within the image, so that the
    strength of its stain cancels. Densities at the second scale and colours at the first follow as they are,
    since one stain may hold for all images.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
    mpp : float
        µm per pixel.
    finest_um : float
        Standard deviation of the finest blur.
    """
    features = np.empty((*rgb.shape[:2], FEATURES), dtype=np.float32)
    place, absolute = 0, FEATURES - _ABSOLUTE
    for values, unit in _described(rgb, mpp=mpp, finest_um=finest_um):
        # One after the other into place: of a large image these numbers take more memory than all else.
        channels = values.shape[2]
        part = features[..., place : place + channels]
        part[...] = values
        part -= values.mean(axis=(0, 1))
        part /= np.maximum(values.std(axis=(0, 1)), _LEAST_SPREAD)
        place += channels
        if unit is not None:
            features[..., absolute : absolute + channels] = values / unit
            absolute += channels
    return features


def _described(
    rgb: RgbArray, *, mpp: float, finest_um: float
) -> Iterator[tuple[NDArray[np.float32], float | None]]:
    """Yield what is standardised, (H, W, C) each, and the unit of what counts as it is, too."""
    density = np.asarray(optical_density(rgb), dtype=np.float32)
    for number, scale in enumerate(_DENSITIES):
        yield blur(density, finest_um * scale, mpp=mpp), _DENSITY_UNIT if number == 1 else None
    colour = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), dtype=np.float32)
    for number, scale in enumerate(_COLOURS):
        yield blur(colour, finest_um * scale, mpp=mpp), _COLOUR_UNIT if number == 0 else None
    mean = mean_of_channels(density)
    for scale in _TEXTURES:
        yield _deviation(mean, finest_um * scale, mpp=mpp)[..., None], None


def _deviation(values: NDArray[np.float32], sigma_um: float, *, mpp: float) -> NDArray[np.float32]:
    """Return the standard deviation around each pixel, (H, W)."""
    mean = blur(values, sigma_um, mpp=mpp)
    variance = blur(values * values, sigma_um, mpp=mpp) - mean * mean
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float32)


def train_appearance(
    mined: Iterable[tuple[RgbArray, ProposalMap]], settings: AppearanceSettings, *, images: int, seed: int
) -> PixelNetwork | None:
    """Learn what the glands of proposals look like beside their background; what is ignored is not used.

    Parameters
    ----------
    mined : iterable of ((H, W, 3) uint8, ProposalMap)
        Images and their proposals, both at the working resolution; asked for one after the other.
    images : int
        How many there are.
    seed : int
        Decides which pixels are taken, and the network's first weights.

    Returns
    -------
    PixelNetwork or None
        In evaluation mode; None where there is no gland at all, or no background.
    """
    rng = np.random.default_rng(seed)
    most = min(settings.pixels_per_image, max(1, settings.pixels // max(1, images)))
    features, labels, weights = [], [], []
    for rgb, proposal in mined:
        described = pixel_features(rgb, mpp=proposal.mpp, finest_um=settings.finest_um)
        for label, claimed in ((1.0, proposal.gland), (0.0, proposal.regions == BACKGROUND)):
            places = np.flatnonzero(claimed)
            if len(places) > most:
                places = rng.choice(places, most, replace=False)
            features.append(described.reshape(-1, FEATURES)[places])
            labels.append(np.full(len(places), label, dtype=np.float32))
            weights.append(proposal.confidence.reshape(-1)[places])
    gland = np.concatenate(labels) if labels else np.zeros(0, dtype=np.float32)
    if not 0.0 < gland.sum() < len(gland):
        return None
    return _trained(
        np.concatenate(features), gland, _balanced(np.concatenate(weights), gland), settings, seed=seed
    )


def _balanced(weight: NDArray[np.float32], gland: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return weights of mean 1 that make both classes count alike."""
    shares = np.where(gland > 0, weight / weight[gland > 0].sum(), weight / weight[gland == 0].sum())
    return np.asarray(shares * (len(gland) / 2.0), dtype=np.float32)


def _trained(
    features: NDArray[np.float32],
    gland: NDArray[np.float32],
    weight: NDArray[np.float32],
    settings: AppearanceSettings,
    *,
    seed: int,
) -> PixelNetwork:
    """Train a network on (N, FEATURES) numbers, (N,) labels and weights."""
    pixels, target, trust = (torch.from_numpy(values) for values in (features, gland, weight))
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they are
        torch.manual_seed(seed)
        network = PixelNetwork(features=FEATURES, width=settings.width)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        for _ in range(settings.epochs):
            for batch in torch.split(torch.randperm(len(pixels)), settings.batch_pixels):
                loss = functional.binary_cross_entropy_with_logits(
                    network(pixels[batch]), target[batch], weight=trust[batch]
                )
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
    return network.eval()


@torch.no_grad()
def likeness_of(
    network: PixelNetwork, rgb: RgbArray, settings: AppearanceSettings, *, mpp: float
) -> ProbabilityMap:
    """Return how much each pixel looks like gland rather than background, (H, W) float32, 0..1.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
        At the working resolution, of `mpp` µm per pixel.
    """
    described = pixel_features(rgb, mpp=mpp, finest_um=settings.finest_um).reshape(-1, FEATURES)
    parts = torch.from_numpy(described).split(_PIXELS_AT_ONCE)  # type: ignore[no-untyped-call]
    logits = torch.cat([network(part) for part in parts])
    likeness: ProbabilityMap = torch.sigmoid(logits).numpy().reshape(rgb.shape[:2])
    return likeness if settings.smoothing_um == 0.0 else blur(likeness, settings.smoothing_um, mpp=mpp)
