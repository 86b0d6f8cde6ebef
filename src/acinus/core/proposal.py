"""The proposal map: what stage 1 proposes for every pixel, and the only thing stage 2 learns from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from acinus.core.errors import InputError
from acinus.core.files import atomic_path
from acinus.core.image import BoolMask, LabelMap
from acinus.core.naming import shortened

__all__ = ["BACKGROUND", "EXTERIOR", "IGNORE", "INTERIOR", "ProposalMap", "proposal_path"]

BACKGROUND: Final = 0
EXTERIOR: Final = 1
INTERIOR: Final = 2
IGNORE: Final = 255

_LONGEST_NAME_BYTES = 200
_MOST_GLANDS = 65_535  # in one image, and in the 16 bits of its file

_PALETTE = {
    BACKGROUND: (236, 236, 236),
    EXTERIOR: (94, 42, 132),
    INTERIOR: (232, 150, 60),
    IGNORE: (150, 190, 200),
}


@dataclass(frozen=True)
class ProposalMap:
    """Regions found without labels, with the trust put in each pixel.

    Attributes
    ----------
    regions : ndarray of shape (H, W), uint8
        `BACKGROUND` 0, `EXTERIOR` 1 (the dark ring), `INTERIOR` 2 (what a closed ring encloses),
        `IGNORE` 255.
    confidence : ndarray of shape (H, W), float32
        0..1; weight of the pixel in stage 2. Means nothing where `regions` is `IGNORE`.
    mpp : float
        µm per pixel of all arrays.
    glands : ndarray of shape (H, W), int32, optional
        Which gland each pixel belongs to, 1..N, 0 for none. None where the cue cannot tell a gland from its
        neighbour: then nothing is known of the borders between glands.
    """

    regions: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    mpp: float
    glands: LabelMap | None = None

    @property
    def gland(self) -> BoolMask:
        """Exterior and interior together."""
        return np.isin(self.regions, (EXTERIOR, INTERIOR))

    def save(self, path: Path) -> None:
        """Write `path` (PNG in colours that can be looked at) and ``<stem>_confidence.png`` beside it.

        The palette index of each pixel of the first is the region's number; the resolution is stored in it.
        Glands that have numbers go to ``<stem>_glands.png``, 16 bits; numbers beyond 65,535 are left out.
        """
        picture = Image.fromarray(self.regions)  # grey; with a palette its values become indices
        palette = [0] * 768
        for value, colour in _PALETTE.items():
            palette[3 * value : 3 * value + 3] = colour
        picture.putpalette(palette)
        dpi = 25400.0 / self.mpp
        with atomic_path(_confidence_path(path)) as temporary:
            Image.fromarray(np.rint(self.confidence * 255).astype(np.uint8)).save(temporary, optimize=True)
        if self.glands is None:
            _glands_path(path).unlink(missing_ok=True)
        else:
            numbers = np.where(self.glands <= _MOST_GLANDS, self.glands, 0).astype(np.uint16)
            with atomic_path(_glands_path(path)) as temporary:
                Image.fromarray(numbers).save(temporary, optimize=True)
        with atomic_path(path) as temporary:  # last: a map is there when all of it is
            picture.save(temporary, optimize=True, dpi=(dpi, dpi))

    @classmethod
    def load(cls, path: Path) -> ProposalMap:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            When a file is missing or is not part of a proposal map.
        """
        try:
            with Image.open(path) as picture:
                regions = np.asarray(picture)
                dpi = picture.info.get("dpi", (0.0, 0.0))[0]
                palette_mode = picture.mode == "P"
            with Image.open(_confidence_path(path)) as picture:
                confidence = np.asarray(picture).astype(np.float32) / 255.0
            glands = _load_glands(_glands_path(path))
        except (OSError, SyntaxError, ValueError) as error:  # Pillow's answers to damaged files
            raise InputError(
                f"{path} is not a proposal map ({error}); delete it and run fit again"
            ) from error
        shapes = {regions.shape, confidence.shape} | (set() if glands is None else {glands.shape})
        if not palette_mode or not dpi or len(shapes) > 1:
            raise InputError(f"{path} is not a proposal map written by acinus; delete it and run fit again")
        return cls(regions=regions, confidence=confidence, mpp=25400.0 / dpi, glands=glands)


def proposal_path(folder: Path, name: str) -> Path:
    """Return where the proposal map of image `name` is saved.

    All regions end in ``.regions.png`` and all confidences in ``.regions_confidence.png``: those of an image
    ``a`` and of an image ``a_confidence`` are four files. Long names are shortened, so that file systems take
    the ending too.
    """
    return folder / f"{shortened(name, most_bytes=_LONGEST_NAME_BYTES)}.regions.png"


def _confidence_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}_confidence.png")


def _glands_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}_glands.png")


def _load_glands(path: Path) -> LabelMap | None:
    if not path.exists():
        return None
    with Image.open(path) as picture:
        return np.asarray(picture).astype(np.int32)
