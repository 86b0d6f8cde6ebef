from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from acinus.core.errors import InputError
from acinus.slides import describe


def test_a_tiled_tiff_is_described_in_pixels_and_millimetres(tmp_path):
    rgb = np.full((300, 400, 3), 200, np.uint8)
    options = {"resolution": (20000, 20000), "resolutionunit": "CENTIMETER", "tile": (64, 128)}
    tifffile.imwrite(tmp_path / "a.tif", rgb, photometric="rgb", **options)
    facts = describe(tmp_path / "a.tif")
    assert (facts["format"], facts["backend"]) == ("tiff", "tifffile")
    assert (facts["width_px"], facts["height_px"]) == (400, 300)
    assert (facts["mpp"], facts["mpp_source"], facts["mpp_problem"]) == (0.5, "TIFF resolution tag", None)
    assert (facts["width_mm"], facts["height_mm"]) == (0.2, 0.15)
    assert facts["bounds"] == {"x": 0, "y": 0, "width": 400, "height": 300}
    tile = {"tile_width_px": 128, "tile_height_px": 64}
    assert facts["levels"] == [{"level": 0, "width_px": 400, "height_px": 300, "downsample": 1.0, **tile}]
    assert facts["file_size_bytes"] == (tmp_path / "a.tif").stat().st_size
    json.dumps(facts)


def test_an_image_without_resolution_is_described_with_the_remedy(tmp_path):
    Image.new("RGB", (40, 50)).save(tmp_path / "a.png", dpi=(72, 72))
    facts = describe(tmp_path / "a.png")
    assert (facts["mpp"], facts["width_mm"]) == (None, None)
    assert facts["mpp_problem"] == "a.png has no µm/px; pass --mpp, for example --mpp 0.5"
    assert facts["mpp_source"] == "not in the file (PNG pHYs is 72 dpi, for a screen or print)"


def test_what_cannot_be_read_cannot_be_described(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        describe(tmp_path / "none.svs")
