"""What ``make dist`` built, and an environment in which nothing but that is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from . import offline

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., str]


def built(pattern: str) -> Path:
    """Return the one file of ``$ACINUS_DIST`` with such a name."""
    folder = os.environ.get("ACINUS_DIST")
    if not folder:
        pytest.skip("NOT BUILT: make dist builds and then checks; these tests read $ACINUS_DIST")
    [found] = Path(folder).resolve().glob(pattern)
    return found


@pytest.fixture(scope="session")
def wheel() -> Path:
    return built("*.whl")


@pytest.fixture(scope="session")
def sdist() -> Path:
    return built("*.tar.gz")


@pytest.fixture(scope="session")
def in_wheel(wheel: Path) -> dict[str, bytes]:
    """Content of each file of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="session")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of sources, away from every repository."""
    folder = tmp_path_factory.mktemp("sources")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    [found] = folder.iterdir()
    return found


@pytest.fixture(scope="session")
def bare_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PATH that holds neither node nor npm, nor anything else."""
    return tmp_path_factory.mktemp("bin")


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with the wheel and what it asks for, at the tested versions."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    words = ("-m", "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt"), str(wheel))
    subprocess.run([str(folder / "bin" / "python"), *words], check=True, env=clean_environ())
    return folder


def clean_environ(**more: str) -> dict[str, str]:
    """Return this process's environment without what leads to the source tree."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | more


@pytest.fixture(scope="session")
def run_offline(environment: Path, bare_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a program of the fresh environment without network and node; returns what it printed."""
    folder = tmp_path_factory.mktemp("elsewhere")
    environ = clean_environ(PATH=f"{environment / 'bin'}:{bare_path}", HOME=str(folder))

    def run(program: str, *words: object, **more: str) -> str:
        command = [*offline.prefix(), str(environment / "bin" / program), *map(str, words)]
        done = subprocess.run(
            command, cwd=folder, env=environ | more, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def demo(run_offline: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the installed ``acinus demo --small`` wrote."""
    out = tmp_path_factory.mktemp("demo") / "demo-output"
    run_offline("acinus", "demo", "--small", "--out", out)
    return out


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say when the network was not really cut."""
    if os.environ.get("ACINUS_DIST") and not offline.prefix():
        line = "NETWORK NOT CUT: unshare -rn is not allowed here; that nothing is fetched was not tested"
        terminalreporter.write_line(line, yellow=True, bold=True)
