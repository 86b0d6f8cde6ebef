"""One image with its truth, and folders of them in the manner of GlaS."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from acinus.core.errors import UsageError
from acinus.core.files import atomic_path, make_folder
from acinus.core.geometry import Box
from acinus.core.image import BoolMask, LabelMap, RgbImage
from acinus.data.synthetic.fields import cell_rng
from acinus.data.synthetic.glands import Grade
from acinus.data.synthetic.scanner import compress, digitise, optics, uneven_light
from acinus.data.synthetic.settings import SyntheticSettings
from acinus.data.synthetic.tissue import EdgeTissue, Everywhere, Tissue
from acinus.data.synthetic.world import World

__all__ = ["SyntheticTile", "separate", "synthetic_tile", "write_synthetic_tiles"]

SMALLEST_UM2 = 120.0
_TILE = 41


@dataclass(frozen=True)
class SyntheticTile:
    """A picture and what is on it.

    Attributes
    ----------
    image : RgbImage
    labels : ndarray of shape (H, W), int32
        0 background, 1..N one value per gland, its lumen included.
    grade : "benign" or "malignant"
    """

    image: RgbImage
    labels: LabelMap
    grade: Grade


def synthetic_tile(
    seed: int, *, height_px: int, width_px: int, settings: SyntheticSettings | None = None
) -> SyntheticTile:
    """Draw one H&E image of glands with its truth; the same seed gives the same bytes.

    Parameters
    ----------
    seed : int
        Of everything on the tile.
    height_px, width_px : int
        Size of the tile.
    settings : SyntheticSettings, optional
        Resolution and what is varied.

    Returns
    -------
    SyntheticTile
        All labels are 0 where no gland of 120 µm² fits on the tile.

    Examples
    --------
    >>> tile = synthetic_tile(7, height_px=64, width_px=96)
    >>> tile.image.rgb.shape, tile.labels.shape, tile.image.mpp
    ((64, 96, 3), (64, 96), 0.62)
    """
    if height_px < 1 or width_px < 1:
        raise UsageError(f"a tile of {width_px}×{height_px} px; choose at least 1×1")
    settings = settings or SyntheticSettings()
    rng = cell_rng(seed, _TILE)
    malignant = bool(rng.random() < settings.malignant_fraction)
    tissue: Tissue = Everywhere()
    if rng.random() < settings.edge_fraction:
        tissue = EdgeTissue.draw(rng, width_px * settings.mpp, height_px * settings.mpp)
    world = World(seed=seed, settings=settings, tissue=tissue, malignancy=float(malignant))
    scene = world.draw(Box(0, 0, width_px, height_px))
    light = optics(scene.light, blur_um=settings.blur_um * rng.uniform(0.8, 1.3), mpp=settings.mpp)
    inner = slice(scene.margin_px, -scene.margin_px)
    light = light[inner, inner] * uneven_light(rng, height_px, width_px, strength=settings.stain_spread)
    rgb = digitise(light, white=world.stains.white, noise=settings.noise, x_px=0, y_px=0, mpp=settings.mpp)
    return SyntheticTile(
        image=RgbImage(compress(rgb, quality=settings.jpeg_quality), settings.mpp, f"synthetic_{seed}"),
        labels=separate(scene.labels[inner, inner], mpp=settings.mpp),
        grade="malignant" if malignant else "benign",
    )


def separate(labels: LabelMap, *, mpp: float) -> LabelMap:
    """Give every connected part of a gland its own label 1..N and drop crumbs below 120 µm².

    A gland that the image border cuts into two parts counts as two, as in manual annotations.

    Examples
    --------
    >>> separate(np.repeat(np.array([[5, 5, 0, 5]], dtype=np.int32), 400, axis=0), mpp=1.0)[0].tolist()
    [1, 1, 0, 2]
    """
    result = np.zeros(labels.shape, dtype=np.int32)
    count = 0
    for label in np.unique(labels[labels > 0]):
        total, parts, stats, _ = cv2.connectedComponentsWithStats(
            (labels == label).astype(np.uint8), connectivity=4
        )
        for part in range(1, total):
            if stats[part, cv2.CC_STAT_AREA] * mpp**2 >= SMALLEST_UM2:
                count += 1
                member: BoolMask = parts == part
                result[member] = count
    return result


def write_synthetic_tiles(
    folder: Path,
    *,
    count: int,
    seed: int,
    height_px: int = 512,
    width_px: int = 512,
    settings: SyntheticSettings | None = None,
) -> list[Path]:
    """Write tiles as ``tile_000.png``, their truth as ``tile_000_anno.png`` and ``Grade.csv``, as GlaS does.

    PNG files carry the resolution (pixels per metre), from which mpp can be read back to three digits.

    Parameters
    ----------
    folder : Path
        Created where absent.
    count : int
        Number of tiles; tile k has the seed `seed` + k.
    seed : int
        Of the first tile.
    height_px, width_px : int
        Size of each tile.
    settings : SyntheticSettings, optional
        Resolution and what is varied.

    Returns
    -------
    list of Path
        The images, in order; the truth lies beside them.
    """
    make_folder(folder)
    images = []
    rows = []
    for k in range(count):
        tile = synthetic_tile(seed + k, height_px=height_px, width_px=width_px, settings=settings)
        name = f"tile_{k:03d}"
        small = tile.labels.max() < 256
        labels = tile.labels.astype(np.uint8) if small else tile.labels.astype(np.uint16)
        _write_png(folder / f"{name}.png", tile.image.rgb, tile.image.mpp)
        _write_png(folder / f"{name}_anno.png", labels, tile.image.mpp)
        images.append(folder / f"{name}.png")
        detail = "healthy" if tile.grade == "benign" else "moderately differentiated"
        rows.append([name, str(seed + k), f" {tile.grade}", f" {detail}"])
    with (
        atomic_path(folder / "Grade.csv") as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(["name", "patient ID", " grade (GlaS)", " grade (Sirinukunwattana et al. 2015)"])
        writer.writerows(rows)
    return images


def _write_png(path: Path, values: NDArray[np.integer[Any]], mpp: float) -> None:
    with atomic_path(path) as temporary:
        Image.fromarray(values).save(temporary, dpi=(25400 / mpp, 25400 / mpp))
