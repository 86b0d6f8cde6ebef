"""Glands, or a cohort's statistics, as AnnData, the table of single-cell tools."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acinus.core.errors import UsageError
from acinus.glands import COLUMNS, Glands

__all__ = ["cohort_anndata", "to_anndata"]


def to_anndata(tables: Mapping[str, Glands]) -> Any:
    """Return the glands of one or more images as one `anndata.AnnData`, a row per gland.

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
    anndata, pandas = _libraries()
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


def cohort_anndata(
    values: NDArray[np.float64],
    *,
    names: Sequence[str],
    obs: Mapping[str, Sequence[Any]],
    statistics: Sequence[str],
    var: Mapping[str, Sequence[Any]],
) -> Any:
    """Return a cohort as `anndata.AnnData`: a row per patient or image, a column per statistic.

    Parameters
    ----------
    values : ndarray of shape (N, K)
        ``X``.
    names : sequence of str
        Of the N rows.
    obs : mapping of str to sequence
        What is known of the rows.
    statistics : sequence of str
        Names of the K columns.
    var : mapping of str to sequence
        What is known of the columns.

    Raises
    ------
    UsageError
        When anndata is not installed.
    """
    anndata, pandas = _libraries()
    return anndata.AnnData(
        X=values,
        obs=pandas.DataFrame(dict(obs), index=pandas.Index(list(names), dtype=str)),
        var=pandas.DataFrame(dict(var), index=pandas.Index(list(statistics), dtype=str)),
    )


def _libraries() -> tuple[Any, Any]:
    try:
        return importlib.import_module("anndata"), importlib.import_module("pandas")
    except ModuleNotFoundError as error:
        raise UsageError('AnnData needs the anndata library; run pip install "acinus[anndata]"') from error
