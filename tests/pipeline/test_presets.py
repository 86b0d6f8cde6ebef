"""The presets are whole methods: the proposal's loss terms and nothing else, computed here by hand."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from acinus.cli import run
from acinus.core.errors import UsageError
from acinus.core.proposal import BACKGROUND, EXTERIOR, INTERIOR, ProposalMap
from acinus.data.turns import turn_back_each
from acinus.grouping.batch import Batch, TrainingImage, draw_batch
from acinus.grouping.rounds import build_network
from acinus.grouping.settings import GroupingSettings
from acinus.grouping.train import StepRecord, train_network
from acinus.inference.refinement import refined
from acinus.mining import train as stage1
from acinus.mining.cue import DarkestCluster
from acinus.networks.pspnet import PSPNetSpec
from acinus.networks.shallow import ShallowCNN
from acinus.pipeline.fit_files import fit_files
from acinus.pipeline.presets import PRESETS, preset_changes
from acinus.pipeline.settings import Settings, load_settings

from .killing import Interrupting

CPU = torch.device("cpu")
PROPOSAL = load_settings(None, preset="proposal")


def small_grouping() -> GroupingSettings:
    """Stage 2 of the proposal on a network of few channels, one step."""
    network = replace(PROPOSAL.grouping.network, width=8, features=8)  # type: ignore[type-var]
    return replace(PROPOSAL.grouping, network=network, steps=1, batch_crops=2, crop_px=48)


def rings() -> list[TrainingImage]:
    """Noise with a dark ring, filled in one image and not in the other: there its inside is background."""
    images = []
    for seed, inside in enumerate((INTERIOR, BACKGROUND)):
        regions = np.full((64, 64), BACKGROUND, np.uint8)
        regions[8:56, 8:56] = EXTERIOR
        regions[20:44, 20:44] = inside
        noise = np.random.default_rng(seed).integers(0, 60, (64, 64, 1))
        rgb = (np.where(regions == EXTERIOR, 90, 170)[..., None] + noise).repeat(3, axis=2).astype(np.uint8)
        images.append(TrainingImage.of(rgb, ProposalMap(regions, np.ones((64, 64), np.float32), mpp=2.5)))
    return images


def cross_entropy_of_each_pixel(logits: torch.Tensor, batch: Batch) -> float:
    """The mean over all labelled pixels of −log of the probability that the pseudo mask's class has."""
    total = weights = 0.0
    parts = (logits, batch.exterior, batch.interior, batch.background)
    pixels = zip(*(part.double().flatten().tolist() for part in parts), strict=True)
    for logit, exterior, interior, background in pixels:
        probability = 1.0 / (1.0 + np.exp(-logit))
        total -= (exterior + interior) * np.log(probability) + background * np.log(1.0 - probability)
        weights += exterior + interior + background
    return total / weights


def distance_of_interior_pixels(features: torch.Tensor, batch: Batch) -> float:
    """The mean of ‖f − e‖² over interior pixels of all images, f of unit length.

    e is the mean of an image's exterior, of unit length, too.
    """
    total = weights = 0.0
    side = batch.exterior.shape[-1] // features.shape[-1]  # px of one feature pixel
    for image, plain in enumerate(features.double().detach().numpy()):
        vectors = plain / np.maximum(np.sqrt((plain**2).sum(axis=0)), 1e-12)  # features may be 0
        cells = [(y, x) for y in range(vectors.shape[1]) for x in range(vectors.shape[2])]

        def share(region: torch.Tensor, y: int, x: int, image: int = image) -> float:
            cell = region[image, 0, y * side : (y + 1) * side, x * side : (x + 1) * side]
            return float(cell.double().mean())

        outer = sum(share(batch.exterior, *cell) for cell in cells)
        inner = sum(share(batch.interior, *cell) for cell in cells)
        if min(outer, inner) < 4.0:  # too little of a region to speak of
            continue
        embedding = sum(share(batch.exterior, y, x) * vectors[:, y, x] for y, x in cells) / outer
        embedding = embedding / np.sqrt((embedding**2).sum())
        for y, x in cells:
            total += share(batch.interior, y, x) * float(((vectors[:, y, x] - embedding) ** 2).sum())
        weights += inner
    return total / weights


def test_the_second_stage_is_cross_entropy_and_knowledge_diffusion_as_the_proposal_words_them():
    settings = replace(small_grouping(), mixed_precision=False)
    network = build_network(settings, seed=3, weights=None)
    before = copy.deepcopy(network).train()
    records: list[StepRecord] = []
    images = rings()
    train_network(network, images, settings, steps=1, seed=5, device=CPU, on_step=records.append)
    batch = draw_batch(
        images,
        crops=settings.batch_crops,
        crop_px=settings.crop_px,
        scale_range=settings.scale_range,
        stain_strength=settings.stain_strength,
        rng=np.random.default_rng([5, 0]),
    )
    prediction = before(batch.images)
    mask = cross_entropy_of_each_pixel(prediction.logits, batch)
    second = cross_entropy_of_each_pixel(prediction.auxiliary, batch)
    diffusion = distance_of_interior_pixels(prediction.features, batch)
    [record] = records
    assert record["mask"] == pytest.approx(mask, rel=1e-4)
    assert record["auxiliary"] == pytest.approx(second, rel=1e-4)
    assert record["diffusion"] == pytest.approx(diffusion, rel=1e-4)
    assert diffusion > 0.0
    total = mask + 0.4 * second + settings.diffusion_weight * diffusion
    assert record["loss"] == pytest.approx(total, rel=1e-4)
    assert record["depth"] == 0.0


def mutual_information(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """IIC's loss with d = 1 and λ = 1 of two (1, K, H, W) maps, pixel by pixel."""
    phi, psi = first.softmax(1)[0], second.softmax(1)[0]
    clusters, height, width = phi.shape
    losses = []
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            joint = torch.zeros(clusters, clusters)
            for y in range(max(0, -dy), min(height, height - dy)):
                for x in range(max(0, -dx), min(width, width - dx)):
                    joint = joint + torch.outer(phi[:, y, x], psi[:, y + dy, x + dx])
            joint = joint / joint.sum()
            joint = (joint + joint.T) / 2
            chance = torch.outer(joint.sum(1), joint.sum(0))
            losses.append(-(joint * (joint / chance).log()).sum())
    return torch.stack(losses).mean()


def neighbour_difference(responses: torch.Tensor) -> torch.Tensor:
    down = [(responses[..., y + 1, :] - responses[..., y, :]).abs() for y in range(responses.shape[2] - 1)]
    right = [(responses[..., x + 1] - responses[..., x]).abs() for x in range(responses.shape[3] - 1)]
    return torch.stack(down).mean() + torch.stack(right).mean()


def test_the_first_stage_is_a_self_supervised_and_a_spatial_loss():
    # The first step of gradient descent moves the weights by the gradient of what is minimised.
    settings = replace(PROPOSAL.mining.shallow, channels=3, responses=3, steps=1, batch_crops=1, crop_px=16)
    image = np.random.default_rng(0).integers(0, 255, (24, 24, 3)).astype(np.uint8)
    trained = stage1.train_shallow([image], settings, seed=2)
    torch.manual_seed(2)
    network = ShallowCNN(channels=3, responses=3).train()
    crops, views, turns = stage1._draw_crops([image], settings, np.random.default_rng(2))
    responses = network(crops)
    loss = mutual_information(responses, turn_back_each(network(views), turns))
    loss = loss + settings.spatial_weight * neighbour_difference(responses)
    loss.backward()
    for weight, after in zip(network.parameters(), trained.parameters(), strict=True):
        assert weight.grad is not None
        step = (weight - after) / settings.learning_rate
        assert torch.allclose(step, weight.grad, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_the_darkest_cluster_filled_and_a_pspnet_and_nothing_of_ours(name):
    settings = load_settings(None, preset=name)
    assert isinstance(settings.mining.cue, DarkestCluster)
    assert settings.mining.cue.interior
    assert isinstance(settings.grouping.network, PSPNetSpec)
    assert settings.grouping.self_training is None
    assert settings.grouping.diffusion_weight > 0.0
    assert (settings.grouping.omission is None) == (name == "proposal")
    noise = np.random.default_rng(0)
    probability = noise.random((40, 40), dtype=np.float32)
    rgb = noise.integers(0, 255, (40, 40, 3)).astype(np.uint8)
    answer = refined(probability, rgb, settings.refinement, mpp=2.5).probability
    assert np.array_equal(answer, probability)


def test_a_settings_file_changes_a_preset_and_not_the_default(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[grouping]\nsteps = 7\n[grouping.network]\nfeatures = 16\n")
    settings = load_settings(path, preset="proposal")
    assert settings.grouping == replace(
        PROPOSAL.grouping, steps=7, network=PSPNetSpec(features=16, width=32, auxiliary=True)
    )
    assert settings.mining == PROPOSAL.mining != Settings().mining


def test_a_preset_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(UsageError, match="no preset 'picie'; choose one of proposal, mssg"):
        preset_changes("picie")


@pytest.mark.parametrize(("task", "count"), [("Stage 1", 2), ("Stage 2", 27)])
def test_an_interrupted_fit_of_the_proposal_resumes_to_the_same_model(
    tmp_path, tiles, one_thread, task, count
):
    path = tmp_path / "small.json"
    shallow = {"steps": 2, "batch_crops": 2, "crop_px": 32}
    network = {"width": 8, "features": 8}
    grouping = {"steps": 28, "batch_crops": 2, "crop_px": 32, "network": network}
    path.write_text(json.dumps({"mining": {"shallow": shallow}, "grouping": grouping}))

    def fit(out: Path, **more: object) -> dict[str, bytes]:
        fit_files([tiles], out=tmp_path / out, preset="proposal", settings_path=path, processes=1, **more)
        return {name: (tmp_path / out / name).read_bytes() for name in ("weights.safetensors", "model.json")}

    with pytest.raises(KeyboardInterrupt):
        fit(Path("interrupted"), progress=Interrupting(task, count))
    assert not (tmp_path / "interrupted" / "model.json").exists()
    assert fit(Path("interrupted")) == fit(Path("undisturbed"))


def test_the_command_fits_a_preset_and_prints_it(tmp_path, tiles, capsys):
    path = tmp_path / "small.toml"
    path.write_text(
        "[mining.shallow]\nsteps = 1\nbatch_crops = 1\ncrop_px = 16\n"
        "[grouping]\nsteps = 1\nbatch_crops = 1\ncrop_px = 16\n[grouping.network]\nwidth = 8\nfeatures = 4\n"
    )
    words = ["fit", str(tiles), "--out", str(tmp_path / "model"), "--preset", "proposal", "--processes", "1"]
    assert run([*words, "--settings", str(path)]) == 0
    model = json.loads((tmp_path / "model" / "model.json").read_text())
    assert model["settings"]["mining"]["shallow"]["loss"]["kind"] == "IICLoss"
    assert model["settings"]["grouping"]["network"]["width"] == 8
    capsys.readouterr()
    assert run(["settings", "--preset", "mssg"]) == 0
    printed = tmp_path / "printed.toml"
    printed.write_text(capsys.readouterr().out)
    assert load_settings(printed) == load_settings(None, preset="mssg")
