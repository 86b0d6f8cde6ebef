"""OME-Zarr from `acinus segment` to the viewer: a folder is a slide like any other."""

from __future__ import annotations

import numpy as np
import pytest
import zarr
from PIL import Image

from acinus.cli import run
from acinus.results.folder import read_results
from acinus.results.record import find_source
from acinus.viewer.entries import find_entries


@pytest.fixture
def slide(tmp_path, tiles):
    """A synthetic image as OME-Zarr with two levels, in a folder of images."""
    rgb = np.asarray(Image.open(tiles / "tile_000.png"))
    group = zarr.open_group(tmp_path / "images" / "case.zarr", mode="w", zarr_format=2)
    datasets = []
    for level in range(2):
        group.create_array(str(level), data=rgb[:: 2**level, :: 2**level])
        scale = [0.62 * 2**level, 0.62 * 2**level, 1.0]
        datasets.append(
            {"path": str(level), "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        )
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    axes.append({"name": "c", "type": "channel"})
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    return tmp_path / "images" / "case.zarr"


def test_a_folder_of_zarr_is_segmented_once_and_found_again(slide, tiny_model, tmp_path, capsys):
    words = ["segment", str(slide.parent), "--model", str(tiny_model), "--out", str(tmp_path / "out")]
    assert run(words) == 0
    [result] = read_results(tmp_path / "out").images
    assert (result.record.kind, result.record.mpp, result.record.width_px) == ("slide", 0.62, 256)
    assert find_source(result.record, tmp_path / "out" / "case") == slide
    before = (tmp_path / "out" / "case" / "image.json").stat().st_mtime_ns
    assert run(words) == 0
    assert (tmp_path / "out" / "case" / "image.json").stat().st_mtime_ns == before
    chunk = slide / "0" / "0.0.0"
    chunk.write_bytes(chunk.read_bytes())  # another time: another slide
    assert run(words) == 0
    assert (tmp_path / "out" / "case" / "image.json").stat().st_mtime_ns > before


def test_the_viewer_lists_zarr_beside_images_and_by_itself(slide):
    for path in (slide, slide.parent):
        [entry] = find_entries(path).by_name.values()
        assert (entry.name, entry.source) == ("case", slide)
