"""What lies in the wheel and in the archive of sources."""

from __future__ import annotations

import email
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from acinus import __version__
from acinus.viewer.openseadragon import FILES, is_complete, sha256

from ..test_dockerfile import copied
from . import offline
from .conftest import ROOT, clean_environ

PACKAGE = ROOT / "src" / "acinus"
OF_A_BUILD = "COMMIT"  # what is in a built package and not in the source tree


def files_of(folder: Path) -> dict[str, bytes]:
    """Return what is to be installed of a package's folder: all but caches and lists for git."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in paths
        if "__pycache__" not in path.parts and path.name not in (".gitignore", OF_A_BUILD)
    }


@pytest.fixture(scope="module")
def packaged(in_wheel: dict[str, bytes]) -> dict[str, bytes]:
    """The wheel's files below ``acinus/``, without the record of the commit."""
    names = (name for name in in_wheel if name.startswith("acinus/"))
    return {name.removeprefix("acinus/"): in_wheel[name] for name in names if name != f"acinus/{OF_A_BUILD}"}


def test_the_wheel_holds_every_file_of_the_package_and_no_other(packaged: dict[str, bytes]) -> None:
    assert packaged == files_of(PACKAGE)


def test_so_does_the_archive_of_sources(unpacked: Path) -> None:
    assert files_of(unpacked / "src" / "acinus") == files_of(PACKAGE)


def test_types_templates_page_and_script_are_among_them(packaged: dict[str, bytes]) -> None:
    assert "py.typed" in packaged
    assert any(name.startswith("report/templates/") for name in packaged)
    assert {"viewer/static/index.html", "viewer/static/main.js", "viewer/static/style.css"} <= set(packaged)


def test_the_third_party_script_is_the_pinned_one_and_its_licence_travels_with_it(
    packaged: dict[str, bytes], unpacked: Path
) -> None:
    found = {name: sha256(packaged[f"viewer/static/vendor/{name}"]) for name in FILES}
    assert found == {name: pin for name, (_, pin) in FILES.items()}
    assert (
        b"Redistributions in binary form must reproduce"
        in packaged["viewer/static/vendor/openseadragon.LICENSE.txt"]
    )
    assert is_complete(unpacked / "src" / "acinus" / "viewer" / "static" / "vendor")


def test_the_wheel_knows_version_readme_and_command(in_wheel: dict[str, bytes]) -> None:
    folder = f"acinus-{__version__}.dist-info"
    metadata = email.message_from_bytes(in_wheel[f"{folder}/METADATA"])
    assert (metadata["Name"], metadata["Version"]) == ("acinus", __version__)
    assert (ROOT / "README.md").read_bytes() in in_wheel[f"{folder}/METADATA"]
    assert b"acinus = acinus.cli:main" in in_wheel[f"{folder}/entry_points.txt"]
    assert {name.split("/")[0] for name in in_wheel} == {"acinus", folder}


def test_running_needs_neither_npm_nor_what_developers_use(in_wheel: dict[str, bytes]) -> None:
    metadata = email.message_from_bytes(in_wheel[f"acinus-{__version__}.dist-info/METADATA"])
    needed = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert needed
    for name in ("nodejs", "pytest", "mypy", "ruff", "build", "setuptools"):
        assert not any(line.startswith(name) for line in needed), name


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_both_name_the_commit_they_were_built_from(in_wheel: dict[str, bytes], unpacked: Path) -> None:
    words = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    head = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    commit = in_wheel["acinus/COMMIT"].decode().strip()
    assert head.startswith(commit.removesuffix("-dirty"))
    assert (unpacked / "src" / "acinus" / "COMMIT").read_text().strip() == commit


def test_the_sources_can_be_built_again_with_versions_and_changes_at_hand(unpacked: Path) -> None:
    for name in ("CHANGELOG.md", "README.md", "constraints.txt", "build_backend/acinus_build.py"):
        assert (unpacked / name).read_bytes() == (ROOT / name).read_bytes(), name
    assert not (unpacked / "tests").exists()


def test_what_the_dockerfile_copies_builds_the_same_package(
    bare_path: Path, packaged: dict[str, bytes], tmp_path: Path
) -> None:
    """Its step of building by hand, in a folder with those files alone and the commit from outside."""
    sources = tmp_path / "source"
    sources.mkdir()
    for name in copied():
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, sources / name)
    words = ("-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(sources))
    environ = clean_environ(PATH=str(bare_path), ACINUS_COMMIT="0123abc")
    done = subprocess.run([sys.executable, *words], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        made = {name: archive.read(name) for name in archive.namelist() if name.startswith("acinus/")}
    assert made.pop("acinus/COMMIT") == b"0123abc\n"
    assert made == {f"acinus/{name}": content for name, content in packaged.items()}


def test_the_sources_build_the_same_wheel_without_network_and_npm(
    unpacked: Path, bare_path: Path, in_wheel: dict[str, bytes], tmp_path: Path
) -> None:
    words = ("-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(unpacked))
    # Found by its path; PATH itself leads nowhere.
    command = [*offline.prefix(), sys.executable, *words]
    environ = clean_environ(PATH=str(bare_path))
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [again] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(again) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == in_wheel
