"""The table of glands: one row per gland, one column per statistic, the unit in the column's name.

Missing values are NaN: a thickness without a lumen, a neighbour of the only gland, a colour without an image.
`COLUMNS` is the one list of what is measured; tables, GeoJSON and `docs/measurements.md` follow it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from acinus.core.errors import InputError

__all__ = ["COLUMNS", "Column", "Glands"]

Kind = Literal["identity", "shape", "colour", "arrangement"]


@dataclass(frozen=True)
class Column:
    """One statistic: its name with unit, how it is stored and shown, and its meaning in a sentence.

    Attributes
    ----------
    name : str
        Column name, ending in its unit (``_um``, ``_um2``, ``_od``, ``_deg``); no ending: a ratio or a count.
    digits : int
        Decimals in the CSV; 0 for integers and truth values.
    meaning : str
        One sentence; the formula is in `docs/measurements.md` and in the function that computes it.
    kind : {"identity", "shape", "colour", "arrangement"}
        Identity columns name the gland, its place and direction, and are not summarised.
    qupath : str
        Name of the measurement in GeoJSON: QuPath's own where QuPath has the same definition.
    dtype : type
        numpy scalar type of the column.
    since : str
        Version of acinus that measured it first; in tables of earlier ones it is missing.
    """

    name: str
    digits: int
    meaning: str
    kind: Kind
    qupath: str
    dtype: type[np.generic] = np.float64
    since: str = "0.1.0"


COLUMNS: tuple[Column, ...] = (
    Column("label", 0, "value in the label map", "identity", "Label", np.int32),
    Column("centroid_x_um", 2, "mean x of the pixels", "identity", "Centroid X µm"),
    Column("centroid_y_um", 2, "mean y of the pixels", "identity", "Centroid Y µm"),
    Column("touches_side", 0, "cut by the image border", "identity", "Touches image side", np.bool_),
    Column("orientation_deg", 1, "direction of the long axis", "identity", "Orientation °", since="0.3.0"),
    Column("area_um2", 2, "area of the pixels", "shape", "Area µm^2"),
    Column("perimeter_um", 2, "length of all boundaries", "shape", "Length µm"),
    Column("equivalent_diameter_um", 2, "diameter of the equal disc", "shape", "Equivalent diameter µm"),
    Column("max_feret_um", 2, "largest caliper width", "shape", "Max Feret diameter µm"),
    Column("min_feret_um", 2, "smallest caliper width", "shape", "Min diameter µm"),
    Column("bounding_circle_um", 2, "diameter of the smallest enclosing circle", "shape", "Max diameter µm"),
    Column("circularity", 4, "4π area over perimeter squared, holes ignored", "shape", "Circularity"),
    Column("solidity", 4, "area over area of the convex hull", "shape", "Solidity"),
    Column("convexity", 4, "perimeter of the convex hull over perimeter", "shape", "Convexity"),
    Column("eccentricity", 4, "eccentricity of the ellipse of equal moments", "shape", "Eccentricity"),
    Column("irregularity", 4, "perimeter over perimeter of the matching ellipse", "shape", "Irregularity"),
    Column("fractal_dimension", 4, "box-counting dimension of the boundary", "shape", "Fractal dimension"),
    Column("best_alignment", 5, "distance to the best aligned ellipse", "shape", "Best alignment metric"),
    Column("lumen_area_um2", 2, "area of the pale interior", "colour", "Lumen area µm^2"),
    Column("lumen_fraction", 4, "pale interior over the filled gland", "colour", "Lumen fraction"),
    Column("lumina", 0, "number of lumina", "colour", "Lumina", since="0.3.0"),
    Column(
        "lumen_circularity", 4, "circularity of the largest", "colour", "Lumen circularity", since="0.3.0"
    ),
    Column("thickness_um", 2, "mean width of the epithelium", "colour", "Epithelial thickness µm"),
    Column("thickness_cv", 4, "its coefficient of variation", "colour", "Epithelial thickness CV"),
    Column("haematoxylin_od", 4, "mean haematoxylin of the epithelium", "colour", "Hematoxylin OD mean"),
    Column(
        "nuclear_crowding",
        4,
        "share of the epithelium that nuclei cover",
        "colour",
        "Nuclear crowding",
        since="0.3.0",
    ),
    Column(
        "nuclear_stratification",
        4,
        "share of haematoxylin in the half beside the lumen",
        "colour",
        "Nuclear stratification",
        since="0.3.0",
    ),
    Column("nearest_centroid_um", 2, "to the nearest other centroid", "arrangement", "Nearest centroid µm"),
    Column("nearest_gap_um", 2, "to the nearest other gland's boundary", "arrangement", "Nearest gap µm"),
    Column("neighbours", 0, "glands within the radius", "arrangement", "Neighbours", np.int32),
    Column(
        "back_to_back",
        4,
        "share of the border within 10 µm of another gland",
        "arrangement",
        "Back to back",
        since="0.3.0",
    ),
    Column(
        "orientation_disorder",
        4,
        "turning of the neighbours' long axes against its own",
        "arrangement",
        "Orientation disorder",
        since="0.3.0",
    ),
)


@dataclass(frozen=True)
class Glands:
    """A columnar table with exactly the columns of `COLUMNS`, in their order.

    Attributes
    ----------
    columns : mapping of str to ndarray of shape (N,)

    Raises
    ------
    InputError
        When columns are missing, unknown or of different lengths.

    Examples
    --------
    >>> glands = Glands.empty()
    >>> len(glands), glands["area_um2"].dtype
    (0, dtype('float64'))

    As a data frame: ``polars.DataFrame(glands)``, ``pyarrow.table(glands).to_pandas()``.
    """

    columns: Mapping[str, NDArray[Any]]

    def __post_init__(self) -> None:
        """Check the names and lengths; store each column with its own type."""
        expected = [column.name for column in COLUMNS]
        if set(self.columns) != set(expected):
            differing = ", ".join(sorted(set(self.columns) ^ set(expected)))
            raise InputError(f"not a table of glands: columns missing or unknown: {differing}; measure again")
        typed = {column.name: np.asarray(self.columns[column.name], dtype=column.dtype) for column in COLUMNS}
        if len({values.shape for values in typed.values()}) != 1 or typed["label"].ndim != 1:
            raise InputError("not a table of glands: its columns have different lengths; measure again")
        object.__setattr__(self, "columns", typed)

    @classmethod
    def empty(cls) -> Glands:
        """Return the table of an image without glands: all columns, no rows."""
        return cls({column.name: np.empty(0, dtype=column.dtype) for column in COLUMNS})

    def __len__(self) -> int:
        """Return the number of glands."""
        return len(self.columns["label"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return one column, shape (N,)."""
        return self.columns[name]

    def keys(self) -> list[str]:
        """Return the names of the columns: ``dict(glands)`` is the table as a dictionary of arrays."""
        return list(self.columns)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the table as an Arrow stream, by which pandas, polars, pyarrow and DuckDB take it.

        Missing values stay NaN.

        Examples
        --------
        >>> import pyarrow
        >>> pyarrow.table(Glands.empty()).schema.field("area_um2").type
        DataType(double)
        """
        import pyarrow as pa  # type: ignore[import-untyped]  # not needed to measure glands

        stream: object = pa.table(dict(self.columns)).__arrow_c_stream__(requested_schema)
        return stream

    def select(self, rows: NDArray[Any]) -> Glands:
        """Return the glands chosen by a boolean mask or by row numbers.

        Examples
        --------
        >>> glands = Glands.empty()
        >>> len(glands.select(~glands["touches_side"]))
        0
        """
        return Glands({name: values[rows] for name, values in self.columns.items()})
