from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from acinus.core.errors import InputError, ModelError
from acinus.core.image import RgbImage
from acinus.core.progress import SilentProgress
from acinus.core.proposal import proposal_path
from acinus.mining import proposals as module
from acinus.mining.closed_shapes import ClosedShapes
from acinus.mining.cue import AgreedBackground, Cue, DarkestCluster
from acinus.mining.proposals import load_proposals, mine_into
from acinus.mining.second_look import SecondLook
from acinus.mining.settings import MiningSettings
from acinus.mining.train import ShallowSettings

SHALLOW = ShallowSettings(channels=6, responses=5, steps=2, batch_crops=2, crop_px=24)
SETTINGS = MiningSettings(shallow=SHALLOW, cue=DarkestCluster(min_cluster_um2=300.0))


def images() -> list[RgbImage]:
    rng = np.random.default_rng(0)
    return [RgbImage(rng.integers(0, 255, (50, 60, 3), dtype=np.uint8), mpp=1.0, name=name) for name in "abc"]


def mine(folder: Path, *, settings: MiningSettings = SETTINGS, seed: int = 0) -> None:
    mine_into(folder, images(), settings, seed=seed, processes=1, progress=SilentProgress())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_each_image_has_its_proposals_and_all_share_a_network(tmp_path):
    mine(tmp_path)
    assert set(contents(tmp_path)) == {
        "shallow.safetensors",
        *(f"{name}.regions{kind}.png" for name in "abc" for kind in ("", "_confidence")),
    }
    loaded = load_proposals(tmp_path, "cab")
    assert [proposal.regions.shape for proposal in loaded] == [(40, 48)] * 3
    assert [proposal.mpp for proposal in loaded] == [1.25] * 3


def test_several_networks_are_kept_and_read_again(tmp_path, monkeypatch):
    several = replace(SETTINGS, shallow=replace(SHALLOW, networks=2))
    mine(tmp_path, settings=several)
    expected = contents(tmp_path)
    assert {"shallow.safetensors", "shallow_1.safetensors"} <= set(expected)
    proposal_path(tmp_path / "proposals", "b").unlink()
    monkeypatch.setattr(module, "fit_shallow", None)
    mine(tmp_path, settings=several)
    assert contents(tmp_path) == expected


def test_images_with_networks_of_their_own_leave_none(tmp_path):
    mine(tmp_path, settings=replace(SETTINGS, shallow=replace(SHALLOW, shared=False)))
    assert not (tmp_path / "shallow.safetensors").exists()


def test_only_what_is_missing_or_damaged_is_mined_again_to_the_same_files(tmp_path, monkeypatch):
    mine(tmp_path)
    expected = contents(tmp_path)
    proposal_path(tmp_path / "proposals", "a").unlink()
    proposal_path(tmp_path / "proposals", "c").write_bytes(b"cut off")
    mined = []
    monkeypatch.setattr(
        module,
        "mine_proposals",
        lambda images, *more, real=module.mine_proposals, **options: (
            mined.extend(image.name for image in images) or real(images, *more, **options)
        ),
    )
    mine(tmp_path)
    assert mined == ["a", "c"]
    assert contents(tmp_path) == expected
    mined.clear()
    mine(tmp_path, seed=7)  # nothing is missing, so nothing is computed
    assert mined == []
    assert contents(tmp_path) == expected


def test_the_network_on_disk_is_used_and_a_damaged_one_is_named(tmp_path):
    mine(tmp_path)
    for name in "abc":
        proposal_path(tmp_path / "proposals", name).unlink()
    (tmp_path / "shallow.safetensors").write_bytes(b"cut off")
    with pytest.raises(ModelError, match=r"shallow\.safetensors is damaged"):
        mine(tmp_path)


def glandular(count: int = 2) -> list[RgbImage]:
    """Return images of dark rings around pale lumina."""
    rows, columns = np.mgrid[:130, :170]
    pictures = []
    for number in range(count):
        rng = np.random.default_rng(number)
        rgb = np.full((130, 170, 3), (225, 165, 200), np.int64)
        for x in (45, 120):
            distance = np.hypot(rows - 65 - 6 * number, columns - x)
            rgb[distance < 30] = (95, 55, 135)
            rgb[distance < 18] = (240, 232, 240)
        noisy = np.clip(rgb + rng.normal(0, 5, rgb.shape), 0, 255).astype(np.uint8)
        pictures.append(RgbImage(noisy, mpp=1.25, name=f"g{number}"))
    return pictures


SHAPES = ClosedShapes(max_area_um2=30_000.0)
TWICE = replace(
    SETTINGS, cue=AgreedBackground(trusted=SHAPES, doubter=SETTINGS.cue), second_look=SecondLook()
)


def look(folder: Path, settings: MiningSettings = TWICE) -> None:
    mine_into(folder, glandular(), settings, seed=0, processes=1, progress=SilentProgress())


def test_the_second_look_leaves_the_first_beside_it(tmp_path):
    look(tmp_path)
    names = {path.name for path in (tmp_path / "proposals").iterdir()}
    assert names == {path.name for path in (tmp_path / "first_look").iterdir()}
    assert len(names) == 2 * 3
    assert (tmp_path / "appearance.safetensors").exists()
    for proposal in load_proposals(tmp_path, ["g0", "g1"]):
        assert proposal.glands is not None
        assert proposal.glands.max() == 2


def test_a_second_look_that_was_interrupted_ends_as_an_undisturbed_one(tmp_path):
    look(tmp_path)
    expected = contents(tmp_path)
    proposal_path(tmp_path / "proposals", "g1").unlink()
    (tmp_path / "appearance.safetensors").unlink()
    look(tmp_path)
    assert contents(tmp_path) == expected
    proposal_path(tmp_path / "proposals", "g0").unlink()
    proposal_path(tmp_path / "first_look", "g0").write_bytes(b"cut off")
    look(tmp_path)
    assert contents(tmp_path) == expected


@pytest.mark.parametrize("cue", [SETTINGS.cue, AgreedBackground(trusted=SETTINGS.cue, doubter=SETTINGS.cue)])
def test_a_cue_without_closed_shapes_looks_once(tmp_path, cue: Cue):
    look(tmp_path, replace(TWICE, cue=cue))
    assert not (tmp_path / "first_look").exists()
    assert not (tmp_path / "appearance.safetensors").exists()


def test_by_default_there_is_one_look(tmp_path):
    look(tmp_path / "once", replace(SETTINGS, cue=TWICE.cue))
    assert not (tmp_path / "once/first_look").exists()
    look(tmp_path / "twice")
    first = {path.name: path.read_bytes() for path in (tmp_path / "twice/first_look").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "once/proposals").iterdir()} == first


def test_where_no_shape_closes_the_first_look_is_the_last(tmp_path):
    mine_into(tmp_path, images(), TWICE, seed=0, processes=1, progress=SilentProgress())
    assert not (tmp_path / "appearance.safetensors").exists()
    for name in "abc":
        once, twice = (
            proposal_path(tmp_path / folder, name).read_bytes() for folder in ("first_look", "proposals")
        )
        assert once == twice


def test_proposals_that_are_missing_are_named(tmp_path):
    with pytest.raises(InputError, match=r"z\.regions\.png"):
        load_proposals(tmp_path, ["z"])
