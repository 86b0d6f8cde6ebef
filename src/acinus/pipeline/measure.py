"""Measure the glands of a label map, wherever it came from."""

from __future__ import annotations

from pathlib import Path

from acinus.core.errors import InputError
from acinus.core.files import make_folder, write_json
from acinus.glands import gland_polygons, measure_glands
from acinus.glands.summary import summarise_image
from acinus.pipeline.arguments import check_mpp_argument
from acinus.results.files import SUMMARY_JSON
from acinus.results.writing import write_glands
from acinus.slides.images import read_image
from acinus.slides.label_image import read_labels
from acinus.slides.tissue import tissue_mask

__all__ = ["measure_files"]


def measure_files(labels_path: Path, image_path: Path, *, out: Path, mpp: float | None = None) -> int:
    """Write ``glands.csv``, ``.parquet``, ``.geojson`` and ``summary.json`` and return the number of glands.

    Raises
    ------
    InputError
        When a file cannot be read, or the two differ in size.
    """
    check_mpp_argument(mpp)
    image = read_image(image_path, mpp=mpp)
    labels = read_labels(labels_path)
    if labels.shape != image.shape:
        raise InputError(
            f"{labels_path.name} is {labels.shape[1]} × {labels.shape[0]} px, {image_path.name} is "
            f"{image.shape[1]} × {image.shape[0]}; give the label map at the image's size"
        )
    make_folder(out)
    glands = measure_glands(labels, mpp=image.mpp, image=image.rgb)
    write_glands(out, glands, gland_polygons(labels, mpp=image.mpp), name=image.name)
    tissue = tissue_mask(image.rgb, mpp=image.mpp)
    write_json(out / SUMMARY_JSON, summarise_image(glands, labels, tissue, mpp=image.mpp))
    return len(glands)
