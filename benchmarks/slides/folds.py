"""Measure how many drawn folds `acinus.slides.artefacts` finds, and what it calls a fold where there is none.

Run ``python benchmarks/slides/folds.py GLAS [SLIDE:MPP ...]``, with the slides of ``blur.py`` beside it. On
each, two bands of 40 to 100 × 400 to 900 µm lie double, one at a time: what passes is squared.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from blur import pictures_of, reduced

from acinus.core.image import BoolMask, RgbArray
from acinus.slides import artefacts
from acinus.slides.tissue import OVERVIEW_MPP, tissue_mask

DENSITIES = (1.9, 1.75, 1.6)  # times the usual density; the first is in use
FOLDS = 2
INSIDE_UM = 160.0  # the middle of a fold lies so far within the tissue


def folded(rgb: RgbArray, tissue: BoolMask, rng: np.random.Generator) -> tuple[RgbArray, BoolMask] | None:
    """Return an overview with a band that lies double, and the band; None where there is no room for one."""
    side = 2 * round(INSIDE_UM / OVERVIEW_MPP) + 1
    rows, columns = np.nonzero(cv2.erode(tissue.astype(np.uint8), np.ones((side, side), np.uint8)))
    if not len(rows):
        return None
    place, angle = rng.integers(len(rows)), rng.uniform(0, np.pi)
    width, half = rng.uniform(40, 100) / OVERVIEW_MPP, rng.uniform(400, 900) / OVERVIEW_MPP / 2
    along = half * np.array((np.cos(angle), np.sin(angle)))
    ends = [(np.array((columns[place], rows[place])) + sign * along).astype(int).tolist() for sign in (-1, 1)]
    band = cv2.line(np.zeros(tissue.shape, np.uint8), *ends, 1, max(2, round(width))).astype(bool) & tissue
    doubled = ((rgb.astype(float) + 1) / 256) ** 2 * 256 - 1
    return np.where(band[..., None], doubled, rgb).clip(0, 255).astype(np.uint8), band


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("glas", type=Path)
    parser.add_argument("slides", nargs="*", help="slide:µm per pixel")
    arguments = parser.parse_args()
    overviews = [
        reduced(rgb, mpp=mpp, to_mpp=OVERVIEW_MPP)
        for rgb, mpp in pictures_of(arguments.glas, arguments.slides).values()
    ]
    print(
        "| density | folds of which half is found | slides with a false fold | largest share of the tissue |"
    )
    print("|---|---|---|---|")
    for density in DENSITIES:
        artefacts._FOLD_DENSITY = density
        rng = np.random.default_rng(0)
        false, shares = [], []
        for rgb in overviews:
            tissue = tissue_mask(rgb, mpp=OVERVIEW_MPP)
            found = artefacts.find_artefacts(rgb, mpp=OVERVIEW_MPP).of_kind("fold")
            false.append(found.sum() / tissue.sum())
            for drawn in (folded(rgb, tissue, rng) for _ in range(FOLDS)):
                if drawn is not None:
                    picture, band = drawn
                    again = artefacts.find_artefacts(picture, mpp=OVERVIEW_MPP).of_kind("fold")
                    shares.append((again & band).sum() / band.sum())
        half = sum(share > 0.5 for share in shares)
        print(
            f"| {density} | {half} of {len(shares)} | {sum(share > 0 for share in false)} of {len(false)} "
            f"| {100 * max(false):.1f} % |",
            flush=True,
        )


if __name__ == "__main__":
    main()
