from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .drawn import MPP, discs, write_slide


@pytest.fixture(scope="session")
def disc_slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A slide of six round glands; not to be changed."""
    return write_slide(tmp_path_factory.mktemp("discs") / "discs.tif", discs(), mpp=MPP)


@pytest.fixture(scope="session")
def tissue_slide(tmp_path_factory: pytest.TempPathFactory, tiles: Path) -> Path:
    """A slide of 4 × 3 drawn tiles with glass around them, for hardly trained networks; not to be changed."""
    drawn = [np.asarray(Image.open(tiles / f"tile_00{k}.png").convert("RGB")) for k in range(3)]
    rgb = np.full((3 * 256 + 150, 4 * 256 + 150, 3), 244, np.uint8)
    for row in range(3):
        for column in range(4):
            y, x = 75 + row * 256, 75 + column * 256
            rgb[y : y + 256, x : x + 256] = np.rot90(drawn[(row + column) % 3], row)
    return write_slide(tmp_path_factory.mktemp("tissue") / "tissue.tif", rgb, mpp=0.62)
