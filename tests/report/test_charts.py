"""Charts count every gland once and put it where it belongs."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acinus.core.geometry import Box
from acinus.glands import Glands
from acinus.report.charts import axis_for, distribution, histogram_counts
from acinus.report.gallery import choose_glands, surroundings
from acinus.report.outlines import box_of, read_outlines, svg_path
from acinus.results.folder import ImageResult, read_results

VALUES = st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=60).map(np.array)


@given(VALUES, st.booleans())
def test_every_value_is_counted_once_and_lies_on_the_axis(values, logarithmic):
    axis = axis_for(values, logarithmic=logarithmic)
    edges, counts = histogram_counts(values, axis)
    assert counts.sum() == len(values)
    assert np.all(np.diff(edges) > 0)
    assert all(axis.x(axis.low) <= axis.x(value) <= axis.x(axis.high) for value in values.tolist())
    assert values.max() <= axis.high * (1 + 1e-9)


def test_crumb_of_one_pixel_does_not_stretch_the_axis():
    assert axis_for(np.array([0.4, *[6000.0] * 9]), logarithmic=True).low == 50.0


def test_few_images_get_a_row_each_and_many_a_tick_each():
    values = np.arange(1.0, 41.0)
    axis = axis_for(values, logarithmic=False)
    few = distribution(values, axis=axis, title="t", groups=[(f"i{k}", values[k : k + 3]) for k in range(4)])
    many = distribution(
        values, axis=axis, title="t", groups=[(f"i{k}", values[k : k + 3]) for k in range(30)]
    )
    assert (few.count('class="box"'), few.count('class="middle"')) == (4, 4)
    assert (many.count('class="box"'), many.count('class="middle"')) == (0, 30)


def test_names_in_charts_are_escaped():
    values = np.array([1.0, 2.0])
    groups = [("<b>&", values), ("b", values[:0])]
    chart = distribution(values, axis=axis_for(values, logarithmic=False), title='"<i>', groups=groups)
    assert "<b>" not in chart
    assert "<i>" not in chart
    assert "&lt;b&gt;&amp;" in chart
    assert "no value" in chart


def test_outlines_survive_the_way_into_the_picture(results, stained, discs):
    folder = results.add("a", stained(1), discs((100, 120, 30)))
    outlines = read_outlines(folder / "glands.geojson")
    assert list(outlines) == [1]
    assert box_of(outlines[1]).intersection(Box(70, 90, 60, 60)) == Box(70, 90, 60, 60)
    path = svg_path(outlines[1], origin=(60.0, 80.0), scale=2.0)
    points = np.array([pair.split() for pair in re.split("[MLZ]", path) if pair], float)
    np.testing.assert_allclose(np.hypot(*(points - (80.0, 80.0)).T), 60.0, atol=1.5)


def test_damaged_outlines_are_no_outlines(tmp_path):
    for content in (b"", b"[]", b'{"features": [{}]}', b"\xff\xfe"):
        (tmp_path / "glands.geojson").write_bytes(content)
        assert read_outlines(tmp_path / "glands.geojson") == {}


def test_gallery_puts_discs_before_notched_glands_and_leaves_cut_ones_out(results, stained, discs):
    labels = discs((60, 60, 40), (160, 60, 40), (60, 160, 40), (160, 160, 40), (0, 260, 40), (300, 300, 4))
    labels[40:80, 150:170] = 0  # a bay in gland 2
    labels[150:165, 50:101] = 0  # and one in gland 3
    labels[160:165, 160:] = 0  # a slit in gland 4
    results.add("a", stained(1), labels)
    most, least = choose_glands(read_results(results.root).images, count=2)
    assert most[0].label == 1
    assert {gland.label for gland in (*most, *least)} == {1, 2, 3, 4}
    assert choose_glands(read_results(results.root).images, count=0) == ([], [])


def test_crops_stay_inside_small_images(tmp_path, image_record):
    image = ImageResult(tmp_path, image_record(width_px=50, height_px=40, mpp=1.0), Glands.empty())
    assert surroundings(Box(0, 0, 50, 40), image) == Box(0, 0, 50, 40)
