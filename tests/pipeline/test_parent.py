"""Going on from a fitted model: what is inherited, what is learnt, what is recorded, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from acinus import GlandSegmenter
from acinus.core.errors import ModelError, UsageError
from acinus.core.proposal import ProposalMap, proposal_path
from acinus.data.synthetic import write_synthetic_tiles
from acinus.grouping.rounds import relabel
from acinus.inference.reading import ImageReading
from acinus.pipeline.fit_files import fit_files
from acinus.pipeline.gland_size import with_gland_size
from acinus.pipeline.model import load_model
from acinus.pipeline.parent import continued_settings, load_parent, parent_settings
from acinus.slides.images import read_image

from .killing import Interrupting

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def new_tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new_tiles")
    write_synthetic_tiles(folder, count=2, seed=9, height_px=128, width_px=128)
    return folder


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("short") / "short.json"
    path.write_text(json.dumps({"grouping": {"continuation": {"steps": 30, "rounds": 1}}}))
    return path


def go_on(new: Path, model: Path, out: Path, settings: Path, **more: Any) -> None:
    fit_files([new], from_model=model, out=out, seed=3, settings_path=settings, processes=1, **more)


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory, new_tiles: Path, tiny_model: Path, short: Path) -> Path:
    out = tmp_path_factory.mktemp("child") / "model"
    go_on(new_tiles, tiny_model, out, short)
    return out


def described(model: Path) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads((model / "model.json").read_text())
    return plain


def test_settings_and_the_size_of_glands_are_inherited_but_for_what_a_file_changes(child, tiny_model):
    old, new = described(tiny_model)["settings"], described(child)["settings"]
    assert new["grouping"].pop("continuation") != old["grouping"].pop("continuation")
    assert new == old
    assert not (child / "gland_size.json").exists()  # nothing is estimated again


def test_the_new_model_records_its_parent_and_that_ones_parent(tmp_path, child, tiny_model, new_tiles, short):
    parent = described(child)["parent"]
    assert parent["folder"] == str(tiny_model.resolve())
    assert parent["weights_sha256"] == described(tiny_model)["weights_sha256"]
    assert json.loads((child / "run.json").read_text())["parent"] == parent
    assert "parent" not in described(tiny_model)
    go_on(new_tiles, child, tmp_path / "grandchild", short)
    assert described(tmp_path / "grandchild")["parent"]["parent"] == parent


def test_training_starts_from_the_parents_network_and_takes_the_steps_of_a_continuation(
    tmp_path, child, tiny_model, new_tiles
):
    steps = [json.loads(line) for line in (child / "metrics.jsonl").read_text().splitlines()]
    assert [(line["round"], line["step"]) for line in steps] == [(0, step) for step in range(30)]
    still = tmp_path / "still.json"
    still.write_text(json.dumps({"grouping": {"continuation": {"steps": 1, "learning_rate": 1e-12}}}))
    go_on(new_tiles, tiny_model, tmp_path / "still", still)
    before, after = (load_file(model / "weights.safetensors") for model in (tiny_model, tmp_path / "still"))
    learnt = [name for name in before if name.endswith((".weight", ".bias"))]
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in learnt)


def test_the_parents_probabilities_count_together_with_the_closed_shapes_of_the_new_images(
    child, tiny_model, new_tiles
):
    parent, settings = load_parent(tiny_model, device=CPU), parent_settings(tiny_model)
    image = read_image(new_tiles / "tile_000.png")
    mined = ProposalMap.load(proposal_path(child / "proposals", "tile_000"))
    taught = ProposalMap.load(proposal_path(child / "rounds" / "proposals_round0", "tile_000"))
    from acinus.data.resample import resize_map, resize_regions, rgb_at_mpp

    rgb = rgb_at_mpp(image, settings.grouping.mpp)
    shape = rgb.shape[:2]
    assert mined.glands is not None
    at_size = ProposalMap(
        resize_regions(mined.regions, shape),
        resize_map(mined.confidence, shape),
        settings.grouping.mpp,
        resize_regions(mined.glands, shape),
    )
    reading = ImageReading(settings.refinement, settings.instances)
    expected = relabel(parent.network, rgb, at_size, settings.grouping, device=CPU, reading=reading)
    assert np.array_equal(taught.regions, expected.regions)


def test_the_stain_of_old_and_new_images_is_kept(child, tiny_model, new_tiles):
    old, new = described(tiny_model)["stain"], described(child)["stain"]
    assert new["kinds"] == {"he": 1.0}
    # Both sets count alike: the mean lies half way between that of the old and that of the new images.
    alone = GlandSegmenter.load(tiny_model).set_params(grouping__steps=1, grouping__rounds=1)
    alone.fit([new_tiles], processes=1)
    expected = (np.array(old["mean_od"]) + np.array(alone.stain["mean_od"])) / 2
    np.testing.assert_allclose(new["mean_od"], expected, rtol=1e-6)


def test_an_interrupted_continuation_resumes_and_ends_as_an_undisturbed_one(
    tmp_path, new_tiles, tiny_model, short, child
):
    with pytest.raises(KeyboardInterrupt):
        go_on(new_tiles, tiny_model, tmp_path / "cut", short, progress=Interrupting("Stage 2", 27))
    assert (tmp_path / "cut" / "rounds" / "round0.checkpoint").exists()
    go_on(new_tiles, tiny_model, tmp_path / "cut", short)
    for name in ("weights.safetensors", "model.json"):
        assert (tmp_path / "cut" / name).read_bytes() == (child / name).read_bytes()


def test_a_fit_from_another_parent_is_another_fit(tmp_path, new_tiles, tiny_model, short, child):
    other = tmp_path / "other"
    shutil.copytree(child, other)
    with pytest.raises(UsageError, match="holds a fit of other images, settings or seed"):
        go_on(new_tiles, child, other, short)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"preset": "mssg"}, "--preset cannot change the model that --from names"),
        ({"weights": "imagenet"}, "--weights cannot change the model that --from names"),
        ({"gland_size_um": (40.0, 400.0)}, "--gland-size cannot change the model that --from names"),
    ],
)
def test_what_is_inherited_cannot_be_given(tmp_path, new_tiles, tiny_model, short, more, reason):
    with pytest.raises(UsageError, match=reason):
        go_on(new_tiles, tiny_model, tmp_path / "model", short, **more)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("plain", "name"),
    [
        ({"grouping": {"network": {"widths": [4, 4]}}}, "grouping.network"),
        ({"gland_size_um": [40, 400]}, "gland_size_um"),
    ],
)
def test_a_settings_file_cannot_change_the_network_or_the_size_of_glands(tmp_path, tiny_model, plain, name):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(plain))
    with pytest.raises(UsageError, match=f"mine.json changes {name}, which is inherited from the model"):
        continued_settings(parent_settings(tiny_model), path)


def test_a_model_cannot_be_its_own_parent(new_tiles, tiny_model, short):
    with pytest.raises(UsageError, match="holds the model to go on from; give another folder"):
        go_on(new_tiles, tiny_model, tiny_model / ".", short)


def test_a_folder_that_is_no_model_is_named(tmp_path, new_tiles, short):
    with pytest.raises(ModelError, match="--from takes the folder that acinus fit wrote"):
        go_on(new_tiles, tmp_path / "missing", tmp_path / "model", short)
    with pytest.raises(ModelError, match=r"holds no model\.json"):
        go_on(new_tiles, tmp_path, tmp_path / "model", short)


def test_a_model_of_an_earlier_version_had_the_lengths_of_colon(tmp_path, tiny_model):
    shutil.copytree(tiny_model, tmp_path / "old")
    plain = described(tmp_path / "old")
    plain["settings"]["gland_size_um"] = None
    (tmp_path / "old" / "model.json").write_text(json.dumps(plain))
    inherited = parent_settings(tmp_path / "old")
    assert inherited.gland_size_um == (36.0, 276.0)
    assert with_gland_size(inherited, inherited.gland_size_um) == inherited


def test_the_estimator_goes_on_from_a_model_folder(tmp_path, new_tiles, tiny_model):
    model = GlandSegmenter(from_model=tiny_model, seed=3)
    assert model.settings == parent_settings(tiny_model)
    model.set_params(grouping__continuation__steps=30).fit([new_tiles], processes=1)
    model.save(tmp_path / "model")
    assert described(tmp_path / "model")["parent"]["folder"] == str(tiny_model.resolve())
    loaded = GlandSegmenter.load(tmp_path / "model")
    loaded.save(tmp_path / "again")
    assert described(tmp_path / "again")["parent"] == described(tmp_path / "model")["parent"]
    again = GlandSegmenter(**model.get_params(deep=False))
    assert again.settings == model.settings
    assert again.from_model == tiny_model


def test_the_estimator_refuses_what_is_inherited(tiny_model):
    with pytest.raises(UsageError, match="GlandSegmenter changes gland_size_um, which is inherited"):
        GlandSegmenter(from_model=tiny_model, gland_size_um=(40.0, 400.0))
    with pytest.raises(UsageError, match="weights cannot change the network of from_model"):
        GlandSegmenter(from_model=tiny_model, weights="imagenet")
    network, _, _ = load_model(tiny_model, device=CPU)
    assert not network.training


def test_images_with_glands_of_another_size_that_the_parent_knows_are_learnt_from_at_that_size(
    tmp_path, new_tiles, tiny_model, short, monkeypatch
):
    parent = shutil.copytree(tiny_model, tmp_path / "parent")
    plain = described(parent)
    plain["stain"]["size_factors"] = [1.0, 2.0]
    (parent / "model.json").write_text(json.dumps(plain))
    claimed = {1.0: 0.1, 2.0: 0.2}
    monkeypatch.setattr("acinus.pipeline.gland_size.closed_evidence", lambda image, factor: claimed[factor])
    go_on(new_tiles, parent, tmp_path / "large", short)
    claimed[1.0] = 0.19
    go_on(new_tiles, parent, tmp_path / "usual", short)
    names = sorted(path.stem for path in new_tiles.glob("*.png") if not path.stem.endswith("_anno"))
    sizes = {
        out: [
            ProposalMap.load(proposal_path(tmp_path / out / "proposals", name)).regions.shape
            for name in names
        ]
        for out in ("large", "usual")
    }
    assert sizes["usual"] == [(63, 63)] * 2
    assert sizes["large"] == [(32, 32)] * 2  # half as many pixels on a side
    assert described(tmp_path / "large")["stain"]["size_factors"] == [1.0, 2.0]
