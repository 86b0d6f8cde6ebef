"""The page of a comparison shows raw points, and images beside the numbers."""

from __future__ import annotations

import csv
import re
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from acinus.cohorts.intervals import Interval
from acinus.cohorts.multivariate import Together
from acinus.cohorts.outcomes import TwoGroups
from acinus.cohorts.settings import CompareSettings
from acinus.glands import gland_id
from acinus.pipeline.compare import Question, compare_results
from acinus.report.cohort_charts import Point, points_chart, ranking_chart
from acinus.report.comparison_wording import together_text


@pytest.fixture
def compared(results, stained, discs, tmp_path):
    """Eight images, the malignant ones of larger glands, compared by grade and by survival."""
    rows = [["image", "grade", "months", "death"]]
    for k in range(8):
        radius = 20 + 2 * k
        name = f"tile {k}"
        results.add(name, stained(k), discs((80, 80, radius), (220, 90, radius + 3)))
        rows.append([name, "malignant" if k >= 4 else "benign", f"{20 - 2 * k + 3 * (k % 2)}", "1"])
    with (tmp_path / "patients.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    question = Question(by="grade", time="months", event="death")
    settings = CompareSettings(resamples=100, permutations=0)
    found = compare_results(
        results.root, tmp_path / "patients.csv", question, out=tmp_path / "out", settings=settings
    )
    return found.files["page"]


def points_of(page, words):
    """Return slide, statistic and gland of the links of points whose words begin so."""
    links = [each for each in page.root.all("a", target="_blank") if each.text.startswith(words)]
    assert all(link.attributes["href"].startswith("http://127.0.0.1:8750/#") for link in links)
    queries = [parse_qs(urlsplit(link.attributes["href"]).fragment) for link in links]
    return [(q["slide"][0], q.get("by", [""])[0], q.get("gland", [""])[0]) for q in queries]


def test_every_patient_is_a_point_that_opens_its_typical_gland(compared, read_page):
    page = read_page(compared)
    for k in range(8):
        points = points_of(page, f"tile {k}: ")
        assert len(points) >= 6  # three statistics by grade and three by survival; those with pictures, too
        assert {slide for slide, _, _ in points} == {f"tile {k}"}
    # The mean area, weighted by area, of a smaller and a larger disc is nearer to that of the larger one.
    assert ("tile 0", "Area µm^2", gland_id("tile 0", 2)) in points_of(page, "tile 0: ")


def test_every_gland_is_a_point_that_opens_that_gland(compared, read_page):
    page = read_page(compared)
    for label in (1, 2):
        points = points_of(page, f"tile 5, gland {label}: ")
        assert ("tile 5", "Area µm^2", gland_id("tile 5", label)) in points
        assert {(slide, gland) for slide, _, gland in points} == {("tile 5", gland_id("tile 5", label))}
    captions = [each.text for each in page.root.all("p") if each.text.startswith("Single glands")]
    assert len(captions) >= 2  # of each outcome
    assert all(caption.endswith("All 16 glands.") for caption in captions)


def test_each_group_is_shown_by_four_pictures_with_outlines(compared, read_page):
    page = read_page(compared)
    galleries = page.root.all("ul", **{"class": "gallery wide"})
    assert len(galleries) == 4  # benign, malignant; lower half, upper half
    for gallery in galleries:
        assert [item.all("strong")[0].text for item in gallery.all("li")] == [
            "lowest",
            "typical",
            "typical",
            "highest",
        ]
        assert len(gallery.all("img")) == 4
    assert "survival of 8 patients" in page.root.text.lower()


def test_the_direction_of_each_statistic_is_said_in_the_words_of_its_outcome(compared, read_page):
    page = read_page(compared)
    captions = [each.text for each in page.root.all("caption")]
    assert "↑ larger in malignant, ↓ smaller" in captions[0]
    assert "↑ larger where events come earlier, ↓ smaller" in captions[1]
    headings = [each.text for each in page.root.all("h2")]
    assert "Which statistics go with survival (months)" in headings
    keys = [each.text for each in page.root.all("p", **{"class": "key"}) if "probability" in each.text]
    assert "of two patients, one of benign and one of malignant, that of malignant has" in keys[0]


def test_the_page_needs_no_network(compared, read_page):
    page = read_page(compared)
    sources = [element.attributes["src"] for element in page.elements if "src" in element.attributes]
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not page.root.all("link")


def test_points_lie_where_their_values_are_over_a_box_of_the_middle_half():
    values = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    chart = points_chart([("a", [Point(value, "p", "") for value in values.tolist()])], title="t")
    assert chart.count('<circle class="point"') == 5
    # 500 units from 240 on for 0 to 4: the quartiles 1 and 3 lie at 365 and 615.
    assert '<rect class="box" x="365.0"' in chart
    assert 'width="250.0"' in chart
    assert 'cx="490.0"' in chart


def test_a_statistic_without_an_interval_has_a_point_alone():
    nothing = float("nan")
    rows = [("wide", Interval(0.5, 0.25, 0.75)), ("apart", Interval(1.0, nothing, nothing))]
    chart = ranking_chart(rows, title="t")
    assert chart.count('class="spread"') == 1
    assert chart.count('class="point"') == 2
    assert 'x1="365.0" x2="615.0"' in chart


def test_of_a_logarithmic_axis_a_tenfold_is_as_far_everywhere():
    points = [Point(value, "p", "") for value in (10.0, 100.0, 1000.0)]
    chart = points_chart([("a", points)], title="t", radius=2.5, logarithmic=True)
    assert [float(x) for x in re.findall(r'cx="([0-9.]+)"', chart)] == [240.0, 490.0, 740.0]
    assert chart.count('r="2.5"') == 3


@pytest.mark.parametrize(
    ("permuted", "p", "verdict"),
    [
        (39, 1 / 40, "That is more than permuted outcomes reach."),
        (9, 1 / 10, "That is more than any of them, but so few give no p below 0.10: permute more."),
        (9, 2 / 10, "Permuted outcomes reach as much: it is not shown that the statistics together know"),
        (39, 3 / 40, "Permuted outcomes reach as much: it is not shown that the statistics together know"),
    ],
)
def test_few_permutations_are_not_taken_for_chance(permuted, p, verdict):
    found = Together(Interval(0.8, 0.7, 0.9), np.full(permuted, 0.5), p, folds=5)
    outcome = TwoGroups("grade", np.array([0.0, 1.0]), ("benign", "malignant"))
    comparison = SimpleNamespace(
        together=found, outcome=outcome, units=SimpleNamespace(statistics=("a", "b"))
    )
    assert verdict in together_text(comparison)
