"""Every method on two plain textures: it learns, it repeats itself, and it says so when it collapses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from acinus.baselines import (
    IIC,
    Baseline,
    ColourKMeans,
    DeepCluster,
    DifferentiableFeatureClustering,
    FittedBaseline,
    HedDensity,
    PiCIE,
    Rgb,
    UntrainedNetwork,
)
from acinus.core.errors import UsageError
from acinus.core.image import RgbImage
from acinus.core.segmenter import Segmenter
from acinus.data.synthetic import SyntheticTile, two_texture_tile
from acinus.metrics import ClusterCounts, ConfusionMatrix

CPU = torch.device("cpu")

METHODS: dict[str, Baseline] = {
    "rgb": ColourKMeans(space=Rgb()),
    "hed": ColourKMeans(space=HedDensity()),
    "untrained": UntrainedNetwork(crop_px=64),
    "iic": IIC(steps=40, batch_crops=4, crop_px=64),
    "deepcluster": DeepCluster(epochs=2, steps_per_epoch=12, batch_crops=4, crop_px=64),
    "picie": PiCIE(epochs=2, pool_crops=32, batch_crops=4, crop_px=64),
    "feature clustering": DifferentiableFeatureClustering(),
}
DEEP = ("iic", "deepcluster", "picie")
TRAINED = (*DEEP, "feature clustering")


@dataclass(frozen=True)
class Run:
    fitted: FittedBaseline
    records: list[dict[str, float]]
    oracle: ConfusionMatrix
    label_free: ConfusionMatrix


def run(method: Baseline, tiles: Sequence[SyntheticTile]) -> Run:
    records: list[dict[str, float]] = []
    fitted = method.fit([tile.image for tile in tiles], seed=0, device=CPU, on_step=records.append)
    label_free = ConfusionMatrix()
    counts = []
    for tile in tiles:
        truth = tile.labels > 0
        label_free += ConfusionMatrix.of(fitted.probability(tile.image) > 0.5, truth)
        counts.append(ClusterCounts.of(fitted.clusters(tile.image), truth, n_clusters=fitted.n_clusters))
    if fitted.shared_clusters:
        counts = [sum(counts[1:], counts[0])]
    oracle = sum((one.confusion(gland_clusters=one.majority()) for one in counts), ConfusionMatrix())
    return Run(fitted, records, oracle, label_free)


@pytest.fixture(scope="module")
def tiles() -> list[SyntheticTile]:
    return [two_texture_tile(seed, height_px=300, width_px=280) for seed in range(3)]


@pytest.fixture(scope="module")
def runs(tiles: list[SyntheticTile]) -> dict[str, Run]:
    return {name: run(method, tiles) for name, method in METHODS.items()}


@pytest.mark.parametrize("name", [name for name in METHODS if name != "untrained"])
def test_two_textures_are_told_apart(runs: dict[str, Run], name: str):
    assert runs[name].oracle.miou > 0.85
    assert not runs[name].fitted.collapsed


@pytest.mark.parametrize("name", [name for name in METHODS if name != "untrained"])
def test_darkness_names_the_clusters_as_the_truth_would(runs: dict[str, Run], name: str):
    assert runs[name].label_free.miou > runs[name].oracle.miou - 0.03


@pytest.mark.parametrize("name", DEEP)
def test_training_beats_the_untrained_network(runs: dict[str, Run], name: str):
    assert runs[name].oracle.miou > runs["untrained"].oracle.miou + 0.05


def test_even_an_untrained_network_tells_more_than_one_class_everywhere(
    runs: dict[str, Run], tiles: list[SyntheticTile]
):
    background = np.mean([np.mean(tile.labels == 0) for tile in tiles])
    assert runs["untrained"].oracle.miou > background / 2 + 0.2
    assert not runs["untrained"].fitted.collapsed


@pytest.mark.parametrize("name", ["iic", "feature clustering"])
def test_the_loss_falls(runs: dict[str, Run], name: str):
    records = runs[name].records
    first = [record["loss"] for record in records if record.get("image", 0) == 0]
    quarter = len(first) // 4
    assert np.mean(first[-quarter:]) < np.mean(first[:quarter]) - 0.1


@pytest.mark.parametrize("name", ["deepcluster", "picie"])
def test_the_loss_falls_until_the_clusters_are_drawn_anew(runs: dict[str, Run], name: str):
    for epoch in range(2):
        losses = [record["loss"] for record in runs[name].records if record["epoch"] == epoch]
        assert np.mean(losses[-3:]) < np.mean(losses[:3])


@pytest.mark.parametrize("name", TRAINED)
def test_every_step_tells_its_loss(runs: dict[str, Run], name: str):
    records = runs[name].records
    assert [record["step"] for record in records if record.get("image", 0) == 0] == list(
        range(sum(record.get("image", 0) == 0 for record in records))
    )
    assert all(np.isfinite(record["loss"]) for record in records)


@pytest.mark.parametrize("name", METHODS)
def test_a_fitted_method_is_a_segmenter_with_clusters_at_the_images_size(
    runs: dict[str, Run], tiles: list[SyntheticTile], name: str
):
    fitted, image = runs[name].fitted, tiles[0].image
    assert isinstance(fitted, Segmenter)
    assert isinstance(fitted, FittedBaseline)
    assert fitted.mpp == 2.5
    probability, clusters = fitted.probability(image), fitted.clusters(image)
    assert (probability.shape, probability.dtype) == (image.shape, np.float32)
    assert (clusters.shape, clusters.dtype) == (image.shape, np.uint8)
    assert 0.0 <= probability.min() <= probability.max() <= 1.0
    assert clusters.max() < fitted.n_clusters


SHORT: dict[str, Baseline] = {
    "rgb": METHODS["rgb"],
    "untrained": UntrainedNetwork(crop_px=32),
    "iic": IIC(steps=4, batch_crops=2, crop_px=32),
    "deepcluster": DeepCluster(epochs=2, steps_per_epoch=2, batch_crops=2, crop_px=32),
    "picie": PiCIE(epochs=2, pool_crops=4, batch_crops=2, crop_px=32),
    "feature clustering": DifferentiableFeatureClustering(steps=4, channels=8),
}


@pytest.mark.parametrize("name", SHORT)
def test_the_same_seed_gives_the_same_clusters_whatever_torch_drew_before(name: str):
    image = two_texture_tile(1, height_px=150, width_px=170).image
    maps = []
    for draws in (0, 5):
        torch.rand(draws)
        maps.append(SHORT[name].fit([image], seed=3, device=CPU).clusters(image))
    assert np.array_equal(*maps)


@pytest.mark.parametrize("name", SHORT)
def test_fitting_does_not_disturb_the_callers_random_numbers(name: str):
    image = two_texture_tile(1, height_px=150, width_px=170).image
    torch.manual_seed(11)
    SHORT[name].fit([image], seed=3, device=CPU)
    after = torch.rand(1)
    torch.manual_seed(11)
    assert torch.equal(after, torch.rand(1))


@pytest.mark.parametrize("name", SHORT)
def test_images_of_one_colour_collapse_and_it_is_said(name: str):
    plain = [RgbImage(np.full((160, 120, 3), (200, 120, 180), np.uint8), 0.62) for _ in range(2)]
    fitted = SHORT[name].fit(plain, seed=0, device=CPU)
    assert fitted.collapsed
    assert str(fitted.collapse).startswith("COLLAPSED")
    assert not fitted.probability(plain[0]).any()


@pytest.mark.parametrize("name", SHORT)
def test_no_images_are_refused_in_one_line(name: str):
    with pytest.raises(UsageError, match="no images to learn from"):
        SHORT[name].fit([], seed=0, device=CPU)


@pytest.mark.parametrize("clusters", [1, 257])
def test_a_number_of_clusters_that_a_map_cannot_hold_is_refused(clusters: int):
    with pytest.raises(UsageError, match=f"clusters is {clusters}; expected a whole number from 2 to 256"):
        ColourKMeans(clusters=clusters)
