"""A small run folder as ``acinus segment`` writes it, a client of the page over it, and a browser."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from acinus.core.files import read_json, write_json
from acinus.glands import gland_polygons, measure_glands, write_geojson
from acinus.results.record import ImageRecord, write_record
from acinus.results.tables import write_csv
from acinus.viewer import create_app
from acinus.viewer.openseadragon import vendored_script

from .chromium import Page, chromium, find_chromium

SERVE = """
import sys
from pathlib import Path
from acinus.viewer import serve
serve(Path(sys.argv[1]), open_browser=False, announce=lambda url: print(url, flush=True))
"""
MPP = 0.5
CENTRES = [(x, y) for y in (80, 200, 320) for x in (80, 220, 360, 500)]  # x, y of the 12 glands


def draw_slide() -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return a pink image of 600 × 400 px with 12 purple discs of growing radius, and their labels."""
    rows, columns = np.mgrid[:400, :600]
    rgb = np.full((400, 600, 3), (238, 190, 214), np.uint8)
    labels = np.zeros((400, 600), np.int32)
    for label, (x, y) in enumerate(CENTRES, start=1):
        distance = np.hypot(rows - y, columns - x)
        radius = 16 + 2 * label
        labels[distance < radius] = label
        rgb[distance < radius] = (130, 70, 150)
        rgb[distance < radius / 3] = (250, 248, 250)
    return rgb, labels


def write_result(folder: Path, source: Path, record: ImageRecord) -> None:
    """Write one slide's results the way ``acinus segment`` lays them out."""
    rgb, labels = draw_slide()
    Image.fromarray(rgb).save(source)
    folder.mkdir(parents=True)
    glands = measure_glands(labels, mpp=MPP, image=rgb)
    write_geojson(folder / "glands.geojson", gland_polygons(labels, mpp=MPP), name=folder.name, glands=glands)
    write_csv(folder / "glands.csv", glands)
    write_record(folder, record.model_copy(update={"name": folder.name, "path": str(source)}))


@pytest.fixture(scope="session")
def written_once(tmp_path_factory: pytest.TempPathFactory, image_record: Callable[..., ImageRecord]) -> Path:
    """``images/`` and ``run/`` with two slides; tests get copies of it."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "images").mkdir()
    for name in ("slide_2", "slide_10"):
        record = image_record(width_px=600, height_px=400, mpp=MPP, gland_count=len(CENTRES))
        write_result(folder / "run" / name, folder / "images" / f"{name}.png", record)
    write_json(folder / "run" / "run.json", {"command": "acinus segment"})
    return folder


@pytest.fixture
def run_folder(written_once: Path, tmp_path: Path) -> Path:
    """A run of two slides whose image files lie outside of it."""
    shutil.copytree(written_once, tmp_path, dirs_exist_ok=True)
    for file in (tmp_path / "run").glob("*/image.json"):
        image = read_json(file)
        write_json(file, image | {"path": str(tmp_path / "images" / Path(image["path"]).name)})
    return tmp_path / "run"


@pytest.fixture
def client(run_folder: Path) -> Iterator[TestClient]:
    with TestClient(create_app(run_folder), base_url="http://127.0.0.1:8000") as client:
        yield client


def missing(what: str) -> None:
    if os.environ.get("ACINUS_REQUIRE_BROWSER") == "1":
        pytest.fail(f"NO BROWSER: {what}, and ACINUS_REQUIRE_BROWSER=1 asks for it")
    pytest.skip(f"NO BROWSER: {what}")


@pytest.fixture(scope="session")
def page() -> Iterator[Page]:
    program = find_chromium()
    if program is None:
        missing("chromium is not installed")
    if vendored_script() is None:
        missing("OpenSeadragon is not installed; run python build_backend/fetch_openseadragon.py")
    with chromium(str(program)) as page:
        yield page


@pytest.fixture
def url(run_folder: Path) -> Iterator[str]:
    """Address of a server in a process of its own."""
    command = [sys.executable, "-c", SERVE, str(run_folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=60) == 0


@pytest.fixture
def opened(page: Page, url: str) -> Iterator[Page]:
    """The page over the run; at the end the console must be clean, policy violations included."""
    page.open(url)
    yield page
    problems = list(page.problems)
    page.leave()
    assert problems == []


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "browser: drives a headless Chromium (skipped loudly where there is none)"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end when the page was not tested in a browser: a quiet run hides the reasons of skips."""
    reports = terminalreporter.stats.get("skipped", ())
    count = sum("NO BROWSER" in str(report.longrepr) for report in reports)
    if count:
        line = f"NO BROWSER: {count} tests of the page were skipped; install chromium to run them"
        terminalreporter.write_line(line, yellow=True, bold=True)
