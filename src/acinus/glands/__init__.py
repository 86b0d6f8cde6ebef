"""Label map in; polygons, statistics in µm, GeoJSON and tables out."""

from acinus.glands.columns import COLUMNS, Column, Glands
from acinus.glands.geojson import gland_id, write_geojson
from acinus.glands.measure import NEIGHBOUR_RADIUS_UM, measure_glands
from acinus.glands.polygons import TOLERANCE_UM, Outline, gland_polygons
from acinus.glands.roc import auc
from acinus.glands.summary import clark_evans, summarise

__all__ = [
    "COLUMNS",
    "NEIGHBOUR_RADIUS_UM",
    "TOLERANCE_UM",
    "Column",
    "Glands",
    "Outline",
    "auc",
    "clark_evans",
    "gland_id",
    "gland_polygons",
    "measure_glands",
    "summarise",
    "write_geojson",
]
