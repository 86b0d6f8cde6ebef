from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from acinus.core.errors import ModelError, UsageError
from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, INTERIOR, ProposalMap, proposal_path
from acinus.grouping import rounds
from acinus.grouping.relabel import OmissionRelabelling, SelfTraining
from acinus.grouping.rounds import build_network, relabel, train_rounds
from acinus.grouping.segmenter import embed, predict
from acinus.grouping.settings import GroupingSettings
from acinus.inference.instances import InstanceSettings, components_of
from acinus.inference.reading import ImageReading
from acinus.inference.refinement import RefinementSettings
from acinus.networks import pspnet
from acinus.networks.border_unet import BorderUNetSpec
from acinus.networks.pspnet import PSPNetSpec
from acinus.networks.resnet import ResNet
from acinus.networks.unet import UNetSpec

CPU = torch.device("cpu")
TINY = GroupingSettings(
    network=UNetSpec(widths=(4, 8), context_cells=3),
    steps=6,
    rounds=2,
    last_round_factor=1.0,
    batch_crops=2,
    crop_px=16,
    learning_rate=1e-2,
    # Rules that even a hardly trained network makes use of.
    self_training=SelfTraining(
        gland_above=0.5, gland_kept_above=0.4, background_below=0.45, background_kept_below=0.6
    ),
)


def material() -> tuple[list[np.ndarray], list[str], list[ProposalMap]]:
    images, proposals = [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        regions = np.kron(rng.choice([0, 1, 2, 255], (4, 5)), np.ones((6, 6))).astype(np.uint8)
        rgb = np.array([[230] * 3, [90] * 3, [150] * 3], np.uint8)[np.where(regions == 255, 0, regions)]
        images.append(np.clip(rgb + rng.normal(0, 9, rgb.shape), 0, 255).astype(np.uint8))
        proposals.append(ProposalMap(regions, np.ones(regions.shape, np.float32), mpp=2.5))
    return images, ["a", "b", "c"], proposals


def run(
    folder: Path, settings: GroupingSettings = TINY, *, until: tuple[int, int] | None = None
) -> tuple[torch.nn.Module, list[tuple[int, int]]]:
    """Train, perhaps cut off at a round and step, and return the network and the steps taken."""
    steps: list[tuple[int, int]] = []

    def on_step(number: int, record: dict[str, float]) -> None:
        steps.append((number, int(record["step"])))
        if steps[-1] == until:
            raise KeyboardInterrupt

    images, names, proposals = material()
    network = train_rounds(
        images,
        names,
        proposals,
        settings,
        seed=3,
        device=CPU,
        folder=folder,
        weights=None,
        on_step=on_step,
    )
    return network, steps


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_rounds_leave_their_weights_and_the_proposals_between_them(tmp_path: Path):
    network, steps = run(tmp_path)
    assert steps == [(number, step) for number in range(2) for step in range(6)]
    proposals = [
        f"proposals_round1/{name}.regions{part}.png" for name in "abc" for part in ("", "_confidence")
    ]
    assert sorted(contents(tmp_path)) == [*proposals, "round0.safetensors", "round1.safetensors"]
    saved = safetensors.torch.load_file(tmp_path / "round1.safetensors")
    assert all(torch.equal(saved[key], value) for key, value in network.state_dict().items())
    assert not network.training


@pytest.mark.parametrize("until", [(1, 0), (1, 5), (0, 3)])
def test_a_run_cut_off_goes_on_and_ends_as_an_undisturbed_one(tmp_path: Path, until: tuple[int, int]):
    run(tmp_path / "undisturbed")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", until=until)
    _, steps = run(tmp_path / "cut")
    assert steps[0] == (until[0], 0)  # a finished round is not trained again
    assert contents(tmp_path / "cut") == contents(tmp_path / "undisturbed")


def test_a_checkpoint_left_by_a_run_killed_right_after_its_round_is_removed(tmp_path: Path):
    run(tmp_path)
    expected = contents(tmp_path)
    (tmp_path / "round0.checkpoint").write_bytes(b"of the last steps but a few")
    _, steps = run(tmp_path)
    assert steps == []
    assert contents(tmp_path) == expected


@pytest.mark.parametrize("name", ["round0.safetensors", "round0.checkpoint"])
def test_a_damaged_file_of_an_earlier_run_is_named_with_the_remedy(tmp_path: Path, name: str):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, replace(TINY, steps=28), until=(0, 27))
    whole = tmp_path / "round0.checkpoint"
    if name.endswith("safetensors"):
        run(tmp_path)
        (tmp_path / "round1.safetensors").unlink()
        whole = tmp_path / name
    whole.write_bytes(whole.read_bytes()[:1000])
    with pytest.raises(ModelError, match=rf"{name} is damaged .*; delete it and run the same") as error:
        run(tmp_path, replace(TINY, steps=28))
    assert "\n" not in str(error.value)


def test_a_finished_run_gives_its_network_without_training(tmp_path: Path):
    first, _ = run(tmp_path)
    again, steps = run(tmp_path)
    assert steps == []
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not again.training


def test_the_second_round_learns_from_relabelled_proposals(tmp_path: Path):
    run(tmp_path)
    _, _, proposals = material()
    relabelled = [ProposalMap.load(proposal_path(tmp_path / "proposals_round1", name)) for name in "abc"]
    assert any(not np.array_equal(a.regions, b.regions) for a, b in zip(proposals, relabelled, strict=True))


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, torch.Tensor]]:
    """The weights that each round starts from, as they are trained."""
    found: list[dict[str, torch.Tensor]] = []
    original = rounds.train_network

    def watched(network: torch.nn.Module, *args: object, **more: object) -> torch.nn.Module:
        found.append({name: value.clone() for name, value in network.state_dict().items()})
        return original(network, *args, **more)

    monkeypatch.setattr(rounds, "train_network", watched)
    return found


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_each_round_goes_on_from_the_averaged_network_of_the_one_before(
    tmp_path: Path, starts: list[dict[str, torch.Tensor]]
):
    run(tmp_path, replace(TINY, warm_start=True))
    assert len(starts) == 2
    assert equal(starts[1], safetensors.torch.load_file(tmp_path / "round0.safetensors"))


def test_without_a_warm_start_each_round_starts_from_weights_of_its_own(
    tmp_path: Path, starts: list[dict[str, torch.Tensor]]
):
    settings = replace(TINY, warm_start=False)
    run(tmp_path, settings)
    for number, start in enumerate(starts):
        fresh = build_network(settings, seed=3000 + number, weights=None)
        assert equal(start, fresh.state_dict())
    assert not torch.equal(starts[0]["classifier.weight"], starts[1]["classifier.weight"])


def test_a_run_that_finds_its_first_round_done_goes_on_from_its_network(
    tmp_path: Path, starts: list[dict[str, torch.Tensor]]
):
    expected, _ = run(tmp_path / "whole", replace(TINY, rounds=3))
    run(tmp_path / "cut", replace(TINY, rounds=3))
    (tmp_path / "cut" / "round2.safetensors").unlink()
    (tmp_path / "cut" / "round1.safetensors").unlink()
    starts.clear()
    resumed, steps = run(tmp_path / "cut", replace(TINY, rounds=3))
    assert steps[0] == (1, 0)
    assert equal(starts[0], safetensors.torch.load_file(tmp_path / "cut" / "round0.safetensors"))
    assert equal(resumed.state_dict(), expected.state_dict())


@pytest.mark.parametrize(("warm_start", "times"), [(False, 2), (True, 1)])
def test_weights_are_read_once_a_round_that_starts_from_them_and_not_for_one_that_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm_start: bool, times: int
):
    torch.manual_seed(0)
    torch.save(ResNet(depth=18).state_dict(), tmp_path / "r18.pth")
    read = []
    original = pspnet.load_backbone_weights

    def watched(backbone: ResNet, weights: str, *, depth: int) -> None:
        read.append(weights)
        original(backbone, weights, depth=depth)

    monkeypatch.setattr(pspnet, "load_backbone_weights", watched)
    settings = replace(
        TINY, network=PSPNetSpec(depth=18, features=8), steps=1, crop_px=32, warm_start=warm_start
    )
    images, names, proposals = material()
    for _ in range(2):
        train_rounds(
            images,
            names,
            proposals,
            settings,
            seed=0,
            device=CPU,
            folder=tmp_path / "rounds",
            weights=str(tmp_path / "r18.pth"),
            on_step=lambda number, record: None,
        )
        assert len(read) == times


def test_no_round_is_wrong_usage(tmp_path: Path):
    with pytest.raises(UsageError, match="rounds is 0; expected a whole number of at least 1"):
        run(tmp_path, replace(TINY, rounds=0))


def test_the_files_of_no_two_names_clash(tmp_path: Path):
    names = ["a", "a_confidence", "a.regions", "a.regions_confidence", "a_confidence_confidence"]
    for name in names:
        material()[2][0].save(proposal_path(tmp_path, name))
    assert len(list(tmp_path.iterdir())) == 2 * len(names)


def test_proposals_of_a_finer_resolution_are_brought_to_that_of_training(tmp_path: Path):
    images, names, proposals = material()
    fine = [
        ProposalMap(np.kron(p.regions, np.ones((2, 2), np.uint8)), np.ones((48, 60), np.float32), mpp=1.25)
        for p in proposals
    ]
    more = {"seed": 3, "device": CPU, "weights": None, "on_step": lambda number, record: None}
    from_fine = train_rounds(images, names, fine, TINY, folder=tmp_path / "fine", **more)
    train_rounds(images, names, proposals, TINY, folder=tmp_path / "same", **more)
    assert contents(tmp_path / "fine") == contents(tmp_path / "same")
    assert from_fine.stride == 2


def test_relabelling_is_omission_and_then_self_training():
    images, _, proposals = material()
    network = build_network(TINY, seed=0, weights=None).eval()
    omitted = OmissionRelabelling()(proposals[0], embed(network, images[0], device=CPU))
    settings = replace(TINY, omission=OmissionRelabelling())
    assert settings.self_training is not None
    maps = predict(network, images[0], device=CPU, views=4)
    expected = settings.self_training(omitted, maps, images[0])
    result = relabel(network, images[0], proposals[0], settings, device=CPU)
    assert np.array_equal(result.regions, expected.regions)
    assert np.isin(result.regions, (BACKGROUND, EXTERIOR, INTERIOR, IGNORE)).all()


def test_without_either_step_proposals_stay_as_they_are():
    images, _, proposals = material()
    network = build_network(TINY, seed=0, weights=None).eval()
    plain = replace(TINY, omission=None, self_training=None)
    assert relabel(network, images[0], proposals[0], plain, device=CPU) is proposals[0]


def test_the_seed_draws_the_weights():
    first, again, other = (build_network(TINY, seed=seed, weights=None) for seed in (1, 1, 2))
    assert torch.equal(first.classifier.weight, again.classifier.weight)
    assert not torch.equal(first.classifier.weight, other.classifier.weight)


def test_drawing_weights_does_not_disturb_the_callers_random_numbers():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build_network(TINY, seed=1, weights=None)
    assert torch.equal(torch.rand(3), expected)


def test_weights_fill_the_backbone_of_a_pspnet_and_must_fit_its_depth(tmp_path: Path):
    torch.manual_seed(0)
    donor = ResNet(depth=18)
    torch.save(donor.state_dict(), tmp_path / "r18.pth")
    settings = replace(TINY, network=PSPNetSpec(depth=18, features=8))
    network = build_network(settings, seed=1, weights=str(tmp_path / "r18.pth"))
    assert torch.equal(network.backbone.layer4[1].conv2.weight, donor.layer4[1].conv2.weight)
    deeper = replace(TINY, network=PSPNetSpec(depth=34, features=8))
    with pytest.raises(ModelError, match="choose the depth that matches the file"):
        build_network(deeper, seed=1, weights=str(tmp_path / "r18.pth"))


BORDERS = replace(
    TINY,
    network=BorderUNetSpec(widths=(4, 8), context_cells=3, fine=4),
    # Glands so small that those of the tiny images count.
    self_training=replace(TINY.self_training, min_area_um2=20.0, max_hole_um2=50.0),
)
READING = ImageReading(RefinementSettings(), InstanceSettings())


def with_glands(folder: Path, settings: GroupingSettings = BORDERS) -> tuple[torch.nn.Module, list[float]]:
    """Train on glands that have numbers and return the network and the depth's loss of each step."""
    images, names, proposals = material()
    numbered = [
        replace(p, glands=components_of(np.isin(p.regions, (EXTERIOR, INTERIOR))).numbers) for p in proposals
    ]
    losses: list[float] = []
    network = train_rounds(
        images,
        names,
        numbered,
        settings,
        seed=3,
        device=CPU,
        folder=folder,
        weights=None,
        on_step=lambda number, record: losses.append(record["depth"]),
        reading=READING,
    )
    return network, losses


def test_rounds_pass_on_glands_with_their_numbers(tmp_path: Path):
    _, losses = with_glands(tmp_path)
    assert min(losses) > 0.0
    for name in "abc":
        passed = ProposalMap.load(proposal_path(tmp_path / "proposals_round1", name))
        assert passed.glands is not None
        assert np.array_equal(passed.glands > 0, passed.gland)


def test_rounds_on_glands_end_the_same_after_an_interruption(tmp_path: Path):
    with_glands(tmp_path / "whole")
    with_glands(tmp_path / "cut")
    (tmp_path / "cut" / "round1.safetensors").unlink()
    with_glands(tmp_path / "cut")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_numbers_are_brought_to_the_resolution_of_training(tmp_path: Path):
    """Each takes the nearest pixel's: none is a mean of two."""
    glands = np.kron(np.array([[1, 9], [0, 4]], np.int32), np.ones((8, 8), np.int32))
    regions = np.where(glands > 0, EXTERIOR, BACKGROUND).astype(np.uint8)
    proposal = ProposalMap(regions, np.ones((16, 16), np.float32), mpp=1.25, glands=glands)
    small = rounds._at_size(proposal, np.zeros((8, 8, 3), np.uint8), 2.5)
    assert small.glands is not None
    assert small.glands.tolist() == glands[::2, ::2].tolist()
    assert small.mpp == 2.5
