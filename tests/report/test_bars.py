"""Bars are as long as their values, on the page and as files."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from jinja2 import UndefinedError

from acinus.report.bars import Bar, bar_chart
from acinus.report.document import chart_file, render

_SVG = "{http://www.w3.org/2000/svg}"


def _parts(chart: str, kind: str, prefix: str = "") -> list[ET.Element]:
    return [part for part in ET.fromstring(chart).iter() if part.get("class") == kind]


def test_a_bar_a_whisker_and_a_reference_lie_on_one_scale():
    chart = bar_chart([Bar("a", 0.5, "0.500", "about a", spread=0.1, reference=1.0)], title="t")
    [bar], [spread], [reference] = (_parts(chart, kind) for kind in ("bar", "spread", "reference"))
    left, width = float(bar.get("x")), float(bar.get("width"))
    assert float(reference.get("x1")) - left == pytest.approx(2 * width)
    assert float(spread.get("x1")) == pytest.approx(left + 0.8 * width)
    assert float(spread.get("x2")) == pytest.approx(left + 1.2 * width)


def test_a_whisker_ends_where_the_scale_does():
    chart = bar_chart([Bar("a", 0.95, "", "", spread=0.2), Bar("b", 0.05, "", "", spread=0.2)], title="t")
    high, low = _parts(chart, "spread")
    ends = [float(line.get("x1")) for line in _parts(chart, "grid")]
    assert (float(low.get("x1")), float(high.get("x2"))) == (min(ends), max(ends))


def test_a_long_name_is_shortened_and_told_whole_when_pointed_at():
    chart = bar_chart([Bar("n" * 60, 0.5, "", "all of it")], title="t")
    [name] = _parts(chart, "name")
    assert name.text == "n" * 43 + "…"
    assert name.find("title").text == "all of it"


def test_names_are_escaped_and_a_reader_who_sees_no_chart_is_told_its_title():
    chart = bar_chart([Bar("<b>", 0.5, "&", "<i>", empty=True)], title="mIoU <1>")
    root = ET.fromstring(chart)
    assert (root.get("role"), root.get("aria-label")) == ("img", "mIoU <1>")
    assert [part.text for part in _parts(chart, "name")] == ["<b>"]
    assert len(_parts(chart, "empty")) == 1
    assert _parts(chart, "bar") == []


def test_a_chart_of_its_own_is_an_svg_document_with_its_colours():
    root = ET.fromstring(chart_file(bar_chart([Bar("a", 0.5, "", "")], title="t")))
    assert root.tag == f"{_SVG}svg"
    style = root.find(f"{_SVG}style").text
    assert "--bar: #" in style
    assert ".chart .bar { fill: var(--bar)" in style
    assert len([part for part in root.iter() if part.get("class") == "bar"]) == 1


def test_a_page_needs_every_value_that_it_names():
    with pytest.raises(UndefinedError):
        render("benchmark.html.j2", title="t")
