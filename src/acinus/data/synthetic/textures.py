"""Two plain textures in blobs: the easy picture that every method should solve."""

from __future__ import annotations

import numpy as np

from acinus.core.errors import UsageError
from acinus.core.image import RgbImage
from acinus.data.synthetic.fields import SineField, cell_rng, grain, lay_texture
from acinus.data.synthetic.scanner import digitise
from acinus.data.synthetic.stains import Stains, absorb
from acinus.data.synthetic.tile import SyntheticTile, separate

__all__ = ["two_texture_tile"]

_TEXTURES = 61


def two_texture_tile(
    seed: int, *, height_px: int, width_px: int, mpp: float = 0.62, blob_um: float = 60.0
) -> SyntheticTile:
    """Draw dark purple blobs of coarse grain on pale pink fine stripes, each pixel in exactly one of the two.

    Parameters
    ----------
    seed : int
        Of the blobs; the two textures are the same for all seeds.
    height_px, width_px : int
        Size of the tile.
    mpp : float
        µm per pixel.
    blob_um : float
        About the width of a blob in µm.

    Returns
    -------
    SyntheticTile
        `grade` is always "benign"; labels are the connected blobs.

    Examples
    --------
    >>> tile = two_texture_tile(1, height_px=64, width_px=64)
    >>> tile.image.rgb.shape
    (64, 64, 3)
    """
    if height_px < 1 or width_px < 1:
        raise UsageError(f"a tile of {width_px}×{height_px} px; choose at least 1×1")
    rng = cell_rng(seed, _TEXTURES)
    x_um, y_um = (np.arange(width_px) + 0.5) * mpp, (np.arange(height_px) + 0.5) * mpp
    field = SineField.draw(rng, wavelength_um=2 * blob_um).on_grid(x_um, y_um)
    labels = separate((field > 0.25).astype(np.int32), mpp=mpp)
    blob = labels > 0
    x_px, y_px = (int(v) for v in rng.integers(0, 1024, 2))
    spots = lay_texture(grain(1.6, mpp), x_px, y_px, width_px, height_px)
    stripes = np.sin(2 * np.pi * (x_um[None, :] + 0.4 * y_um[:, None]) / 6.0)
    haematoxylin = np.where(blob, 0.45 + 0.10 * spots, 0.06).clip(0.02, None).astype(np.float32)
    eosin = np.where(blob, 0.16, 0.24 + 0.12 * stripes).astype(np.float32)
    stains = Stains()
    rgb = digitise(
        absorb(haematoxylin, eosin, stains), white=stains.white, noise=2.0, x_px=x_px, y_px=y_px, mpp=mpp
    )
    return SyntheticTile(RgbImage(rgb, mpp, f"two_textures_{seed}"), labels, "benign")
