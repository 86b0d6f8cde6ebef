from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from acinus.core.errors import InputError
from acinus.pipeline import fit_files
from acinus.slides import read_image


def test_images_without_tissue_and_what_is_read_otherwise_are_said(tmp_path, tiles, monkeypatch):
    """Of 12 bits called 16, a white and a black picture; the fit itself is left out."""
    learnt = []
    monkeypatch.setattr(fit_files, "fit", lambda images, *arguments, **named: learnt.extend(images))
    folder = tmp_path / "images"
    folder.mkdir()
    scale = {"resolution": (16129, 16129), "resolutionunit": "CENTIMETER"}
    rgb = read_image(tiles / "tile_000.png", mpp=0.62).rgb
    tifffile.imwrite(folder / "deep.tif", rgb.astype(np.uint16) << 4, photometric="rgb", **scale)
    for name, value in (("black", 0), ("white", 255)):
        tifffile.imwrite(folder / f"{name}.tif", np.full_like(rgb, value), photometric="rgb", **scale)
    assert fit_files.fit_files([folder], out=tmp_path / "model").warnings == [
        "black, white: no tissue was found, so no gland to learn from; check it and --mpp",
        f"deep: its 16-bit values end at {int(rgb.max()) << 4} and are read as 12 bits",
    ]
    assert [image.name for image in learnt] == ["black", "deep", "white"]


def test_images_that_all_lack_tissue_are_nothing_to_learn_from(tmp_path):
    for name, value in (("black", 0), ("white", 255)):
        Image.new("RGB", (64, 64), (value,) * 3).save(tmp_path / f"{name}.png")
    said = "nothing to learn from: no tissue was found in black, white; check them and --mpp"
    with pytest.raises(InputError, match=said):
        fit_files.fit_files([tmp_path], out=tmp_path / "model", mpp=0.5)
    assert not (tmp_path / "model").exists()
