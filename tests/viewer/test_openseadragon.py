"""The third-party script: used only when it is the pinned one, asked for by name when it is not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from acinus.viewer import openseadragon
from acinus.viewer.openseadragon import is_complete, vendored_script
from acinus.viewer.pages import page_routes


def write_pinned(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write two short stand-ins and pin them."""
    for name, (member, _) in list(openseadragon.FILES.items()):
        (folder / name).write_text(f"// {name}")
        pin = openseadragon.sha256(f"// {name}".encode())
        monkeypatch.setitem(openseadragon.FILES, name, (member, pin))


def test_a_changed_script_on_disk_counts_as_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert vendored_script(tmp_path) is None
    write_pinned(tmp_path, monkeypatch)
    assert vendored_script(tmp_path) == tmp_path / "openseadragon.min.js"
    (tmp_path / "openseadragon.min.js").write_text("// not it")
    assert vendored_script(tmp_path) is None


def test_a_copy_without_its_licence_is_not_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pinned(tmp_path, monkeypatch)
    assert is_complete(tmp_path)
    (tmp_path / "openseadragon.LICENSE.txt").unlink()
    assert not is_complete(tmp_path)
    assert vendored_script(tmp_path) is not None  # the page itself can still be shown


def test_checksums_are_hexadecimal_sha256() -> None:
    # Of nothing, as published in FIPS 180-4's examples.
    assert openseadragon.sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert all(len(pin) == 64 for _, pin in openseadragon.FILES.values())


def test_the_page_is_served_without_the_script_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acinus.viewer.pages.vendored_script", lambda: None)
    assert any(route.path == "/static/vendor/openseadragon.min.js" for route in page_routes())
    said = (openseadragon.VENDOR_FOLDER.parent / "main.js").read_text(encoding="utf-8")
    assert "python build_backend/fetch_openseadragon.py" in said
    assert (Path(__file__).resolve().parents[2] / "build_backend" / "fetch_openseadragon.py").is_file()


def test_the_viewer_never_loads_torch() -> None:
    code = "import sys, acinus.viewer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
