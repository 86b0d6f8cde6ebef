from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional

from acinus.core.errors import OutputError
from acinus.core.proposal import BACKGROUND, EXTERIOR, INTERIOR, ProposalMap
from acinus.grouping import train
from acinus.grouping.batch import TrainingImage
from acinus.grouping.knowledge_diffusion import KnowledgeDiffusionLoss
from acinus.grouping.rounds import build_network
from acinus.grouping.segmenter import embed, predict
from acinus.grouping.settings import GroupingSettings
from acinus.grouping.targets import BorderTargets
from acinus.grouping.train import StepRecord, train_network
from acinus.networks import precision
from acinus.networks.border_unet import BorderUNetSpec
from acinus.networks.pspnet import PSPNetSpec
from acinus.networks.spec import NetworkSpec
from acinus.networks.unet import UNetSpec

CPU = torch.device("cpu")
TINY = GroupingSettings(
    network=UNetSpec(widths=(4, 8), context_cells=3),
    steps=12,
    batch_crops=4,
    crop_px=24,
    stain_strength=0.3,
    learning_rate=1e-2,
    averaging=0.8,
)


def two_textures(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Glands are fine checks, the rest is coarse ones; the left third of a gland is exterior and darker."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:48, :48]
    fine, coarse = (rows + columns) % 2, (rows // 6 + columns // 6) % 2
    regions = np.full((48, 48), BACKGROUND, np.uint8)
    y, x = rng.integers(0, 17, 2)
    regions[y : y + 30, x : x + 30] = INTERIOR
    regions[y : y + 30, x : x + 10] = EXTERIOR
    value = np.where(regions == BACKGROUND, coarse, fine) * 60 + rng.normal(0, 6, (48, 48))
    value -= 80 * (regions == EXTERIOR)
    rgb = np.array([180, 130, 170]) + value[..., None]
    return np.clip(rgb, 0, 255).astype(np.uint8), regions


def training_images(count: int = 4) -> list[TrainingImage]:
    pairs = [two_textures(seed) for seed in range(count)]
    return [
        TrainingImage.of(rgb, ProposalMap(regions, np.ones(regions.shape, np.float32), mpp=2.5))
        for rgb, regions in pairs
    ]


def trained(
    settings: GroupingSettings, *, seed: int = 0, checkpoint: Path | None = None
) -> tuple[torch.nn.Module, list[StepRecord]]:
    records: list[StepRecord] = []
    network = train_network(
        build_network(settings, seed=seed, weights=None),
        training_images(),
        settings,
        steps=settings.steps,
        seed=seed,
        device=CPU,
        on_step=records.append,
        checkpoint=checkpoint,
    )
    return network, records


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    first, second = a.state_dict(), b.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def test_the_loss_falls_and_the_network_tells_the_textures_apart():
    network, records = trained(replace(TINY, steps=80))
    assert np.mean([r["mask"] for r in records[-5:]]) < 0.5 * np.mean([r["mask"] for r in records[:5]])
    rgb, regions = two_textures(99)
    gland = predict(network, rgb, device=CPU, views=4).probability > 0.5
    assert (gland == (regions != BACKGROUND)).mean() > 0.9


def test_each_step_reports_its_terms_and_their_sum():
    _, records = trained(replace(TINY, diffusion_weight=0.5))
    assert [record["step"] for record in records] == list(range(12))
    for record in records:
        assert record["loss"] == pytest.approx(record["mask"] + 0.5 * record["diffusion"], rel=1e-5)
    assert max(record["diffusion"] for record in records) > 0


def test_without_weight_the_diffusion_loss_is_not_computed():
    _, records = trained(replace(TINY, steps=3, diffusion_weight=0.0))
    assert [record["diffusion"] for record in records] == [0.0, 0.0, 0.0]
    assert [record["loss"] for record in records] == [record["mask"] for record in records]


def numbered_images(count: int = 4) -> list[TrainingImage]:
    """Each has one gland, whose number is known."""
    images = []
    for seed in range(count):
        rgb, regions = two_textures(seed)
        glands = (regions != BACKGROUND).astype(np.int32)
        proposal = ProposalMap(regions, np.ones(regions.shape, np.float32), mpp=2.5, glands=glands)
        images.append(TrainingImage.of(rgb, proposal, BorderTargets(depth_um=20.0)))
    return images


BORDERS = replace(TINY, network=BorderUNetSpec(widths=(4, 8), context_cells=3, fine=4), crop_px=24)


def trained_on_glands(settings: GroupingSettings) -> tuple[torch.nn.Module, list[StepRecord]]:
    records: list[StepRecord] = []
    network = train_network(
        build_network(settings, seed=0, weights=None),
        numbered_images(),
        settings,
        steps=settings.steps,
        seed=0,
        device=CPU,
        on_step=records.append,
    )
    return network, records


def test_the_depth_is_a_term_of_the_loss_with_its_weight():
    _, records = trained_on_glands(replace(BORDERS, steps=4, depth_weight=0.25))
    assert min(record["depth"] for record in records) > 0.0
    for record in records:
        assert record["loss"] == pytest.approx(record["mask"] + 0.25 * record["depth"], rel=1e-5)


def test_without_weight_the_depth_teaches_nothing():
    network, records = trained_on_glands(replace(BORDERS, steps=4, depth_weight=0.0))
    assert [record["loss"] for record in records] == [record["mask"] for record in records]
    start = build_network(BORDERS, seed=0, weights=None).classifier.bias
    assert network.classifier.bias[1].item() == pytest.approx(start[1].item(), rel=1e-3)
    assert network.classifier.bias[0].item() != pytest.approx(start[0].item(), rel=1e-3)


@pytest.mark.parametrize("spec", [UNetSpec(widths=(4, 8)), PSPNetSpec(depth=18, features=8)])
def test_a_network_that_tells_no_depth_has_no_such_term(spec: NetworkSpec):
    _, records = trained_on_glands(replace(TINY, network=spec, steps=2))
    assert [record["depth"] for record in records] == [0.0, 0.0]
    assert [record["loss"] for record in records] == [record["mask"] for record in records]


def test_the_network_learns_that_the_middle_of_a_gland_is_deeper_than_its_rim():
    network, records = trained_on_glands(replace(BORDERS, steps=80))
    assert np.mean([r["depth"] for r in records[-5:]]) < 0.8 * np.mean([r["depth"] for r in records[:5]])
    rgb, regions = two_textures(99)
    depth = predict(network, rgb, device=CPU, views=4).depth
    assert depth is not None
    inside = cv2.distanceTransform((regions != BACKGROUND).astype(np.uint8), cv2.DIST_L2, 5)
    assert depth[inside > 8].mean() > depth[(inside > 0) & (inside <= 3)].mean() > depth[inside == 0].mean()


def test_the_learning_rate_rises_for_a_tenth_of_the_steps_and_then_falls_along_a_cosine():
    _, records = trained(replace(TINY, steps=20))
    expected = [0.5e-2, 1e-2] + [0.5e-2 * (1 + np.cos(np.pi * n / 18)) for n in range(18)]
    assert [record["learning_rate"] for record in records] == pytest.approx(expected)


def test_the_same_seed_gives_the_same_network_and_another_does_not():
    first, again, other = (trained(replace(TINY, steps=4), seed=seed)[0] for seed in (1, 1, 2))
    assert same(first, again)
    assert not same(first, other)


def test_the_network_kept_is_the_moving_average_in_evaluation_mode():
    """After one step the average has gone 1 − 1/10 of the way from the start to the trained weights."""
    settings = replace(TINY, steps=1, averaging=0.98)
    network = build_network(settings, seed=0, weights=None)
    start = {key: value.clone() for key, value in network.state_dict().items()}
    kept = train_network(
        network,
        training_images(),
        settings,
        steps=settings.steps,
        seed=0,
        device=CPU,
        on_step=lambda record: None,
    )
    end = network.state_dict()
    assert not kept.training
    for key, value in kept.state_dict().items():
        if value.dtype.is_floating_point:
            assert torch.allclose(value, 0.1 * start[key] + 0.9 * end[key], atol=1e-6)
    assert not same(kept, network)


class PowerCutError(Exception):
    pass


def cut_off_at(step: int, settings: GroupingSettings, checkpoint: Path) -> None:
    def on_step(record: StepRecord) -> None:
        if record["step"] == step:
            raise PowerCutError

    network = build_network(settings, seed=0, weights=None)
    with pytest.raises(PowerCutError):
        train_network(
            network,
            training_images(),
            settings,
            steps=settings.steps,
            seed=0,
            device=CPU,
            on_step=on_step,
            checkpoint=checkpoint,
        )


def test_a_run_cut_off_goes_on_from_its_checkpoint_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(train, "_CHECKPOINT_EVERY", 4)
    undisturbed, records = trained(TINY)
    cut_off_at(9, TINY, tmp_path / "c")
    resumed, later = trained(TINY, checkpoint=tmp_path / "c")
    assert same(resumed, undisturbed)
    assert later == records[8:]


def test_a_run_cut_off_before_its_first_checkpoint_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(train, "_CHECKPOINT_EVERY", 4)
    cut_off_at(2, TINY, tmp_path / "c")
    assert list(tmp_path.iterdir()) == []
    resumed, records = trained(TINY, checkpoint=tmp_path / "c")
    assert len(records) == 12
    assert same(resumed, trained(TINY)[0])


def test_a_finished_checkpoint_gives_its_network_without_another_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(train, "_CHECKPOINT_EVERY", 4)
    finished, _ = trained(TINY, checkpoint=tmp_path / "c")
    again, records = trained(TINY, checkpoint=tmp_path / "c")
    assert records == []
    assert same(again, finished)


def test_a_checkpoint_that_cannot_be_written_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(train, "_CHECKPOINT_EVERY", 1)
    with pytest.raises(OutputError, match="absent"):
        trained(TINY, checkpoint=tmp_path / "absent" / "c")


def distance_of_interior_from_exterior(network: torch.nn.Module) -> float:
    """Mean squared distance of unit features, over all images."""
    distances = []
    for seed in range(4):
        rgb, regions = two_textures(seed)
        features = functional.normalize(torch.from_numpy(embed(network, rgb, device=CPU)), dim=2)
        embedding = functional.normalize(features[torch.from_numpy(regions == EXTERIOR)].mean(dim=0), dim=0)
        interior = features[torch.from_numpy(regions == INTERIOR)]
        distances.append((interior - embedding).square().sum(dim=1).mean().item())
    return float(np.mean(distances))


def test_knowledge_diffusion_brings_interior_features_nearer_to_exterior_ones():
    """Two seeds on average: so small a network may bring them together without being told to."""
    settings = replace(TINY, steps=40, diffusion=KnowledgeDiffusionLoss(stop_gradient=False))
    distances = {
        weight: np.mean(
            [
                distance_of_interior_from_exterior(
                    trained(replace(settings, diffusion_weight=weight), seed=seed)[0]
                )
                for seed in range(2)
            ]
        )
        for weight in (0.0, 10.0)
    }
    assert distances[10.0] < 0.75 * distances[0.0]


def test_the_diffusion_term_falls_while_training():
    settings = replace(
        TINY, steps=40, diffusion_weight=10.0, diffusion=KnowledgeDiffusionLoss(stop_gradient=False)
    )
    _, records = trained(settings)
    terms = [record["diffusion"] for record in records]
    assert np.mean(terms[-5:]) < 0.5 * np.mean(terms[:3])


def test_steps_in_mixed_precision_keep_weights_and_losses_in_single(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(precision, "has_bfloat16", lambda _kind="cpu": True)
    network, mixed = trained(replace(TINY, steps=3))
    _, single = trained(replace(TINY, steps=3, mixed_precision=False))
    assert {value.dtype for value in network.state_dict().values()} == {torch.float32, torch.int64}
    # The first step sees the same weights: only the forward pass is rounded to eight bits.
    assert mixed[0]["loss"] == pytest.approx(single[0]["loss"], rel=0.01)
    assert mixed[0]["loss"] != single[0]["loss"]
    assert mixed[-1]["loss"] == pytest.approx(single[-1]["loss"], rel=0.05)
