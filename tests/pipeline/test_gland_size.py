from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from acinus.core.errors import ModelError, UsageError
from acinus.core.image import RgbImage
from acinus.core.progress import SilentProgress
from acinus.inference.instances import InstanceSettings
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.fit import fit
from acinus.pipeline.gland_size import (
    GLAND_SIZE_FILE,
    GlandSizes,
    KnownSizes,
    estimated_sizes,
    size_in_words,
    with_gland_size,
)
from acinus.pipeline.settings import Settings, load_settings

PLAIN = RgbImage(np.full((60, 60, 3), 200, np.uint8), mpp=1.25)


def test_every_stage_follows_from_the_size_and_a_second_time_changes_nothing():
    settings = with_gland_size(Settings(), (72.0, 552.0))
    assert (settings.mining.mpp, settings.grouping.mpp) == (2.5, 2.5)
    assert settings.grouping.borders.gap_um == 48.0
    assert settings.grouping.self_training is not None
    assert settings.grouping.self_training.min_area_um2 == 3200.0
    assert (settings.refinement.smoothing_um, settings.instances.max_hole_um2) == (7.5, 80_000.0)
    assert with_gland_size(settings, (72.0, 552.0)) == settings


def test_settings_of_one_size_become_those_of_another_and_keep_what_was_chosen():
    chosen = Settings(gland_size_um=(72.0, 552.0), instances=InstanceSettings(max_hole_um2=5.0))
    larger = with_gland_size(chosen, (72.0, 552.0))
    back = with_gland_size(larger, (36.0, 276.0))
    assert back == Settings(gland_size_um=(36.0, 276.0), instances=InstanceSettings(max_hole_um2=5.0))
    assert with_gland_size(larger, (90.0, 690.0)).grouping.mpp == 3.125


def test_glands_of_colon_have_the_defaults():
    assert with_gland_size(Settings(), (36.0, 276.0)) == Settings(gland_size_um=(36.0, 276.0))


def estimated(folder, images=(PLAIN,), sources=("a",)):
    return estimated_sizes(images, sources, folder=folder, progress=SilentProgress())


def test_an_estimate_is_kept_and_read_again(tmp_path):
    assert estimated(tmp_path) == GlandSizes((36.0, 276.0), (1.0,), ("others",))
    kept = tmp_path / GLAND_SIZE_FILE
    kept.write_text(kept.read_text().replace("276.0", "300.0"))
    assert estimated(tmp_path).size_um == (36.0, 300.0)
    kept.write_text("{")
    with pytest.raises(ModelError, match="is damaged; delete it and run the same command again"):
        estimated(tmp_path)


@pytest.fixture
def evidence(monkeypatch):
    """Closed shapes claim as much as an image's name says, for glands of colon's size and of twice that."""

    def claimed(image: RgbImage, factor: float) -> float:
        usual, twice = map(float, image.name.split("/"))
        return {1.0: usual, 2.0: twice}.get(factor, 0.0)

    monkeypatch.setattr("acinus.pipeline.gland_size.closed_evidence", claimed)


def named(name: str, count: int) -> list[RgbImage]:
    return [RgbImage(PLAIN.rgb, mpp=1.25, name=name)] * count


def test_a_source_with_larger_glands_is_told_from_the_others(tmp_path, evidence):
    images = named("0.2/0.1", 20) + named("0.05/0.2", 6)
    sizes = estimated(tmp_path, images, ["colon"] * 20 + ["prostate"] * 6)
    assert (sizes.size_um, sizes.factors) == ((36.0, 276.0), (1.0,) * 20 + (2.0,) * 6)
    assert sizes.distinct == (1.0, 2.0)
    assert sum(sizes.chances[:20]) == pytest.approx(sum(sizes.chances[20:]))  # both are drawn alike
    assert estimated(tmp_path, images, ["colon"] * 20 + ["prostate"] * 6) == sizes  # as it was kept


@pytest.mark.parametrize(("larger", "steps"), [(0.2, 10), (0.05, 6)], ids=["two sizes", "one size"])
def test_rounds_are_longer_where_glands_are_of_several_sizes(
    larger, steps, tmp_path, tiny_settings, monkeypatch
):
    def claimed(image: RgbImage, factor: float) -> float:
        return (
            {1.0: 0.1, 2.0: larger}.get(factor, 0.0) if image.name.startswith("large") else float(factor == 1)
        )

    monkeypatch.setattr("acinus.pipeline.gland_size.closed_evidence", claimed)
    names = [f"{kind}{number}" for kind in ("large", "usual") for number in range(6)]
    rng = np.random.default_rng(0)
    images = [RgbImage(rng.integers(0, 255, (60, 60, 3), np.uint8), 1.25, name) for name in names]
    settings = load_settings(tiny_settings)
    fit(
        images,
        settings,
        seed=0,
        device=torch.device("cpu"),
        folder=tmp_path,
        processes=1,
        sources=[name[:5] for name in names],
    )
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [sum(row["round"] == number for row in rows) for number in range(2)] == [steps, steps]


def test_smaller_glands_in_a_part_have_a_factor_below_one(tmp_path, evidence):
    sizes = estimated(
        tmp_path, named("0.05/0.2", 20) + named("0.2/0.1", 6), ["prostate"] * 20 + ["colon"] * 6
    )
    assert (sizes.size_um, sizes.factors) == ((72.0, 552.0), (1.0,) * 20 + (0.5,) * 6)


def test_a_slight_difference_and_a_source_of_few_images_change_nothing(tmp_path, evidence):
    (tmp_path / "few").mkdir()
    slight = estimated(tmp_path, named("0.2/0.1", 20) + named("0.2/0.25", 6), ["a"] * 20 + ["b"] * 6)
    few = estimated(tmp_path / "few", named("0.2/0.1", 20) + named("0.05/0.2", 5), ["a"] * 20 + ["b"] * 5)
    assert slight.distinct == few.distinct == (1.0,)
    assert set(slight.chances) == set(few.chances) == {1.0}  # images of one size are drawn alike


def test_of_the_sizes_that_a_model_knows_each_source_has_the_one_that_suits_it(tmp_path, evidence):
    known = KnownSizes((72.0, 552.0), (0.5, 1.0))
    images = named("0.05/0.2", 2) + named("0.2/0.1", 1) + named("0.25/0.2", 3)
    sources = ["prostate"] * 2 + ["colon"] + ["either"] * 3
    sizes = estimated_sizes(images, sources, folder=tmp_path, progress=SilentProgress(), known=known)
    assert sizes == GlandSizes((72.0, 552.0), (1.0, 1.0, 0.5, 1.0, 1.0, 1.0), tuple(sources))
    again = estimated_sizes(images, sources, folder=tmp_path, progress=SilentProgress(), known=known)
    assert again == sizes


def test_a_model_whose_sources_all_departed_from_its_usual_size_knows_that_too(tmp_path, evidence):
    known = KnownSizes((36.0, 276.0), (0.5, 2.0))
    images = named("0.2/0.1", 1) + named("0.05/0.2", 1)
    sizes = estimated_sizes(images, ["a", "b"], folder=tmp_path, progress=SilentProgress(), known=known)
    assert sizes.factors == (1.0, 2.0)


@pytest.mark.parametrize("size_um", [(100.0, 50.0), (1.0, 4.0), (500.0, 5000.0)])
def test_a_range_that_no_resolution_suits_is_refused(size_um):
    with pytest.raises(UsageError, match=r"gland_size_um is .* two diameters in µm, the smaller first"):
        Settings(gland_size_um=size_um)


def test_an_estimator_uses_what_follows_from_the_size_and_keeps_what_it_was_given():
    model = GlandSegmenter(gland_size_um=(72.0, 552.0), instances=InstanceSettings(max_hole_um2=5.0))
    assert model.get_params()["gland_size_um"] == (72.0, 552.0)
    assert model.settings.grouping.mpp == 1.25


def test_the_size_of_a_model_is_told_with_its_source(tmp_path):
    described = {"settings": {"gland_size_um": [36.0, 551.6]}}
    (tmp_path / "model.json").write_text(json.dumps(described))
    assert size_in_words(tmp_path) == "36 to 552 µm across, as given"
    (tmp_path / GLAND_SIZE_FILE).write_text(json.dumps({"images": 1}))
    estimated = "36 to 552 µm across, estimated from 1 image; --gland-size overrides it"
    assert size_in_words(tmp_path) == estimated
    parts = [{"source": "colon", "images": 9, "factor": 1.0}, {"source": "rings", "images": 8, "factor": 2.0}]
    (tmp_path / GLAND_SIZE_FILE).write_text(json.dumps({"images": 17, "sources": parts}))
    assert size_in_words(tmp_path) == (
        "36 to 552 µm across, estimated from 17 images; 72 to 1103 µm on the 8 images of rings; "
        "--gland-size overrides it"
    )
    (tmp_path / "model.json").write_text(json.dumps(described | {"parent": {"folder": "/models/old"}}))
    assert size_in_words(tmp_path) == (
        "36 to 552 µm across, inherited from /models/old; 72 to 1103 µm on the 8 images of rings"
    )
    (tmp_path / GLAND_SIZE_FILE).unlink()
    assert size_in_words(tmp_path) == "36 to 552 µm across, inherited from /models/old"
