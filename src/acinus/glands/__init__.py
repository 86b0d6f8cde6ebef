"""Label map in; polygons, statistics in µm, GeoJSON and tables out."""
