"""The Dockerfile, read line by line: what it copies exists, what it runs is known, its user is not root."""

from __future__ import annotations

import re
import shlex
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from acinus.cli import app

ROOT = Path(__file__).resolve().parents[1]
WORDS = {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "CMD"}


def instructions() -> list[tuple[str, str]]:
    """Return word and arguments of each instruction; continued lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def of(wanted: str) -> list[str]:
    return [rest for word, rest in instructions() if word == wanted]


def copied() -> list[str]:
    """Return what is copied out of the repository, and not out of the first stage."""
    return [name for rest in of("COPY") if not rest.startswith("--from") for name in rest.split()[:-1]]


def is_sent(name: str) -> bool:
    """Whether .dockerignore lets a path through to the build: the last pattern that fits decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.strip().removeprefix("!")
        if not pattern or pattern.startswith("#"):
            continue
        starts = ["/".join(name.split("/")[:count]) for count in range(1, name.count("/") + 2)]
        anywhere = pattern.removeprefix("**/")
        fits = any(fnmatch(start, pattern) for start in starts) or (
            anywhere != pattern and any(fnmatch(part, anywhere) for part in name.split("/"))
        )
        sent = line.startswith("!") if fits else sent
    return sent


def demo_and_view() -> list[list[str]]:
    """Return the words of the two commands that run by default."""
    [command] = of("CMD")
    shell, option, line = tomllib.loads(f"words = {command}")["words"]
    assert (shell, option) == ("sh", "-c")
    return [shlex.split(part.strip().removeprefix("exec ")) for part in line.split("&&")]


def option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]


def test_every_instruction_is_one_and_there_are_two_stages() -> None:
    assert {word for word, _ in instructions()} <= WORDS
    assert [rest.partition(" AS ")[2] for rest in of("FROM")] == ["build", ""]
    [wheel] = [rest.split() for rest in of("COPY") if rest.startswith("--from")]
    assert wheel[0] == "--from=build"
    assert any(f"--outdir {wheel[1]} " in rest for rest in of("RUN"))  # where the first stage left it


def test_everything_copied_exists_and_is_sent_to_the_build() -> None:
    assert len(copied()) >= 6
    for name in copied():
        assert (ROOT / name).exists(), name
        assert is_sent(name), name


def test_nothing_else_is_sent_to_the_build() -> None:
    sent = {path.name for path in ROOT.iterdir() if is_sent(path.name)}
    assert sent == set(copied())


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("src/acinus/core/run.py", True),
        ("src/acinus/viewer/static/main.js", True),
        ("src/acinus/viewer/static/vendor/openseadragon.min.js", False),  # the build fetches the pinned one
        ("src/acinus/COMMIT", False),
        ("src/acinus/core/__pycache__/run.cpython-311.pyc", False),
        ("src/acinus.egg-info/PKG-INFO", False),
        (".git/config", False),
        ("demo-output/images/tile_000.png", False),
        ("tests/test_dockerfile.py", False),
    ],
)
def test_neither_leftovers_nor_images_are_sent(name: str, sent: bool) -> None:
    assert is_sent(name) is sent


def test_what_the_package_is_built_from_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = [project["project"]["readme"], *project["build-system"]["backend-path"], "src", "pyproject.toml"]
    assert set(needed) <= set(copied())


def test_python_is_one_that_the_package_supports() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [version] = [rest.removeprefix("PYTHON=") for rest in of("ARG") if rest.startswith("PYTHON=")]
    assert f"Programming Language :: Python :: {version}" in project["classifiers"]
    assert all(rest.startswith("python:${PYTHON}-slim") for rest in of("FROM"))


def test_packages_come_at_the_tested_versions_and_leave_no_cache() -> None:
    for rest in of("RUN"):
        for command in rest.split("&&"):
            if "pip install" in command:
                assert re.search(r"-c \S*constraints\.txt ", command), command
                assert "--no-cache-dir" in command, command


def test_programs_that_run_while_it_is_built_are_in_a_slim_image() -> None:
    known = {"python", "rm", "useradd", "install"}
    for rest in of("RUN"):
        for command in rest.split("&&"):
            words = [word for word in shlex.split(command) if not re.match(r"[A-Z_]+=", word)]
            assert words[0] in known, command
            assert words[0] != "python" or words[1:3] in (["-m", "pip"], ["-m", "build"]), command


def test_the_last_user_is_not_root_and_owns_the_folder_it_works_in() -> None:
    order = [word for word, _ in instructions()]
    assert of("USER") == ["acinus"]
    assert order.index("USER") > max(place for place, word in enumerate(order) if word == "RUN")
    folder = of("WORKDIR")[-1]
    assert any(f"install --directory --owner=acinus {folder}" in rest for rest in of("RUN"))


def test_by_default_the_demo_runs_and_the_viewer_shows_what_it_wrote() -> None:
    demo, view = demo_and_view()
    for words in (demo, view):
        assert words[0] == "acinus"
        app.parse_args(
            words[1:], exit_on_error=False, print_error=False
        )  # raises where it is no such command
    assert (demo[1], view[1]) == ("demo", "view")
    assert view[2] == option(demo, "--out")
    assert "--no-browser" in view


def test_one_port_is_served_exposed_and_announced() -> None:
    _, view = demo_and_view()
    assert option(view, "--host") == "0.0.0.0"
    assert of("EXPOSE") == [option(view, "--port")]
    assert f"ACINUS_PUBLIC_ADDRESS=localhost:{option(view, '--port')}" in " ".join(of("ENV"))


def test_the_commands_in_its_comments_are_commands() -> None:
    comments = [
        line.lstrip("# ") for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines() if line[:1] == "#"
    ]
    text = re.sub(r"\\\n", " ", "\n".join(comments))
    commands = re.findall(r"acinus (acinus .*)|\s{2,}(acinus .*)", text)
    found = [shlex.split(one or other)[1:] for one, other in commands]
    assert [words[0] for words in found] == ["segment", "view"]
    for words in found:
        app.parse_args(words, exit_on_error=False, print_error=False)
