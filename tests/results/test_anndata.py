"""Glands as AnnData: rows, names, places and types by hand; and as the data frames of other libraries."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from acinus.core.errors import UsageError
from acinus.glands import COLUMNS, Glands, measure_glands
from acinus.results.anndata import to_anndata


def squares(*sides_px: int) -> Glands:
    """Squares in a row, 40 px from one to the next, at 0.5 µm/px."""
    labels = np.zeros((40, 40 * len(sides_px)), np.int32)
    for number, side in enumerate(sides_px):
        labels[4 : 4 + side, 40 * number + 4 : 40 * number + 4 + side] = number + 1
    return measure_glands(labels, mpp=0.5)


def test_every_gland_is_a_row_with_its_image_its_columns_and_its_place_in_um():
    found = to_anndata({"a": squares(10, 20), "b": squares(16)})
    assert list(found.obs_names) == ["a:1", "a:2", "b:1"]
    assert list(found.obs["image"]) == ["a", "a", "b"]
    assert list(found.obs["image"].cat.categories) == ["a", "b"]
    assert found.obs["area_um2"].tolist() == [25.0, 100.0, 64.0]
    # The middles of pixels 4..13, 44..63 and 4..19, times 0.5.
    assert found.obsm["spatial"][:, 0] == pytest.approx([4.5, 27.0, 6.0])
    assert found.obsm["spatial"][:, 1] == pytest.approx([4.5, 7.0, 6.0])
    assert found.shape == (3, 0)
    assert list(found.obs.columns) == ["image", *(column.name for column in COLUMNS)]
    assert found.uns["columns"]["area_um2"] == "area of the pixels"


def test_images_without_glands_leave_no_row_but_all_columns():
    found = to_anndata({"empty": Glands.empty(), "b": squares(16)})
    assert list(found.obs_names) == ["b:1"]
    assert list(found.obs["image"].cat.categories) == ["empty", "b"]
    none = to_anndata({})
    assert none.shape == (0, 0)
    assert none.obs["label"].dtype == np.int32
    assert none.obsm["spatial"].shape == (0, 2)


def test_it_is_written_and_read_as_h5ad(tmp_path: Path):
    import anndata

    written = to_anndata({"a": squares(10, 20)})
    written.write_h5ad(tmp_path / "glands.h5ad")
    read = anndata.read_h5ad(tmp_path / "glands.h5ad")
    assert read.obs["area_um2"].tolist() == [25.0, 100.0]
    assert np.array_equal(read.obsm["spatial"], written.obsm["spatial"])
    assert read.obs["touches_side"].dtype == bool


def test_without_anndata_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "anndata", None)
    with pytest.raises(UsageError, match=r'run pip install "acinus\[anndata\]"'):
        to_anndata({})


def test_pyarrow_polars_and_pandas_take_a_table_as_it_is():
    glands = squares(10, 20)
    table = pa.table(glands)
    assert table.column_names == [column.name for column in COLUMNS]
    assert table["area_um2"].to_pylist() == [25.0, 100.0]
    assert table.schema.field("label").type == pa.int32()
    assert table.schema.field("touches_side").type == pa.bool_()
    assert table.to_pandas()["area_um2"].tolist() == [25.0, 100.0]
    frame = pl.DataFrame(glands)
    assert frame["area_um2"].to_list() == [25.0, 100.0]
    assert frame["lumen_area_um2"].is_nan().all()  # measured without an image
    assert len(pl.DataFrame(Glands.empty())) == 0


def test_a_table_is_a_dictionary_of_arrays_for_who_asks():
    glands = squares(10)
    assert list(dict(glands)) == [column.name for column in COLUMNS]
    assert dict(glands)["area_um2"].tolist() == [25.0]
