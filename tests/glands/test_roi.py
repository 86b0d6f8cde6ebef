from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from acinus.core.errors import InputError, UsageError
from acinus.core.geometry import Size
from acinus.glands.roi import RegionOfInterest, RoiFolder, read_roi


def write(path: Path, *drawn: tuple[shapely.Geometry, str | None]) -> Path:
    """Write outlines with their classes as QuPath does."""
    features = [
        {
            "type": "Feature",
            "geometry": json.loads(shapely.to_geojson(outline)),
            "properties": {} if name is None else {"classification": {"name": name}},
        }
        for outline, name in drawn
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_without_an_outline_everything_is_of_interest():
    assert RegionOfInterest().mask(Size(3, 2), scale=5.0).all()


def test_outlines_of_class_region_are_worked_on_and_those_with_a_star_left_out(tmp_path):
    path = write(
        tmp_path / "slide.geojson",
        (shapely.box(0, 0, 40, 20), "Region*"),
        (shapely.box(0, 0, 20, 10), "Ignore*"),
        (shapely.box(60, 0, 70, 10), "Tumor"),  # beside a region it is only an annotation
    )
    mask = read_roi(path).mask(Size(8, 3), scale=10.0)
    assert mask.astype(int).tolist() == [
        [0, 0, 1, 1, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
    ]


def test_without_a_region_outlines_of_any_class_without_a_star_are_worked_on(tmp_path):
    path = write(
        tmp_path / "a.geojson", (shapely.box(0, 0, 10, 10), "Tumor"), (shapely.box(20, 0, 30, 10), None)
    )
    assert read_roi(path).mask(Size(4, 1), scale=10.0).astype(int).tolist() == [[1, 0, 1, 0]]


def test_where_only_something_is_left_out_all_the_rest_is_worked_on(tmp_path):
    path = write(tmp_path / "a.geojson", (shapely.box(0, 0, 10, 10), "Necrosis*"))
    assert read_roi(path).mask(Size(3, 1), scale=10.0).astype(int).tolist() == [[0, 1, 1]]


def test_outlines_count_from_the_corner_of_the_scanned_part(tmp_path):
    path = write(tmp_path / "a.geojson", (shapely.box(0, 0, 10, 10), "Region*"))
    mask = read_roi(path, corner=(20.0, 10.0)).mask(Size(4, 3), scale=10.0)
    assert np.argwhere(mask).tolist() == [[1, 2]]


def test_any_other_outline_makes_another_state():
    square, other = shapely.box(0, 0, 1, 1), shapely.box(0, 0, 1, 2)
    states = [
        RegionOfInterest(),
        RegionOfInterest(inside=(square,)),
        RegionOfInterest(outside=(square,)),
        RegionOfInterest(inside=(other,)),
    ]
    assert len({each.state for each in states}) == 4


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "a.geojson").write_text("{")
    with pytest.raises(InputError, match=r"a\.geojson cannot be read as GeoJSON"):
        read_roi(tmp_path / "a.geojson")


def test_a_folder_without_a_file_for_any_input_is_refused(tmp_path):
    a, b = Path("a.svs"), Path("b.svs")
    RoiFolder().check([Path("slide.svs")])
    (tmp_path / "b.geojson.gz").touch()
    RoiFolder(tmp_path).check([a, b])
    assert RoiFolder(tmp_path).find(a) is None
    assert RoiFolder(tmp_path).find(b) == tmp_path / "b.geojson.gz"
    with pytest.raises(UsageError, match=r"no file in .* is named after an input, such as a\.geojson; check"):
        RoiFolder(tmp_path).check([a])
    with pytest.raises(UsageError, match="is not a folder; --roi takes a folder"):
        RoiFolder(tmp_path / "b.geojson.gz").check([a])


def test_a_file_may_be_named_after_the_image_with_its_ending_as_qupath_names_it(tmp_path):
    (tmp_path / "a.1.svs.geojson").touch()
    assert RoiFolder(tmp_path).find(Path("scans/a.1.svs")) == tmp_path / "a.1.svs.geojson"
    assert RoiFolder(tmp_path).find(Path("scans/a.svs")) is None


def test_a_link_that_leads_nowhere_is_no_reason_to_work_on_the_whole_slide(tmp_path):
    (tmp_path / "a.geojson").symlink_to("gone.geojson")
    found = RoiFolder(tmp_path).find(Path("a.svs"))
    with pytest.raises(InputError, match=r"a\.geojson cannot be read as GeoJSON"):
        read_roi(found)
