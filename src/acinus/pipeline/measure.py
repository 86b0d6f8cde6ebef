"""Measure the glands of a label map, wherever it came from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from acinus.core.errors import InputError
from acinus.core.files import make_folder, write_json
from acinus.core.image import LabelMap, RgbImage
from acinus.core.units import um2_to_px
from acinus.glands import (
    Glands,
    gland_polygons,
    measure_glands,
    summarise,
    write_csv,
    write_geojson,
    write_parquet,
)
from acinus.pipeline.arguments import check_mpp_argument
from acinus.slides.images import read_image, read_labels
from acinus.slides.tissue import tissue_mask

__all__ = ["measure_files", "summarise_image"]


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
    write_csv(out / "glands.csv", glands)
    write_parquet(out / "glands.parquet", glands)
    write_geojson(
        out / "glands.geojson", gland_polygons(labels, mpp=image.mpp), name=image.name, glands=glands
    )
    write_json(out / "summary.json", summarise_image(glands, labels, image))
    return len(glands)


def summarise_image(glands: Glands, labels: LabelMap, image: RgbImage) -> dict[str, float]:
    """Summarise an image's glands over its tissue.

    Tissue is what `tissue_mask` finds and, since a gland is tissue however pale it is, every gland.

    Parameters
    ----------
    glands : Glands
        Of `measure_glands` on `labels`.
    labels : ndarray of shape (H, W), int32
        At the image's size.
    image : RgbImage

    Returns
    -------
    dict of str to float
        As `acinus.glands.summarise` returns it.
    """
    tissue = tissue_mask(image.rgb, mpp=image.mpp) | (labels > 0)
    tissue_um2 = float(np.count_nonzero(tissue)) / um2_to_px(1.0, mpp=image.mpp)
    return summarise(glands, tissue_area_um2=tissue_um2)
