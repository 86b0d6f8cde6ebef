"""The scripts that measure forms of stage 2: they train what the presets say, and what the loss says."""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from acinus.core.proposal import EXTERIOR, INTERIOR, ProposalMap
from acinus.grouping.knowledge_diffusion import KnowledgeDiffusionLoss
from acinus.pipeline.settings import load_settings

from ..script import script


@pytest.fixture(scope="module")
def second_stage() -> ModuleType:
    return script("benchmarks/second_stage.py")


@pytest.fixture(scope="module")
def diffusion() -> ModuleType:
    return script("benchmarks/knowledge_diffusion.py")


@pytest.fixture
def regions() -> tuple[torch.Tensor, ...]:
    """Features (2, 3, 6, 6), and the left, the middle and the right third as regions (2, 1, 6, 6)."""
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 6, 6)).astype(np.float32))
    thirds = torch.zeros(3, 2, 1, 6, 6)
    for number in range(3):
        thirds[number, ..., 2 * number : 2 * number + 2] = 1.0
    return features, *thirds


@pytest.mark.parametrize("preset", ["proposal", "mssg"])
def test_a_form_without_changes_is_the_preset(second_stage, preset):
    form = {"proposal": "diffusion", "mssg": "mssg"}[preset]
    settings = second_stage.settings_of(second_stage.FORMS[form], backbones=None, steps=None)
    assert settings == load_settings(None, preset=preset)


def test_plain_is_the_preset_without_diffusion_and_nothing_else(second_stage):
    settings = second_stage.settings_of(second_stage.FORMS["plain"], backbones=None, steps=None)
    preset = load_settings(None, preset="proposal")
    assert settings == replace(preset, grouping=replace(preset.grouping, diffusion_weight=0.0))


def test_pixels_of_a_form_are_counted_against_the_truth(second_stage, capsys):
    # One form has 3 of 5 pixels of either union right, the other all.
    def line(form: str, counts: list[int]) -> dict[str, object]:
        return {"data": "glas", "form": form, "seed": 0, "counts": {"a": counts, "b": counts}}

    second_stage.table([line("plain", [3, 1, 1, 3]), line("fine", [4, 0, 0, 4])], "plain")
    rows = capsys.readouterr().out.splitlines()[2:]
    assert rows[0].startswith("| glas | plain | 0 | 60.0 ± 0.0 | 60.0 | 50 % |")
    assert "+40.0" in rows[1]


@pytest.mark.parametrize(
    ("normalised", "stopped", "per_image", "contrast"), list(itertools.product((True, False), repeat=4))
)
def test_the_loss_that_is_measured_is_that_of_the_package(
    diffusion, regions, normalised, stopped, per_image, contrast
):
    features, exterior, interior, background = regions
    fit = diffusion.Fit(
        normalised=normalised,
        stopped=stopped,
        embedding="image" if per_image else "batch",
        cure="contrast" if contrast else "none",
    )
    loss = KnowledgeDiffusionLoss(
        stop_gradient=stopped, normalise=normalised, per_image=per_image, contrast=contrast
    )
    measured, own = features.clone().requires_grad_(), features.clone().requires_grad_()
    value = diffusion.Diffusion(fit)(measured, exterior, interior, background)
    expected = loss(own, exterior, interior, background)
    assert torch.allclose(value, expected)
    value.backward()
    expected.backward()
    assert torch.allclose(measured.grad, own.grad, atol=1e-6)


def test_what_looks_like_a_given_interior_is_brought_near_too(diffusion):
    # Two columns each: exterior, a given interior, one that looks like it, and background twice.
    looks = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [-1.0, 0.0], [-1.0, 0.0]])
    features = looks.repeat_interleave(2, dim=0).T[None, :, None].expand(1, 2, 4, 10).clone()
    exterior, interior, background = (torch.zeros(1, 1, 4, 10) for _ in range(3))
    exterior[..., 0:2] = 1.0
    interior[..., 2:4] = 1.0
    background[..., 6:10] = 1.0
    moved = {}
    for cure in ("none", "alike"):
        given = features.clone().requires_grad_()
        diffusion.Diffusion(diffusion.Fit(cure=cure, normalised=False))(
            given, exterior, interior, background
        ).backward()
        moved[cure] = given.grad.abs().sum(dim=(0, 1, 2)).reshape(5, 2).sum(dim=1)
    assert moved["none"][1] > 0.0
    assert moved["none"][2] == 0.0
    assert moved["alike"][2] > 10 * moved["alike"][3] > 0.0


def test_stage_1_is_told_by_what_of_the_gland_it_claims(second_stage, tmp_path, monkeypatch, capsys):
    # Of 100 px of gland 40 are exterior and 20 interior; 20 px of background are called exterior.
    truth = np.zeros((20, 10), np.int32)
    truth[:10] = 1
    found = np.zeros((20, 10), np.uint8)
    found[:4], found[4:6], found[18:] = EXTERIOR, INTERIOR, EXTERIOR
    proposal = ProposalMap(found, np.ones((20, 10), np.float32), mpp=1.0)
    bench = SimpleNamespace(
        samples=[SimpleNamespace(truth=lambda: truth)],
        images=[SimpleNamespace(name="a")],
        mined=lambda name, settings, *, seed: tmp_path,
    )
    monkeypatch.setattr(second_stage, "bench_of", lambda arguments: bench)
    monkeypatch.setattr(second_stage, "load_proposals", lambda folder, names: [proposal])
    second_stage.regions(SimpleNamespace(regions=["proposal"], seeds=[0]))
    assert capsys.readouterr().out.splitlines()[2] == "| proposal | 0 | 40 | 20 | 40 | 67 | 100 | 33 |"
