from __future__ import annotations

import socket
from pathlib import Path

import pytest
import uvicorn

from acinus.core.errors import InputError, UsageError
from acinus.viewer import serve


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
