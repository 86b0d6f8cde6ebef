from __future__ import annotations

import pickle
from pathlib import Path
from urllib.error import URLError

import pytest
import safetensors.torch
import torch

from acinus.core.errors import ModelError
from acinus.networks.resnet import ResNet
from acinus.networks.weights import load_backbone_weights


@pytest.fixture(scope="module")
def donor() -> ResNet:
    torch.manual_seed(7)
    return ResNet(depth=18)


@pytest.fixture
def backbone() -> ResNet:
    torch.manual_seed(8)
    return ResNet(depth=18)


def same(a: ResNet, b: ResNet) -> bool:
    return all(
        torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


def with_classifier(donor: ResNet) -> dict[str, torch.Tensor]:
    """A state dict as torchvision publishes it."""
    return dict(donor.state_dict()) | {"fc.weight": torch.zeros(10, 512), "fc.bias": torch.zeros(10)}


def test_a_pth_file_of_torchvision_fills_the_backbone(tmp_path: Path, donor: ResNet, backbone: ResNet):
    torch.save(with_classifier(donor), tmp_path / "r.pth")
    load_backbone_weights(backbone, str(tmp_path / "r.pth"), depth=18)
    assert same(backbone, donor)


def test_a_safetensors_file_fills_the_backbone(tmp_path: Path, donor: ResNet, backbone: ResNet):
    safetensors.torch.save_file(with_classifier(donor), tmp_path / "r.safetensors")
    load_backbone_weights(backbone, str(tmp_path / "r.safetensors"), depth=18)
    assert same(backbone, donor)


def test_files_from_before_batches_were_counted_load(tmp_path: Path, donor: ResNet, backbone: ResNet):
    old = {k: v for k, v in donor.state_dict().items() if not k.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "r.pth")
    load_backbone_weights(backbone, str(tmp_path / "r.pth"), depth=18)
    assert same(backbone, donor)


@pytest.mark.parametrize("depth", [34, 50])
def test_a_file_of_another_depth_is_refused(tmp_path: Path, donor: ResNet, depth: int):
    torch.save(donor.state_dict(), tmp_path / "r.pth")
    other = ResNet(depth=depth)
    with pytest.raises(
        ModelError, match=rf"r\.pth does not hold a torchvision-layout ResNet-{depth} .*; choose"
    ):
        load_backbone_weights(other, str(tmp_path / "r.pth"), depth=depth)


def test_the_message_of_a_misfit_is_one_line(tmp_path: Path, backbone: ResNet):
    torch.save({"head.weight": torch.zeros(3)}, tmp_path / "r.pth")
    with pytest.raises(ModelError) as caught:
        load_backbone_weights(backbone, str(tmp_path / "r.pth"), depth=18)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("content", [[1, 2], torch.zeros(3), {"state_dict": {}}, {0: torch.zeros(1)}])
def test_what_is_no_state_dict_is_refused_with_the_remedy(tmp_path: Path, backbone: ResNet, content: object):
    torch.save(content, tmp_path / "r.pth")
    with pytest.raises(
        ModelError, match=r"r\.pth holds no state dict; save it with torch\.save\(model\.state_"
    ):
        load_backbone_weights(backbone, str(tmp_path / "r.pth"), depth=18)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path, backbone: ResNet):
    for path in (tmp_path / "absent.pth", tmp_path):
        with pytest.raises(
            ModelError, match=r"does not exist; --weights takes a \.pth or \.safetensors file"
        ):
            load_backbone_weights(backbone, str(path), depth=18)


@pytest.mark.parametrize("name", ["r.pth", "r.safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", b"\x80\x02."])
def test_a_damaged_file_is_refused(tmp_path: Path, backbone: ResNet, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        ModelError, match=r"cannot be read as weights \(\w+\); expected a state dict of tensors"
    ):
        load_backbone_weights(backbone, str(tmp_path / name), depth=18)


class Malice:
    """A pickle of this writes a file when it is loaded with code allowed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_code_in_a_pickle_does_not_run(tmp_path: Path, backbone: ResNet):
    trace = tmp_path / "trace"
    torch.save({"conv1.weight": Malice(trace)}, tmp_path / "r.pth")
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(Malice(trace)))
    for name in ("r.pth", "bare.pth"):
        with pytest.raises(ModelError, match="cannot be read as weights"):
            load_backbone_weights(backbone, str(tmp_path / name), depth=18)
    assert not trace.exists()
    pickle.loads((tmp_path / "bare.pth").read_bytes())  # it is indeed malicious
    assert trace.exists()


def test_imagenet_without_a_network_names_the_file_to_fetch(
    backbone: ResNet, monkeypatch: pytest.MonkeyPatch
):
    def unreachable(url: str, **options: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", unreachable)
    with pytest.raises(ModelError) as caught:
        load_backbone_weights(backbone, "imagenet", depth=18)
    assert "could not be downloaded from https://download.pytorch.org/models/resnet18-" in str(caught.value)
    assert str(caught.value).endswith("without a network fetch that file elsewhere and pass --weights PATH")


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_imagenet_downloads_the_file_of_the_depth_as_data_only(depth: int, monkeypatch: pytest.MonkeyPatch):
    asked = []

    def download(url: str, *, progress: bool, weights_only: bool) -> dict[str, torch.Tensor]:
        asked.append((url.rpartition("/")[2].partition("-")[0], weights_only))
        with torch.device("meta"):
            return dict(ResNet(depth=depth).state_dict())

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", download)
    with torch.device("meta"):
        backbone = ResNet(depth=depth)
    load_backbone_weights(backbone, "imagenet", depth=depth)
    assert asked == [(f"resnet{depth}", True)]
