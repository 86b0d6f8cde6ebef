"""Glands as AnnData, the table of single-cell tools: a row per gland, centroids in ``obsm["spatial"]``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from acinus.core.errors import UsageError
from acinus.glands import COLUMNS, Glands

__all__ = ["to_anndata"]


def to_anndata(tables: Mapping[str, Glands]) -> Any:
    """Return the glands of one or more images as one `anndata.AnnData`.

    Parameters
    ----------
    tables : mapping of str to Glands
        By the name of the image.

    Returns
    -------
    AnnData
        N observations named ``<image>:<label>``. ``obs`` has the columns of `Glands` and the categorical
        ``image``; ``obsm["spatial"]`` is (N, 2) float64, x and y of the centroids in µm; ``uns["columns"]``
        explains each column. It has no variables: a name both in ``obs`` and in ``var`` is ambiguous
        to plotting functions. ``adata.obs[[…]].to_numpy()`` is the matrix for a method that wants one.

    Raises
    ------
    UsageError
        When anndata is not installed.
    """
    try:
        anndata, pandas = importlib.import_module("anndata"), importlib.import_module("pandas")
    except ModuleNotFoundError as error:
        raise UsageError('AnnData needs the anndata library; run pip install "acinus[anndata]"') from error
    names = list(tables)
    images = pandas.Categorical(
        np.repeat(np.array(names, dtype=object), [len(glands) for glands in tables.values()]),
        categories=names,
    )
    columns = {
        column.name: np.concatenate(
            [np.empty(0, dtype=column.dtype), *(glands[column.name] for glands in tables.values())]
        )
        for column in COLUMNS
    }
    index = [f"{image}:{label}" for image, label in zip(images, columns["label"].tolist(), strict=True)]
    obs = pandas.DataFrame({"image": images, **columns}, index=pandas.Index(index, dtype=str))
    return anndata.AnnData(
        obs=obs,
        obsm={"spatial": np.stack([columns["centroid_x_um"], columns["centroid_y_um"]], axis=1)},
        uns={"columns": {column.name: column.meaning for column in COLUMNS}, "spatial_unit": "µm"},
    )
