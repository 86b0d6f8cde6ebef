"""What must hold on Windows and macOS, kept on Linux: the code is read, and what they lack is taken away."""

from __future__ import annotations

import ast
import os
import pickle
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

import dask
import distributed.config  # noqa: F401 - its defaults
import numpy as np
import tifffile

from acinus.core import scratch
from acinus.core.files import atomic_path
from acinus.core.interrupts import interrupts_deferred
from acinus.core.lock import locked
from acinus.results import files
from acinus.slides import open_slide

SOURCE = Path(files.__file__).parents[1]
MODULES = sorted(SOURCE.rglob("*.py"))

UNIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
NOT_EVERYWHERE = {
    "os": {
        *(
            "chown",
            "fork",
            "forkpty",
            "getegid",
            "geteuid",
            "getgid",
            "getpgid",
            "getuid",
            "killpg",
            "mkfifo",
        ),
        *("nice", "posix_fadvise", "posix_fallocate", "register_at_fork", "sched_getaffinity", "setsid"),
        *("statvfs", "uname", "wait3", "wait4"),
    },
    "signal": {
        *("SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGUSR2", "alarm"),
        *("pthread_kill", "pthread_sigmask", "setitimer", "sigwait"),
    },
}
FORBIDDEN_IN_NAMES = re.compile(r'[<>:"/\\|?*\x00-\x1f]|[. ]$')
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}


def nodes(kind: type[ast.AST]) -> Iterator[tuple[Path, str, ast.AST]]:
    for module in MODULES:
        text = module.read_text(encoding="utf-8")
        yield from ((module, text, node) for node in ast.walk(ast.parse(text)) if isinstance(node, kind))


def test_what_is_not_everywhere_is_asked_for_before_it_is_used():
    found = []
    for module, text, node in nodes(ast.Attribute):
        if isinstance(node.value, ast.Name) and node.attr in NOT_EVERYWHERE.get(node.value.id, ()):
            found.append(f"{node.value.id}.{node.attr}")
            guard = f'hasattr({node.value.id}, "{node.attr}")'
            assert guard in text, f"{module.name}: {found[-1]} without {guard}"
    assert sorted(set(found)) == ["os.posix_fallocate", "signal.pthread_sigmask"]


def test_modules_of_unix_are_imported_where_they_are_used_and_beside_another_way():
    for module, text, node in nodes(ast.Import):
        if {alias.name.partition(".")[0] for alias in node.names} & UNIX_MODULES:
            assert node.col_offset > 0, f"{module.name} imports {node.names[0].name} at the top"
            assert 'sys.platform == "win32"' in text, module.name


def test_text_is_read_and_written_in_utf_8_whatever_the_system_prefers():
    def mode(call: ast.Call) -> str:
        return "".join(each.value for each in call.args if isinstance(each, ast.Constant) and each.value)

    for module, _, node in nodes(ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = {keyword.arg for keyword in node.keywords}
        if name in ("read_text", "write_text"):
            assert "encoding" in given, f"{module.name}:{node.lineno}"
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        if name == "open" and owner not in ("Image", "os", "gzip", "archive", "webbrowser"):
            assert "b" in mode(node) or "encoding" in given, f"{module.name}:{node.lineno}"


def test_processes_are_spawned_which_is_all_that_windows_knows():
    for module, _, node in nodes(ast.Call):
        called = ast.unparse(node.func)
        assert called not in ("multiprocessing.Process", "multiprocessing.Pool", "os.fork"), module.name
        if called.endswith("get_context"):
            assert ast.unparse(node) == "multiprocessing.get_context('spawn')", module.name
    assert dask.config.get("distributed.worker.multiprocessing-method") == "spawn"


def test_a_slide_is_read_in_a_spawned_process(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((64, 64, 3), (200, 90, 150), np.uint8), photometric="rgb")
    with open_slide(tmp_path / "a.tif", mpp=0.5) as slide:
        script = (
            "import pickle, sys; from acinus.core.geometry import Box; slide = pickle.load(sys.stdin.buffer)"
        )
        script += "; print(slide.read(Box(0, 0, 1, 1), mpp=0.5)[0, 0].tolist())"
        told = subprocess.run(
            [sys.executable, "-c", script], input=pickle.dumps(slide), capture_output=True, check=True
        )
    assert told.stdout.strip() == b"[200, 90, 150]"


def test_names_of_files_are_allowed_everywhere(tmp_path):
    names = [value for name, value in vars(files).items() if name.isupper() and isinstance(value, str)]
    assert len(names) > 10
    with atomic_path(tmp_path / "a.b.json") as temporary:
        temporary.write_bytes(b"{}")
        names.append(temporary.name)
    for name in names:
        assert not FORBIDDEN_IN_NAMES.search(name), name
        assert PureWindowsPath(name).stem.lower() not in RESERVED, name
    lowered = [name.lower() for name in names]
    assert len(set(lowered)) == len(set(names))  # Windows and macOS do not tell them apart by case


def test_without_what_only_unix_has_locks_interrupts_and_scratch_files_work(tmp_path, monkeypatch):
    monkeypatch.delattr(signal, "pthread_sigmask")
    monkeypatch.delattr(os, "posix_fallocate")
    monkeypatch.setattr(scratch, "LARGEST_IN_MEMORY_PX", 10)
    with interrupts_deferred(), locked(tmp_path):
        array = scratch.scratch_array((5, 5), np.int32)
        array[2] = 7
    assert array.sum() == 35
    assert not list(tmp_path.iterdir())
