import hashlib
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acinus import __version__
from acinus.core import run
from acinus.core.run import checksum, fingerprint, run_record, versions

ROOT = Path(__file__).resolve().parents[2]
parts = st.lists(st.text("a1:", max_size=3) | st.sampled_from([b"", b"a", b"1:"]), max_size=3)


def as_bytes(part: str | bytes) -> bytes:
    return part.encode() if isinstance(part, str) else part


@settings(max_examples=50)
@given(parts, parts)
def test_fingerprints_are_equal_exactly_when_all_parts_are(a: list[str | bytes], b: list[str | bytes]):
    same = [as_bytes(part) for part in a] == [as_bytes(part) for part in b]
    assert (fingerprint(*a) == fingerprint(*b)) == same


def test_a_length_inside_a_text_does_not_deceive_the_fingerprint():
    assert fingerprint("a1:b") != fingerprint("a", "b")


def test_a_fingerprint_is_sixteen_digits_that_never_change():
    assert fingerprint("ab", b"c") == hashlib.sha256(b"2:ab1:c").hexdigest()[:16]


def test_a_checksum_is_that_of_sha256sum(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"abc")
    assert checksum(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_versions_tell_of_this_package_and_of_those_that_are_absent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run, "_RECORDED", ("numpy", "no-such-package"))
    found = versions()
    assert found["acinus"] == __version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["numpy"] == metadata.version("numpy")
    assert found["no-such-package"] == "not installed"


def test_the_command_can_be_pasted_into_a_shell():
    command = ["/opt/bin/acinus", "fit", "my images/a b.png", "--out", "it's"]
    record = run_record(command=command, settings={"a": 1}, seed=3, inputs=[{"name": "a"}])
    assert record["command"] == """acinus fit 'my images/a b.png' --out 'it'"'"'s'"""
    assert (record["settings"], record["seed"], record["inputs"]) == ({"a": 1}, 3, [{"name": "a"}])


def test_the_command_is_that_of_the_process_unless_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["/opt/bin/acinus", "doctor"])
    assert run_record(command=None, settings=None, seed=None, inputs=[])["command"] == "acinus doctor"
    monkeypatch.setattr(sys, "argv", [])
    assert run_record(command=None, settings=None, seed=None, inputs=[])["command"] == ""


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_the_commit_is_that_of_the_source_tree():
    head = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert head.startswith(run_record(command=[], settings=None, seed=None, inputs=[])["commit"])


def test_a_package_installed_inside_another_repository_has_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    installed = tmp_path / ".venv" / "acinus" / "core"
    installed.mkdir(parents=True)
    author = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run(
        [*git, "commit", "--quiet", "--allow-empty", "-m", "x"], check=True, env=os.environ | author
    )
    monkeypatch.setattr(run, "__file__", str(installed / "run.py"))
    assert run_record(command=[], settings=None, seed=None, inputs=[])["commit"] is None


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    assert run_record(command=[], settings=None, seed=None, inputs=[])["commit"] is None


def test_an_installed_package_has_the_commit_it_was_built_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(run, "__file__", str(tmp_path / "run.py"))
    monkeypatch.setattr(run, "_COMMIT_FILE", tmp_path / "COMMIT")
    assert run.commit() is None
    (tmp_path / "COMMIT").write_text("0123abc-dirty\n")
    assert run.commit() == "0123abc-dirty"
    assert run_record(command=[], settings=None, seed=None, inputs=[])["commit"] == "0123abc-dirty"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff"])
def test_a_damaged_record_of_the_commit_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(run, "_COMMIT_FILE", tmp_path / "COMMIT")
    (tmp_path / "COMMIT").write_bytes(content)
    assert run.commit() is None


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_a_source_tree_is_asked_rather_than_what_an_earlier_build_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "COMMIT").write_text("0123abc")
    monkeypatch.setattr(run, "_COMMIT_FILE", tmp_path / "COMMIT")
    assert run.commit() not in ("0123abc", None)


def test_the_checksum_of_a_folder_is_that_of_names_and_contents(tmp_path: Path):
    def folder(name: str, **files: str) -> Path:
        (tmp_path / name / "c").mkdir(parents=True)
        for file, text in files.items():
            (tmp_path / name / "c" / file).write_text(text)
        return tmp_path / name

    known = checksum(folder("one", a="1", b="2"))
    assert checksum(folder("same", a="1", b="2")) == known
    assert len({known, checksum(folder("other", a="1", b="3")), checksum(folder("name", a="1", c="2"))}) == 3
