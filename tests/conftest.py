"""What several rooms' tests share: real images, skipped where they are absent; synthetic ones, a tiny fit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from acinus.results.record import ImageRecord, ScannedPart

# A busy machine is no reason to fail, and CI tries the same examples each time; elsewhere others are tried.
settings.register_profile("acinus", deadline=None, derandomize="ACINUS_SAME_EXAMPLES" in os.environ)
settings.load_profile("acinus")

# A shell lets what it starts in the background ignore Ctrl-C, and so would Python and its children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_ROOT = Path(__file__).resolve().parents[1]
_ABSENT = "REAL DATA ABSENT"
_NO_TRANSFORMERS = "TRANSFORMERS ABSENT: its backbones are not tested; pip install 'acinus[transformers]'"


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tests keep what was read of slides in a folder of their own, not in the user's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACINUS_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def acinus_data() -> Path:
    """Folder of real slides and images; mark the tests that use it with ``real_data``."""
    folder = Path(os.environ.get("ACINUS_DATA", _ROOT / ".." / "shared" / "data")).resolve()
    if not (folder / "slides").is_dir() or not (folder / "glas").is_dir():
        pytest.skip(f"{_ABSENT}: no slides/ and glas/ in {folder}; set ACINUS_DATA to a folder that has them")
    return folder


@pytest.fixture(scope="session")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of three synthetic images of 256 px, 0.62 µm/px, their truth beside them; not to be changed."""
    from acinus.data.synthetic import write_synthetic_tiles

    folder = tmp_path_factory.mktemp("tiles")
    write_synthetic_tiles(folder, count=3, seed=5, height_px=256, width_px=256)
    return folder


@pytest.fixture(scope="session")
def tiny_settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings file of a fit that takes a second and learns next to nothing."""
    path = tmp_path_factory.mktemp("settings") / "tiny.json"
    mining = {"shallow": {"steps": 2, "batch_crops": 2, "crop_px": 32}}
    grouping: dict[str, Any] = {"steps": 6, "rounds": 2, "batch_crops": 2, "crop_px": 32, "mpp": 2.5}
    grouping["last_round_factor"] = 1.0
    grouping["network"] = {"widths": [4, 8]}
    # At 0.4 the hardly trained network has glands to show.
    path.write_text(json.dumps({"mining": mining, "grouping": grouping, "instances": {"threshold": 0.4}}))
    return path


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, tiles: Path, tiny_settings: Path) -> Path:
    """Model folder of a fit on `tiles`; not to be changed."""
    from acinus.pipeline.fit_files import fit_files

    out = tmp_path_factory.mktemp("model") / "model"
    fit_files([tiles], out=out, seed=1, settings_path=tiny_settings, processes=1)
    return out


@pytest.fixture(scope="session")
def backbone_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes a backbone of four small stages or layers as ``save_pretrained`` does, with random weights.

    Called with the type of transformers' configuration, and what differs from its defaults.
    """
    transformers = pytest.importorskip("transformers", reason=_NO_TRANSFORMERS)
    import torch

    stages = {"hidden_sizes": [8, 12, 16, 20], "depths": [1, 1, 1, 1]}
    layers = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 32}
    small: dict[str, dict[str, object]] = {
        "resnet": {"embedding_size": 8, "layer_type": "basic", **stages},
        "convnext": stages,
        "swin": {"embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2], "window_size": 4},
        "dinov2": {"image_size": 56, "patch_size": 14, **layers},
        "beit": {"image_size": 64, "patch_size": 16, **layers},
        "vit": {"image_size": 64, "patch_size": 16, **layers},
    }

    def write(kind: str, **more: object) -> Path:
        folder = tmp_path_factory.mktemp(kind)
        transformers.utils.logging.disable_progress_bar()
        with torch.random.fork_rng():
            torch.manual_seed(11)
            config = transformers.AutoConfig.for_model(kind, **(small[kind] | more))
            transformers.AutoModel.from_config(config).save_pretrained(folder)
        return folder

    return write


@pytest.fixture(scope="session")
def image_record() -> Callable[..., ImageRecord]:
    """Returns the record of an image of 80 × 60 px at 0.5 µm/px without a gland, but for the fields given."""

    def make(**fields: Any) -> ImageRecord:
        size = {"width_px": fields.get("width_px", 80), "height_px": fields.get("height_px", 60)}
        defaults = {
            "kind": "image",
            "name": "a",
            **size,
            "mpp": 0.5,
            "working_mpp": fields.get("mpp", 0.5),
            "scanned": ScannedPart(x_px=0, y_px=0, **size),
            "gland_count": 0,
            "gland_area_fraction": 0.0,
        }
        return ImageRecord(**(defaults | fields))

    return make


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a file system of a size such as ``64k`` and returns its folder; again, to change the size."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = False

    def mount(size: str) -> Path:
        nonlocal mounted
        options = f"{'remount,' if mounted else ''}size={size}"
        words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if (
            shutil.which("mount") is None
            or subprocess.run(words, capture_output=True, check=False).returncode
        ):
            pytest.skip("NO SMALL DISK: only root can mount one; what happens on a full disk is not tested")
        mounted = True
        return folder

    yield mount
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end how much was not tested on real images: a quiet run hides the reasons of skips."""
    reports = terminalreporter.stats.get("skipped", ())
    count = sum(_ABSENT in str(report.longrepr) for report in reports)
    if count:
        line = f"{_ABSENT}: {count} tests were skipped; set ACINUS_DATA to run them"
        terminalreporter.write_line(line, yellow=True, bold=True)


@pytest.fixture
def error_lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """Returns all lines of stderr so far that are errors; progress is left out."""

    def lines() -> list[str]:
        found = capsys.readouterr().err.splitlines()
        assert not any("Traceback" in line for line in found)
        return [line for line in found if line.startswith("acinus: ")]

    return lines


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Let PyTorch compute with one thread: their number changes the last digits of a sum."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
