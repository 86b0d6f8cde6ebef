"""The adapter to timm, against a small stand-in for it.

timm needs torchvision, which does not import beside the CPU build of PyTorch that this package is tested
with. So a module put into `sys.modules` takes its place: its `create_model` returns a tiny network with the
same interface (`feature_info.info`, `.channels()`, `.reduction()`, `output_fmt`), refuses the words that
timm's own models refuse, and reads the weights that ``pretrained_cfg_overlay`` names.
"""

from __future__ import annotations

import json
import logging
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn
from torch.nn import functional

from acinus.core.errors import ModelError
from acinus.networks import backbone
from acinus.networks.pretrained import PretrainedNetwork, describe_backbone


class FakeInfo:
    """What timm tells of feature maps: `info` of all, the others of those chosen."""

    def __init__(self, reductions: tuple[int, ...], out_indices: tuple[int, ...]) -> None:
        self.info = [{"num_chs": 4 + index, "reduction": r} for index, r in enumerate(reductions)]
        self.out_indices = out_indices

    def channels(self) -> list[int]:
        return [self.info[index]["num_chs"] for index in self.out_indices]

    def reduction(self) -> list[int]:
        return [self.info[index]["reduction"] for index in self.out_indices]


class FakeNet(nn.Module):
    """Averages over cells and a 1×1 convolution for each map."""

    def __init__(self, reductions: tuple[int, ...], out_indices: tuple[int, ...], output_fmt: str) -> None:
        super().__init__()
        self.feature_info = FakeInfo(reductions, out_indices)
        self.output_fmt = output_fmt
        self.stages = nn.ModuleList(nn.Conv2d(3, 4 + index, 1) for index in range(len(reductions)))

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        info = self.feature_info
        maps = [
            self.stages[index](functional.avg_pool2d(images, info.info[index]["reduction"]))
            for index in info.out_indices
        ]
        return [x.permute(0, 2, 3, 1) for x in maps] if self.output_fmt == "NHWC" else maps


MODELS: dict[str, tuple[tuple[int, ...], str, str]] = {
    "fakenet": ((2, 4, 8, 16, 32), "NCHW", ""),
    "fakeswin": ((4, 8, 16, 32), "NHWC", "strict_img_size"),
    "fakevit": ((14,) * 12, "NCHW", "dynamic_img_size"),
}


def create_model(
    name: str,
    pretrained: bool = False,
    *,
    features_only: bool,
    out_indices: Any = None,
    pretrained_cfg_overlay: Any = None,
    **more: Any,
) -> FakeNet:
    if name not in MODELS:
        raise RuntimeError(f"Unknown model ({name})")
    reductions, output_fmt, word = MODELS[name]
    if any(key != word for key in more):
        raise TypeError(f"{name}.__init__() got an unexpected keyword argument")
    assert features_only
    network = FakeNet(reductions, tuple(out_indices or range(len(reductions))), output_fmt)
    if pretrained:
        logging.getLogger("timm.models._builder").warning("Unexpected keys (classifier.weight) found")
        network.load_state_dict(safetensors.torch.load_file(pretrained_cfg_overlay["file"]))
    return network


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("timm")
    known = types.SimpleNamespace(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), hf_hub_id="timm/fake")
    vars(module).update(create_model=create_model, get_pretrained_cfg=lambda name: known)
    monkeypatch.setitem(sys.modules, "timm", module)
    return module


def folder_of(path: Path, name: str) -> Path:
    """Write a model as timm's `save_for_hf` does."""
    path.mkdir()
    torch.manual_seed(7)
    state = create_model(name, features_only=True).state_dict()
    safetensors.torch.save_file(state, path / "model.safetensors")
    pretrained = {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    (path / "config.json").write_text(json.dumps({"architecture": name, "pretrained_cfg": pretrained}))
    return path


@pytest.mark.parametrize(
    ("name", "strides", "widths"),
    [
        ("fakenet", (4, 8, 16, 32), (5, 6, 7, 8)),
        ("fakeswin", (4, 8, 16, 32), (4, 5, 6, 7)),
        ("fakevit", (14,) * 4, (6, 9, 12, 15)),
    ],
)
def test_four_maps_of_four_pixels_or_more_are_taken(timm, name, strides, widths):
    description = describe_backbone("timm", name)
    assert (description.strides, description.widths) == (strides, widths)
    assert (description.mean, description.std) == ((0.5,) * 3, (0.25,) * 3)
    network = PretrainedNetwork("timm", description, features=8).eval()
    size = (2 * network.stride, 3 * network.stride)
    with torch.no_grad():
        prediction = network(torch.zeros(2, 3, *size))
    assert prediction.logits.shape == (2, 1, *size)
    assert prediction.features.shape == (2, 8, size[0] // strides[0], size[1] // strides[0])


@pytest.mark.parametrize("name", MODELS)
def test_a_folder_fills_the_backbone_and_is_not_needed_afterwards(timm, tmp_path, name):
    folder = folder_of(tmp_path / "folder", name)
    description = describe_backbone("timm", str(folder))
    assert description.mean == (0.1, 0.2, 0.3)
    network = PretrainedNetwork("timm", description, features=8).eval()
    network.fill(str(folder))
    expected = safetensors.torch.load_file(folder / "model.safetensors")
    assert all(
        torch.equal(value, expected[key]) for key, value in network.backbone.model.state_dict().items()
    )
    for path in folder.iterdir():
        path.unlink()
    again = PretrainedNetwork("timm", description, features=8).eval()
    again.load_state_dict(network.state_dict())
    images = torch.randn(1, 3, network.stride, 2 * network.stride)
    with torch.no_grad():
        assert torch.equal(again(images).logits, network(images).logits)


def test_a_classifier_in_the_file_is_left_out_without_a_word(timm, tmp_path, caplog):
    folder = folder_of(tmp_path / "folder", "fakenet")
    PretrainedNetwork("timm", describe_backbone("timm", str(folder)), features=8).fill(str(folder))
    assert caplog.records == []
    assert logging.getLogger("timm").level == logging.NOTSET


def test_a_name_has_its_safetensors_downloaded(timm, tmp_path, monkeypatch):
    folder, asked = folder_of(tmp_path / "hub", "fakenet"), []
    hub = types.ModuleType("huggingface_hub")
    hub.hf_hub_download = lambda owner, name: asked.append((owner, name)) or folder / name
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    network = PretrainedNetwork("timm", describe_backbone("timm", "fakenet"), features=8)
    assert asked == []
    network.fill("fakenet")
    assert asked == [("timm/fake", "model.safetensors")]


def test_stages_can_be_chosen(timm):
    assert describe_backbone("timm", "fakenet", stages=(0, 4)).strides == (2, 32)
    with pytest.raises(ValueError, match="choose ascending ones from 0 to 4"):
        describe_backbone("timm", "fakenet", stages=(5,))


def test_what_is_no_model_is_refused_in_one_line(timm, tmp_path):
    with pytest.raises(
        ModelError, match=r"cannot be loaded by timm \(RuntimeError: Unknown model \(nonet\)\)"
    ):
        describe_backbone("timm", "nonet")
    with pytest.raises(
        ModelError, match=r"is not a folder; give one with config\.json and model\.safetensors"
    ):
        describe_backbone("timm", str(tmp_path / "absent"))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"holds no model\.safetensors"):
        describe_backbone("timm", str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="KeyError: 'architecture'"):
        describe_backbone("timm", str(tmp_path))


def test_weights_that_do_not_fit_are_refused_in_one_line(timm, tmp_path):
    network = PretrainedNetwork("timm", describe_backbone("timm", "fakenet"), features=8)
    with pytest.raises(ModelError, match="cannot be loaded by timm") as caught:
        network.fill(str(folder_of(tmp_path / "vit", "fakevit")))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("operator torchvision::nms does not exist"),
        ModuleNotFoundError("No module named 'torchvision'", name="torchvision"),
    ],
)
def test_a_timm_that_does_not_fit_this_pytorch_is_told_in_one_line(monkeypatch, error):
    def fail(name: str) -> None:
        raise error

    monkeypatch.setattr(backbone.importlib, "import_module", fail)
    with pytest.raises(ModelError) as caught:
        describe_backbone("timm", "resnet18")
    assert str(caught.value).startswith("timm is installed but cannot be imported (")
    assert str(error) in str(caught.value)
    assert f"PyTorch {torch.__version__} and torchvision must be a pair" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_timm_is_not_imported_before_a_user_asks_for_it():
    import subprocess

    code = (
        "import sys; import acinus.cli.fit, acinus.pipeline.estimator; "
        "print(sorted({'timm', 'torchvision', 'transformers'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
