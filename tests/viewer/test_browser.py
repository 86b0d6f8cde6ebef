"""The page in a real browser: what a person does with it, looked at through screenshots."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from acinus.core.files import read_json, write_json
from acinus.results.artefacts import DrawnArtefact, write_artefacts

from .chromium import Page

pytestmark = pytest.mark.browser


def shot(page: Page, tmp_path: Path, name: str) -> NDArray[np.uint8]:
    """Take a screenshot, kept in $ACINUS_SCREENSHOTS for people."""
    folder = Path(os.environ.get("ACINUS_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return page.screenshot(folder / f"viewer_{name}.png")


def on_screen(page: Page, x: float, y: float) -> tuple[float, float]:
    """Return where a level-0 point is on the screen."""
    view = page.evaluate("acinus.stage.view()")
    return (x - view["left"]) / view["scale"], (y - view["top"]) / view["scale"]


def ring_pixels(page: Page, image: NDArray[np.uint8], gland: int) -> NDArray[np.uint8]:
    """Return the screenshot's pixels under a gland's outline; the gland is a disc (see `draw_slide`)."""
    centres = [(x, y) for y in (80, 200, 320) for x in (80, 220, 360, 500)]
    x, y = on_screen(page, centres[gland][0] + 0.5, centres[gland][1] + 0.5)
    radius = (16 + 2 * (gland + 1) - 0.5) / page.evaluate("acinus.stage.view().scale")
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    rows, columns = np.rint(y + radius * np.sin(angles)), np.rint(x + radius * np.cos(angles))
    return image[rows.astype(int), columns.astype(int)].astype(int)


def test_the_page_shows_the_slide_and_the_outlines(opened: Page, tmp_path: Path) -> None:
    shown = shot(opened, tmp_path, "open")
    assert shown[:, :900].std() > 20  # not blank
    x, y = on_screen(opened, 150, 140)
    assert np.abs(shown[int(y), int(x)].astype(int) - (238, 190, 214)).max() < 8  # the slide's own pink
    assert opened.evaluate("acinus.overlay.state") == {"kind": "outlines", "drawn": 12}
    opened.key("h")
    time.sleep(0.3)
    hidden = shot(opened, tmp_path, "hidden")
    for gland in range(12):
        changed = np.abs(ring_pixels(opened, shown, gland) - ring_pixels(opened, hidden, gland)).max(axis=1)
        assert (changed > 25).mean() > 0.9, gland
    x, y = on_screen(opened, 150, 140)
    assert (shown[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4] == hidden[int(y), int(x)]).all()
    small, large = (np.median(ring_pixels(opened, shown, gland), axis=0) for gland in (0, 11))
    assert np.abs(small - large).max() > 80  # blue for the smallest area, yellow for the largest


def test_zooming_keeps_the_outlines_on_the_glands(opened: Page, tmp_path: Path) -> None:
    before = opened.evaluate("acinus.stage.view().scale")
    opened.mouse("mouseWheel", *on_screen(opened, 220, 200), deltaX=0, deltaY=-240)
    opened.wait_for(f"acinus.stage.view().scale < {before} * 0.8")
    opened.settle()
    shown = shot(opened, tmp_path, "zoomed")
    opened.key("h")
    time.sleep(0.3)
    hidden = opened.screenshot()
    changed = np.abs(ring_pixels(opened, shown, 5) - ring_pixels(opened, hidden, 5)).max(axis=1)
    assert (changed > 25).mean() > 0.9
    opened.key("0")
    opened.wait_for(f"Math.abs(acinus.stage.view().scale - {before}) < 0.01")
    opened.key("ArrowRight")
    opened.wait_for("acinus.stage.view().left > 50")


def test_a_click_shows_the_numbers_and_a_mark_survives_reloading(
    opened: Page, run_folder: Path, tmp_path: Path
) -> None:
    opened.click(*on_screen(opened, 220, 200))
    opened.wait_for("acinus.state.gland?.index === 5")
    assert opened.evaluate("document.getElementById('gland-name').textContent") == "Gland 6"
    first = opened.evaluate("document.getElementById('numbers').rows[0].innerText").split("\t")
    rows, columns = np.mgrid[:400, :600]
    area_um2 = np.count_nonzero(np.hypot(rows - 200, columns - 220) < 28) * 0.25
    assert first == ["Area", f"{area_um2:.0f} µm²"]
    opened.key("w")
    opened.wait_for("acinus.state.marks.get(5) === 'wrong'")
    opened.wait_for("location.hash.includes('gland=5')")
    shot(opened, tmp_path, "marked")
    kept = read_json(run_folder / "slide_2" / "marks.json")
    assert [record["mark"] for record in kept["marks"].values()] == ["wrong"]
    exported = opened.evaluate(
        "fetch(document.getElementById('export').href).then((answer) => answer.json())"
    )
    assert exported["features"][0]["properties"]["classification"]["name"] == "Wrong"
    opened.open(opened.evaluate("location.href"))
    opened.wait_for("acinus.state.marks.get(5) === 'wrong' && acinus.state.gland?.index === 5")
    assert opened.evaluate("document.getElementById('marks-count').textContent") == "0 right, 1 wrong"
    opened.evaluate("document.querySelector('[data-do=mark-wrong]').click()")
    opened.wait_for("acinus.state.marks.size === 0")


def test_brushing_the_histogram_filters_the_slide(opened: Page, tmp_path: Path) -> None:
    box = opened.evaluate("document.getElementById('histogram').getBoundingClientRect().toJSON()")
    y = box["y"] + box["height"] / 2
    opened.drag([(box["x"] + box["width"] * part, y) for part in (0.55, 0.7, 0.9, 0.999)])
    opened.wait_for("acinus.state.filter !== null")
    opened.settle()
    values = opened.evaluate("[...acinus.state.values]")
    low = opened.evaluate("acinus.state.filter.from")
    assert opened.evaluate("acinus.state.filter.to") is None  # infinite: the brush reached the end
    expected = sum(value >= low for value in values)
    assert 0 < expected < 12
    assert opened.evaluate("acinus.overlay.state.drawn") == expected
    assert opened.evaluate("document.getElementById('count').textContent") == f"{expected} of 12 glands shown"
    shot(opened, tmp_path, "brushed")
    opened.click(*on_screen(opened, 80, 80))  # a gland that is filtered away
    time.sleep(0.4)
    assert opened.evaluate("acinus.state.gland") is None
    opened.key("f")
    assert opened.evaluate("acinus.overlay.state.drawn") == 12


def test_a_link_leads_to_the_same_slide_place_and_colours(opened: Page, url: str) -> None:
    opened.open(f"{url}#slide=slide_10&x=300&y=200&scale=0.25&by=Circularity&from=0.5&gland=3")
    opened.wait_for("acinus.state.gland?.index === 3")
    view = opened.evaluate("acinus.stage.view()")
    assert (view["left"] + view["right"]) / 2 == pytest.approx(300, abs=0.5)
    assert view["scale"] == pytest.approx(0.25, rel=0.01)
    assert opened.evaluate("document.getElementById('statistic').selectedOptions[0].text") == "Circularity"
    assert opened.evaluate("document.title").startswith("slide_10")
    assert opened.evaluate("document.getElementById('scale-text').textContent") == "10 µm"  # 80 px × 0.125 µm
    assert opened.evaluate("document.getElementById('scale-bar').offsetWidth") == 80
    opened.key("[")
    opened.wait_for("acinus.state.slide.name === 'slide_2'")


def test_opacity_and_the_keyboard_help(opened: Page) -> None:
    opened.evaluate("document.getElementById('opacity').value = 30")
    opened.evaluate("document.getElementById('opacity').dispatchEvent(new Event('input'))")
    assert opened.evaluate("getComputedStyle(acinus.overlay.canvas).opacity") == "0.3"
    opened.key("?")
    assert opened.evaluate("document.querySelector('dialog').open") is True
    assert opened.evaluate("document.querySelectorAll('#shortcuts kbd').length") > 10
    opened.evaluate("document.querySelector('dialog').close()")
    opened.key("j")
    opened.wait_for("acinus.state.gland?.index === 0")  # the smallest area first
    opened.key("Escape")
    opened.wait_for("acinus.state.gland === null")


# Holds back answers whose address matches `held`, whatever becomes of the request meanwhile, until `release`.
HOLD = """
(() => {
  const { fetch } = globalThis, waiting = [];
  globalThis.held = null;
  globalThis.waiting = waiting;
  globalThis.release = (part) => waiting.filter((one) => one.path.includes(part)).forEach((one) => one.go());
  globalThis.fetch = async (path, options) => {
    if (!globalThis.held?.test(path)) return fetch(path, options);
    const answer = await fetch(path);
    await new Promise((go) => waiting.push({ path, go }));
    return answer;
  };
})()
"""
SHIFT_PX = 40
LEFTMOST = "Math.min(...acinus.overlay.rings.points.filter((_, i) => i % 2 === 0))"
PAINTED = """
(({ canvas: { width, height }, context }) =>
  context.getImageData(0, 0, width, height).data.some((value) => value))(acinus.overlay)
"""


@pytest.fixture
def shifted(run_folder: Path) -> None:
    """The second slide's outlines lie 40 px to the right of the first one's."""
    file = run_folder / "slide_10" / "glands.geojson"
    outlines = read_json(file)
    for feature in outlines["features"]:
        for ring in feature["geometry"]["coordinates"]:
            ring[:] = [[x + SHIFT_PX, y] for x, y in ring]
    write_json(file, outlines)


@pytest.mark.usefixtures("shifted")
def test_outlines_that_come_late_are_not_laid_over_the_next_slide(opened: Page, tmp_path: Path) -> None:
    first = opened.evaluate(LEFTMOST)
    assert first == pytest.approx(80 + 0.5 - 34, abs=1)  # the disc of 34 px at x = 80
    opened.evaluate(HOLD)
    opened.evaluate("held = new RegExp('slide_10$|slide_2/outlines')")
    opened.key("]")
    opened.wait_for("waiting.length === 1")
    opened.key("ArrowRight")  # moves the slide that is still shown, so that its outlines are asked for again
    opened.wait_for("waiting.some(({ path }) => path.includes('slide_2/outlines'))")
    opened.evaluate("release('slide_10')")
    opened.wait_for("acinus.state.slide.name === 'slide_10' && acinus.state.slide.glands")
    time.sleep(0.3)  # longer than a resting view waits before it asks
    opened.evaluate("release('slide_2/outlines')")
    opened.wait_for(f"{LEFTMOST} > {first} + {SHIFT_PX} - 0.1", seconds=10)
    time.sleep(0.3)
    assert opened.evaluate(LEFTMOST) == pytest.approx(first + SHIFT_PX, abs=0.1)
    shot(opened, tmp_path, "next_slide")


def test_what_was_left_out_is_hatched_until_the_outlines_are_hidden(
    opened: Page, run_folder: Path, tmp_path: Path
) -> None:
    left_out = DrawnArtefact("fold", shapely.box(120, 100, 200, 180))  # between the glands
    write_artefacts(run_folder / "slide_2" / "artefacts.geojson", [left_out], name="slide_2")
    opened.evaluate("location.reload()")
    opened.wait_for("globalThis.acinus?.overlay.artefacts && acinus.overlay.painted")
    time.sleep(0.3)
    corners = [on_screen(opened, x, y) for x, y in ((125, 105), (195, 175), (280, 130), (300, 150))]
    (left, top), (right, bottom), (x, y), (x1, y1) = [(int(x), int(y)) for x, y in corners]
    shown = shot(opened, tmp_path, "artefact").astype(int)
    inside = shown[top:bottom, left:right].reshape(-1, 3)
    orange = np.abs(inside - (230, 92, 0)).max(axis=1) < 60
    assert 0.1 < orange.mean() < 0.6  # stripes
    assert np.abs(shown[y:y1, x:x1] - (238, 190, 214)).max() < 12  # and nothing beside it
    opened.key("h")
    time.sleep(0.3)
    hidden = shot(opened, tmp_path, "artefact_hidden").astype(int)[top:bottom, left:right].reshape(-1, 3)
    assert (np.abs(hidden - (230, 92, 0)).max(axis=1) < 60).mean() < 0.01


def test_outlines_go_with_their_slide_while_the_glands_of_the_next_are_read(
    opened: Page, tmp_path: Path
) -> None:
    assert opened.evaluate(PAINTED)
    opened.evaluate(HOLD)
    opened.evaluate("held = new RegExp('slide_10/glands$')")
    opened.key("]")
    opened.wait_for("waiting.length === 1 && acinus.stage.slide?.name === 'slide_10'")
    time.sleep(0.3)
    shot(opened, tmp_path, "glands_awaited")
    assert not opened.evaluate(PAINTED)
    opened.evaluate("release('slide_10/glands')")
    opened.wait_for("acinus.overlay.rings")
    assert opened.evaluate(PAINTED)


def test_a_gland_chosen_while_the_next_slide_is_awaited_is_not_chosen_there(opened: Page) -> None:
    opened.evaluate(HOLD)
    opened.evaluate("held = new RegExp('slide_10$')")
    opened.key("]")
    opened.wait_for("waiting.length === 1")
    opened.key("j")  # a gland of the slide that is still shown
    opened.wait_for("acinus.state.gland?.index === 0")
    opened.evaluate("release('slide_10')")
    opened.wait_for("acinus.state.slide.name === 'slide_10' && acinus.overlay.rings")
    assert opened.evaluate("[acinus.state.gland, acinus.overlay.selected]") == [None, None]


def test_a_narrow_window_without_its_panel_is_all_slide(opened: Page, tmp_path: Path) -> None:
    def resize(width: int, height: int) -> None:
        opened.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    heights = "[...document.querySelectorAll('#stage, #panel')].map((part) => part.offsetHeight)"
    try:
        resize(600, 800)
        opened.settle()
        shot(opened, tmp_path, "narrow")
        assert opened.evaluate(heights) == [464, 336]  # 58 of 100 and the rest
        opened.key("s")
        opened.wait_for("document.body.classList.contains('wide')")
        opened.settle()
        shot(opened, tmp_path, "narrow_wide")
        assert opened.evaluate(heights) == [800, 0]
        assert opened.evaluate("acinus.overlay.canvas.height") == 800
    finally:
        resize(1280, 800)
