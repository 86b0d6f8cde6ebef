"""Measure the glands of a label map, wherever it came from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from acinus.core.errors import InputError
from acinus.core.files import make_folder, write_json
from acinus.core.image import BoolMask, LabelMap
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
from acinus.slides.images import read_image
from acinus.slides.labels import read_labels
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
    tissue = tissue_mask(image.rgb, mpp=image.mpp)
    write_json(out / "summary.json", summarise_image(glands, labels, tissue, mpp=image.mpp))
    return len(glands)


def summarise_image(glands: Glands, labels: LabelMap, tissue: BoolMask, *, mpp: float) -> dict[str, float]:
    """Summarise an image's glands over its tissue.

    A gland is tissue however pale it is, so every gland counts as tissue beside what `tissue_mask` found.

    Parameters
    ----------
    glands : Glands
        Of `measure_glands` on `labels`.
    labels : ndarray of shape (H, W), int32
        At the image's size.
    tissue : ndarray of shape (H, W), bool
        Of `tissue_mask`.
    mpp : float
        µm per pixel of both.

    Returns
    -------
    dict of str to float
        As `acinus.glands.summarise` returns it.
    """
    tissue_um2 = float(np.count_nonzero(tissue | (labels > 0))) / um2_to_px(1.0, mpp=mpp)
    return summarise(glands, tissue_area_um2=tissue_um2)
