"""Measure how much blurred tissue `acinus.slides.blur` finds, and how much sharp tissue it calls blurred.

Run ``python benchmarks/slides/blur.py GLAS [SLIDE:MPP ...]``, where GLAS is the folder of the GlaS data. The
images of each patient, who has one stain, are put side by side on a white slide; other slides are taken as
they are. On each, a disc of 0.8 mm around a random place of the tissue is blurred, with grain of the sensor
and JPEG on top, and blur is looked for. What lies within a cell of the disc's border counts neither way.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from acinus.core.geometry import Box, Size
from acinus.core.image import BoolMask, RgbArray
from acinus.data.glas import glas
from acinus.slides import open_slide
from acinus.slides.blur import BLUR_MPP, find_blur
from acinus.slides.tissue import OVERVIEW_MPP, tissue_mask

SIGMAS_UM = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0)
RADIUS_UM = 400.0
CELL_UM = 64 * BLUR_MPP
FEWEST_IMAGES = 3
GLASS = 243


@dataclass
class InMemory:
    """As much of a `SlideReader` as blur is looked for with."""

    rgb: RgbArray
    mpp: float = BLUR_MPP
    mpp_doubt: str | None = None
    path: Path = Path("in memory")

    @property
    def size(self) -> Size:
        """Of the picture."""
        return Size(self.rgb.shape[1], self.rgb.shape[0])

    def read_working(self, box: Box, *, mpp: float) -> RgbArray:
        """Return a box, glass where it reaches beyond the picture."""
        result = np.full((box.height, box.width, 3), GLASS, np.uint8)
        part = self.rgb[box.y : box.bottom, box.x : box.right]
        result[: part.shape[0], : part.shape[1]] = part
        return result


def mosaics(folder: Path) -> dict[str, tuple[RgbArray, float]]:
    """Return the images of each patient side by side, and their µm per pixel."""
    images = defaultdict(list)
    for sample in glas(folder, split="train"):
        images[sample.patient].append(sample.image())
    found = {}
    for patient, of_patient in sorted(images.items()):
        if len(of_patient) >= FEWEST_IMAGES:
            columns = int(np.ceil(np.sqrt(len(of_patient))))
            height = max(image.rgb.shape[0] for image in of_patient)
            width = max(image.rgb.shape[1] for image in of_patient)
            rows = -(-len(of_patient) // columns)
            rgb = np.full((rows * height + 600, columns * width + 600, 3), GLASS, np.uint8)
            for number, image in enumerate(of_patient):
                y, x = 300 + number // columns * height, 300 + number % columns * width
                rgb[y : y + image.rgb.shape[0], x : x + image.rgb.shape[1]] = image.rgb
            found[f"patient {patient}"] = rgb, of_patient[0].mpp
    return found


def pictures_of(folder: Path, slides: Sequence[str]) -> dict[str, tuple[RgbArray, float]]:
    """Return the mosaics, and slides given as ``path:µm per pixel``, with their µm per pixel."""
    pictures = mosaics(folder)
    for text in slides:
        path, _, mpp = text.rpartition(":")
        with open_slide(Path(path), mpp=float(mpp)) as reader:
            whole = Box(0, 0, reader.size.width, reader.size.height)
            pictures[Path(path).stem] = reader.read(whole, mpp=float(mpp)), float(mpp)
    return pictures


def reduced(rgb: RgbArray, *, mpp: float, to_mpp: float) -> RgbArray:
    """Return the picture at a coarser resolution."""
    size = round(rgb.shape[1] * mpp / to_mpp), round(rgb.shape[0] * mpp / to_mpp)
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def with_blur(rgb: RgbArray, disc: BoolMask, *, sigma_px: float, rng: np.random.Generator) -> RgbArray:
    """Return the picture with a disc, seen from afar, out of focus."""
    share = cv2.resize(disc.astype(np.float32), (rgb.shape[1], rgb.shape[0]))[..., None]
    soft = cv2.GaussianBlur(rgb.astype(np.float32), (0, 0), sigma_px) + rng.normal(0, 1.5, rgb.shape)
    mixed = np.clip(rgb * (1 - share) + soft * share, 0, 255).astype(np.uint8)
    _, jpeg = cv2.imencode(".jpg", mixed, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR))


def moved(mask: BoolMask, by_um: float) -> BoolMask:
    """Return a mask grown, or shrunk where `by_um` is negative."""
    side = 2 * round(abs(by_um) / OVERVIEW_MPP) + 1
    change = cv2.dilate if by_um > 0 else cv2.erode
    return np.asarray(change(mask.astype(np.uint8), np.ones((side, side), np.uint8)), bool)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("glas", type=Path)
    parser.add_argument("slides", nargs="*", help="slide:µm per pixel")
    arguments = parser.parse_args()
    pictures = pictures_of(arguments.glas, arguments.slides)
    rng = np.random.default_rng(0)
    sums = {sigma: np.zeros(4) for sigma in SIGMAS_UM}  # px: found, blurred, falsely found, sharp
    for name, (rgb, mpp) in pictures.items():
        tissue = tissue_mask(reduced(rgb, mpp=mpp, to_mpp=OVERVIEW_MPP), mpp=OVERVIEW_MPP)
        rows, columns = np.nonzero(tissue)
        y, x = np.mgrid[: tissue.shape[0], : tissue.shape[1]]
        for sigma in SIGMAS_UM:
            centre = rng.integers(len(rows))
            disc = np.hypot(y - rows[centre], x - columns[centre]) < RADIUS_UM / OVERVIEW_MPP
            disc &= sigma > 0
            seen = with_blur(rgb, disc, sigma_px=sigma / mpp, rng=rng) if sigma else rgb
            held = InMemory(reduced(seen, mpp=mpp, to_mpp=BLUR_MPP))
            found = find_blur(held, tissue, mpp=OVERVIEW_MPP)
            inner, outer = tissue & moved(disc, -CELL_UM / 2), tissue & ~moved(disc, CELL_UM)
            sums[sigma] += [(found & inner).sum(), inner.sum(), (found & outer).sum(), outer.sum()]
            if (found & outer).any():
                print(
                    f"{name}, {sigma:g} µm: {100 * (found & outer).sum() / outer.sum():.2f} % falsely found"
                )
    print("| blur, µm | found of what is blurred | called blurred of what is sharp |\n|---|---|---|")
    for sigma, (found, blurred, false, sharp) in sums.items():
        mm2 = OVERVIEW_MPP**2 / 1e6
        hit = f"{100 * found / blurred:.1f} % of {blurred * mm2:.1f} mm²" if blurred else "–"
        print(f"| {sigma:g} | {hit} | {100 * false / sharp:.2f} % of {sharp * mm2:.1f} mm² |")


if __name__ == "__main__":
    main()
