"""A small run folder as ``acinus segment`` writes it, and a client of the page over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from acinus.core.files import write_json
from acinus.glands import gland_polygons, measure_glands, write_csv, write_geojson
from acinus.viewer import create_app

MPP = 0.5
CENTRES = [(x, y) for y in (80, 200, 320) for x in (80, 220, 360, 500)]  # x, y of the 12 glands


def draw_slide() -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return a pink image of 600 × 400 px with 12 purple discs of growing radius, and their labels."""
    rows, columns = np.mgrid[:400, :600]
    rgb = np.full((400, 600, 3), (238, 190, 214), np.uint8)
    labels = np.zeros((400, 600), np.int32)
    for label, (x, y) in enumerate(CENTRES, start=1):
        distance = np.hypot(rows - y, columns - x)
        radius = 16 + 2 * label
        labels[distance < radius] = label
        rgb[distance < radius] = (130, 70, 150)
        rgb[distance < radius / 3] = (250, 248, 250)
    return rgb, labels


def write_result(folder: Path, source: Path) -> None:
    """Write one slide's results the way ``acinus segment`` lays them out."""
    rgb, labels = draw_slide()
    Image.fromarray(rgb).save(source)
    folder.mkdir(parents=True)
    glands = measure_glands(labels, mpp=MPP, image=rgb)
    write_geojson(folder / "glands.geojson", gland_polygons(labels, mpp=MPP), name=folder.name, glands=glands)
    write_csv(folder / "glands.csv", glands)
    write_json(
        folder / "image.json",
        {"name": folder.name, "path": str(source), "width_px": 600, "height_px": 400, "mpp": MPP},
    )


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A run of two slides whose image files lie outside of it."""
    images = tmp_path / "images"
    images.mkdir()
    for name in ("slide_2", "slide_10"):
        write_result(tmp_path / "run" / name, images / f"{name}.png")
    write_json(tmp_path / "run" / "run.json", {"command": "acinus segment"})
    return tmp_path / "run"


@pytest.fixture
def client(run_folder: Path) -> Iterator[TestClient]:
    with TestClient(create_app(run_folder), base_url="http://127.0.0.1:8000") as client:
        yield client
