from __future__ import annotations

from pathlib import Path

import pytest

from acinus.core.user_cache import user_cache


def test_the_users_own_choice_goes_before_the_systems_and_that_before_home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    monkeypatch.setenv("ACINUS_CACHE", "/mine")
    assert user_cache() == Path("/mine")
    monkeypatch.delenv("ACINUS_CACHE")
    assert user_cache() == Path("/cache/acinus")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert user_cache() == Path("/home/a/.cache/acinus")


def test_without_a_home_there_is_none(monkeypatch: pytest.MonkeyPatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("ACINUS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert user_cache() is None
