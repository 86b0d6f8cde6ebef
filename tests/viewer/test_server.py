from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import uvicorn

from acinus.core.errors import InputError, UsageError
from acinus.viewer import serve
from acinus.viewer.server import split_address


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let servers end at once; what they announced is collected here."""
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: None)
    return []


def test_on_this_machine_the_address_needs_no_token(run_folder: Path, announced: list[str]) -> None:
    serve(run_folder, open_browser=False, announce=announced.append)
    [url] = announced
    assert url.startswith("http://127.0.0.1:")
    assert "token" not in url


def test_on_another_address_a_token_is_made_up_and_is_long(run_folder: Path, announced: list[str]) -> None:
    for _ in range(2):
        serve(run_folder, host="0.0.0.0", open_browser=False, announce=announced.append)
    tokens = [url.partition("?token=")[2] for url in announced]
    assert len(set(tokens)) == 2
    assert all(len(token) >= 32 for token in tokens)


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_the_announced_link_is_the_public_one_and_holds_a_token(
    run_folder: Path, announced: list[str], host: str
) -> None:
    for address in ("lab.example:9000", "lab.example"):
        serve(run_folder, host=host, public_address=address, open_browser=False, announce=announced.append)
    with_port, own_port = announced
    assert with_port.startswith("http://lab.example:9000/?token=")
    assert own_port.startswith("http://lab.example:")
    assert own_port.partition("/?token=")[0].removeprefix("http://lab.example:").isdecimal()


@pytest.mark.parametrize(
    "address",
    [
        "http://lab.example",
        "lab.example:",
        "lab.example:0",
        "lab.example:65536",
        "a b",
        "a/b",
        "",
        ":80",
        "::1",
    ],
)
def test_what_is_no_address_is_refused_before_anything_listens(
    run_folder: Path, announced: list[str], address: str
) -> None:
    with pytest.raises(UsageError, match="name:port"):
        split_address(address)
    if address:
        with pytest.raises(UsageError, match="--public-address"):
            serve(run_folder, public_address=address, open_browser=False, announce=announced.append)
    assert announced == []


def test_a_taken_port_is_an_error_that_names_the_option(run_folder: Path, announced: list[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(UsageError, match="choose another --port"):
            serve(run_folder, port=other.getsockname()[1], open_browser=False)


def test_nothing_to_show_ends_before_anything_listens(tmp_path: Path, announced: list[str]) -> None:
    with pytest.raises(InputError):
        serve(tmp_path, open_browser=False, announce=announced.append)
    assert announced == []


def test_the_link_can_be_read_from_a_pipe_while_the_server_runs(run_folder: Path) -> None:
    command = [sys.executable, "-m", "acinus", "view", str(run_folder), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        running = server.poll() is None
        server.terminate()
    assert line.startswith(f"Showing {run_folder} at http://127.0.0.1:")
    assert running
