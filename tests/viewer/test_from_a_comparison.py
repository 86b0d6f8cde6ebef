"""From a point on the page of a comparison to its gland in the viewer, in a real browser."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from acinus.cohorts.settings import CompareSettings
from acinus.glands import measure_glands, summarise
from acinus.pipeline.compare import Question, compare_results
from acinus.report.viewer_links import VIEWER_PORT
from acinus.results.record import ImageRecord
from acinus.viewer.layer import View

from .chromium import Page
from .conftest import CENTRES, MPP, draw_slide, write_result

pytestmark = pytest.mark.browser


@pytest.fixture
def run_folder(tmp_path: Path, image_record: Callable[..., ImageRecord]) -> Path:
    """Six slides of the same twelve discs, for a table with three patients in each of two groups."""
    (tmp_path / "images").mkdir()
    rgb, labels = draw_slide()
    summary = summarise(measure_glands(labels, mpp=MPP, image=rgb), tissue_area_um2=60_000.0)
    known = {key: value for key, value in summary.items() if value == value}
    with (tmp_path / "patients.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["slide", "grade"])
        for k in range(6):
            # The second group's mean area is larger in the record, so that area is what tells them apart.
            own = {"area_um2_area_weighted_mean": known["area_um2_area_weighted_mean"] + 9 * k}
            record = image_record(
                width_px=600, height_px=400, mpp=MPP, gland_count=len(CENTRES), summary=own | {"glands": 12.0}
            )
            write_result(tmp_path / "run" / f"slide_{k}", tmp_path / "images" / f"slide_{k}.png", record)
            writer.writerow([f"slide_{k}", "high" if k > 2 else "low"])
    return tmp_path / "run"


@pytest.fixture
def comparison(run_folder: Path, url: str) -> str:
    """Address of the page of a comparison whose links lead to the server of the test."""
    folder = run_folder.parent
    found = compare_results(
        run_folder,
        folder / "patients.csv",
        Question(by="grade", order=("low", "high")),
        out=folder / "compared",
        settings=CompareSettings(resamples=100, permutations=0),
    )
    html = found.files["page"].read_text(encoding="utf-8")
    # A tab of its own is none that the test could follow.
    html = html.replace(f"http://127.0.0.1:{VIEWER_PORT}/", url).replace('target="_blank"', "")
    found.files["page"].write_text(html, encoding="utf-8")
    return found.files["page"].as_uri()


def click_point(page: Page, address: str, starts: str) -> None:
    """Click the first point of which the words begin like this."""
    page.leave()
    page.send("Page.navigate", url=address)
    point = f"[...document.querySelectorAll('a .point')].find((p) => p.textContent.startsWith('{starts}'))"
    page.wait_for(f"document.readyState === 'complete' && Boolean({point})")
    page.evaluate(f"{point}.scrollIntoView({{ block: 'center', behavior: 'instant' }})")
    box = page.evaluate(f"{point}.getBoundingClientRect().toJSON()")
    if folder := os.environ.get("ACINUS_SCREENSHOTS"):
        page.screenshot(Path(folder) / "comparison_points.png")
    page.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for("globalThis.acinus?.state.gland")
    page.settle()


def centre_of_view(page: Page) -> tuple[float, float]:
    view = View(**page.evaluate("acinus.stage.view()"))
    return (view.left + view.right) / 2, (view.top + view.bottom) / 2


def test_a_click_on_a_gland_opens_the_viewer_at_that_gland(page: Page, comparison: str) -> None:
    click_point(page, comparison, "slide_4, gland 7:")
    assert page.evaluate("acinus.state.slide.name") == "slide_4"
    assert page.evaluate("document.getElementById('gland-name').textContent") == "Gland 7"
    assert page.evaluate("acinus.overlay.selected") == 6
    assert page.evaluate("document.getElementById('statistic').selectedOptions[0].text") == "Area (µm²)"
    assert centre_of_view(page) == pytest.approx((360.5, 200.5), abs=1.0)  # of the seventh disc
    page.wait_for("location.hash.includes('gland=6')")  # from now on by its index, with the place
    if folder := os.environ.get("ACINUS_SCREENSHOTS"):
        page.screenshot(Path(folder) / "viewer_from_comparison.png")
    assert page.problems == []


def test_a_click_on_a_patient_opens_the_gland_nearest_to_the_mean(page: Page, comparison: str) -> None:
    click_point(page, comparison, "slide_0:")
    areas = np.bincount(draw_slide()[1].ravel())[1:] * MPP**2
    mean = np.average(areas, weights=areas)
    assert page.evaluate("acinus.state.slide.name") == "slide_0"
    assert page.evaluate("acinus.state.gland.index") == np.argmin(np.abs(areas - mean))


def test_a_gland_that_is_gone_leaves_the_slide_and_says_so(page: Page, url: str) -> None:
    page.open(f"{url}#slide=slide_3&by=Solidity&gland=0b5b1c2e-0000-5000-8000-000000000000")
    page.wait_for("document.getElementById('toast').textContent.includes('the results have changed since')")
    assert page.evaluate("acinus.state.slide.name") == "slide_3"
    assert page.evaluate("document.getElementById('statistic').selectedOptions[0].text") == "Solidity"
    assert page.evaluate("acinus.state.gland") is None
    page.leave()
