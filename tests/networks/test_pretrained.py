"""Backbones of transformers as segmentation networks; all have random weights, nothing is downloaded."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from acinus.core.errors import ModelError, UsageError
from acinus.core.image import RgbImage
from acinus.data.augment import normalise
from acinus.grouping.segmenter import NetworkSegmenter, embed
from acinus.networks.backbone import BackboneDescription, chosen_stages
from acinus.networks.inference import for_inference
from acinus.networks.pretrained import PretrainedNetwork, describe_backbone

Write = Callable[..., Path]

HIERARCHICAL = {"resnet": (8, 12, 16, 20), "convnext": (8, 12, 16, 20), "swin": (8, 16, 32, 64)}
ONE_STRIDE = {"dinov2": 14, "beit": 16}
ALL = [*HIERARCHICAL, *ONE_STRIDE]


def build(folder: Path, **more: object) -> PretrainedNetwork:
    torch.manual_seed(0)
    network = PretrainedNetwork(
        "transformers", describe_backbone("transformers", str(folder)), features=8, bins=(1, 2), **more
    )
    network.fill(str(folder))
    return network.eval()


@pytest.mark.parametrize("kind", HIERARCHICAL)
def test_a_hierarchical_backbone_gives_maps_of_four_strides(backbone_folder: Write, kind: str):
    description = describe_backbone("transformers", str(backbone_folder(kind)))
    assert description.strides == (4, 8, 16, 32)
    assert description.widths == HIERARCHICAL[kind]
    assert description.stride == 32


@pytest.mark.parametrize("kind", ONE_STRIDE)
def test_a_vision_transformer_gives_maps_of_one_stride(backbone_folder: Write, kind: str):
    description = describe_backbone("transformers", str(backbone_folder(kind)))
    assert description.strides == (ONE_STRIDE[kind],) * 4
    assert description.widths == (16,) * 4
    assert description.stride == ONE_STRIDE[kind]


@pytest.mark.parametrize("kind", ALL)
def test_logits_are_as_large_as_the_image_and_features_as_the_finest_map(backbone_folder: Write, kind: str):
    network = build(backbone_folder(kind))
    finest = 4 if kind in HIERARCHICAL else ONE_STRIDE[kind]
    for rows, columns in ((1, 1), (3, 5), (8, 2)):
        height, width = rows * network.stride, columns * network.stride
        with torch.no_grad():
            prediction = network(torch.zeros(2, 3, height, width))
        assert prediction.logits.shape == (2, 1, height, width)
        assert prediction.features.shape == (2, 8, height // finest, width // finest)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("size", [(1, 1), (97, 61), (150, 33)])
def test_images_of_odd_sizes_are_segmented(backbone_folder: Write, kind: str, size: tuple[int, int]):
    network = build(backbone_folder(kind))
    rgb = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    segmenter = NetworkSegmenter(network, mpp=2.5, device=torch.device("cpu"))
    probability = segmenter.probability(RgbImage(rgb, 2.5, "odd"))
    assert probability.shape == size
    assert np.isfinite(probability).all()
    assert embed(network, rgb, device=torch.device("cpu")).shape == (*size, 8)


@pytest.mark.parametrize("kind", ALL)
def test_weights_of_the_folder_fill_the_backbone(backbone_folder: Write, kind: str):
    folder = backbone_folder(kind)
    torch.manual_seed(5)
    network = PretrainedNetwork("transformers", describe_backbone("transformers", str(folder)), features=8)
    # The library names some tensors differently in its files: they are known by their content.
    written = list(safetensors.torch.load_file(folder / "model.safetensors").values())
    kernels = [value for value in network.backbone.parameters() if value.ndim in (2, 4)]

    def from_file() -> int:
        return sum(any(torch.equal(value, other) for other in written) for value in kernels)

    assert from_file() < len(kernels) / 2
    network.fill(str(folder))
    assert from_file() == len(kernels) > 4


@pytest.mark.parametrize("kind", ALL)
def test_a_network_is_built_again_from_its_description_alone(
    backbone_folder: Write, kind: str, monkeypatch: pytest.MonkeyPatch
):
    folder = backbone_folder(kind)
    network = build(folder)
    description = describe_backbone("transformers", str(folder))
    for name in ("config.json", "model.safetensors"):
        (folder / name).unlink()
    torch.manual_seed(99)
    again = PretrainedNetwork("transformers", description, features=8, bins=(1, 2)).eval()
    again.load_state_dict(network.state_dict())
    images = torch.randn(1, 3, 2 * network.stride, 3 * network.stride)
    with torch.no_grad():
        assert torch.equal(again(images).logits, network(images).logits)


@pytest.mark.parametrize("kind", ALL)
def test_prepared_for_inference_it_says_the_same(backbone_folder: Write, kind: str):
    network = build(backbone_folder(kind))
    images = torch.randn(1, 3, 4 * network.stride, 3 * network.stride)
    with torch.no_grad():
        expected, found = network(images), for_inference(network)(images)
    assert torch.allclose(found.logits, expected.logits, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", ALL)
def test_a_frozen_backbone_stays_as_it_is_and_the_head_learns(backbone_folder: Write, kind: str):
    network = build(backbone_folder(kind)).train()
    before = {name: value.clone() for name, value in network.backbone.state_dict().items()}
    network(torch.randn(2, 3, 2 * network.stride, 2 * network.stride)).logits.mean().backward()
    assert all(value.grad is None for value in network.backbone.parameters())
    head = [value for name, value in network.named_parameters() if not name.startswith("backbone.")]
    assert all(value.grad is not None and value.grad.isfinite().all() for value in head)
    assert all(torch.equal(value, before[name]) for name, value in network.backbone.state_dict().items())


@pytest.mark.parametrize("kind", ALL)
def test_of_a_backbone_that_learns_every_parameter_gets_a_gradient(backbone_folder: Write, kind: str):
    network = build(backbone_folder(kind), frozen=False).train()
    assert network.backbone.training
    network(torch.randn(2, 3, 2 * network.stride, 2 * network.stride)).logits.mean().backward()
    learning = [value for value in network.parameters() if value.requires_grad]
    assert all(value.grad is not None for value in learning)
    assert sum(not value.requires_grad for value in network.parameters()) <= 2  # a mask's token, a last norm


def test_dropout_is_switched_off(backbone_folder: Write):
    folder = backbone_folder("swin", drop_path_rate=0.5, hidden_dropout_prob=0.5)
    network = build(folder, frozen=False)
    network.backbone.train()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(network(images).logits, network(images).logits)


def test_a_backbone_sees_its_own_normalisation(backbone_folder: Write):
    folder = backbone_folder("dinov2")
    processor = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.8]}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    network = build(folder)
    seen = []
    network.backbone.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    rgb = np.random.default_rng(0).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    with torch.no_grad():
        network(torch.from_numpy(normalise(rgb)).permute(2, 0, 1)[None])
    expected = (rgb / 255.0 - processor["image_mean"]) / processor["image_std"]
    assert np.allclose(seen[0][0].permute(1, 2, 0).numpy(), expected, atol=1e-5)


def test_without_an_image_processor_a_backbone_expects_imagenet_s_normalisation(backbone_folder: Write):
    folder = backbone_folder("resnet")
    description = describe_backbone("transformers", str(folder))
    assert (description.mean, description.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    (folder / "preprocessor_config.json").write_text('{"do_normalize": false, "image_mean": [9, 9, 9]}')
    description = describe_backbone("transformers", str(folder))
    assert (description.mean, description.std) == ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def test_stages_can_be_chosen(backbone_folder: Write):
    folder = str(backbone_folder("resnet"))
    assert describe_backbone("transformers", folder, stages=(0, 2)).strides == (4, 8)
    assert describe_backbone("transformers", folder, stages=(4,)).widths == (20,)
    for stages in ((5,), (2, 1), (1, 1), (-1,)):
        with pytest.raises(ValueError, match="choose ascending ones from 0 to 4"):
            describe_backbone("transformers", folder, stages=stages)


def test_four_stages_are_spaced_evenly():
    assert chosen_stages((), count=13) == [3, 6, 9, 12]
    assert chosen_stages((), count=25) == [6, 12, 18, 24]
    assert chosen_stages((), count=4) == [1, 2, 3]
    assert chosen_stages((), count=5, first=0) == [1, 2, 3, 4]
    assert chosen_stages((), count=12, first=-1) == [2, 5, 8, 11]


def test_a_model_without_a_backbone_is_refused_in_one_line(backbone_folder: Write):
    with pytest.raises(
        ModelError, match="is of the type vit, of which transformers has no backbone"
    ) as caught:
        describe_backbone("transformers", str(backbone_folder("vit")))
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_one_is_refused_without_asking_the_hub(tmp_path: Path, backbone_folder: Write):
    for name in (str(tmp_path / "absent"), "./absent", "a/b/c", "absent"):
        with pytest.raises(ModelError, match="is not a folder; give one that save_pretrained wrote"):
            describe_backbone("transformers", name)
    with pytest.raises(ModelError, match=r"holds no \.safetensors; write it again with save_pretrained"):
        describe_backbone("transformers", str(tmp_path))


def test_pickled_weights_are_not_read(backbone_folder: Write):
    folder = backbone_folder("resnet")
    state = safetensors.torch.load_file(folder / "model.safetensors")
    network = build(folder)
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"holds no \.safetensors"):
        describe_backbone("transformers", str(folder))
    with pytest.raises(ModelError, match="cannot be used as a backbone"):
        network.fill(str(folder))


def test_code_beside_a_model_does_not_run(backbone_folder: Write, tmp_path: Path):
    folder = backbone_folder("resnet")
    trace = tmp_path / "trace"
    (folder / "configuration_own.py").write_text(f"open({str(trace)!r}, 'w')\n")
    config = json.loads((folder / "config.json").read_text())
    own = {"model_type": "own", "auto_map": {"AutoConfig": "configuration_own.OwnConfig"}}
    (folder / "config.json").write_text(json.dumps(config | own))
    with pytest.raises(ModelError, match="cannot be used as a backbone"):
        describe_backbone("transformers", str(folder))
    assert not trace.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"model_type": "resnet", "depths": "many"}'])
def test_a_damaged_configuration_is_refused_in_one_line(backbone_folder: Write, content: bytes):
    folder = backbone_folder("resnet")
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ModelError, match="cannot be used as a backbone") as caught:
        describe_backbone("transformers", str(folder))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_damaged_weights_and_those_of_another_size_are_refused_in_one_line(backbone_folder: Write):
    folder = backbone_folder("resnet")
    network = build(folder)
    other = backbone_folder("resnet", hidden_sizes=[8, 12, 16, 24])
    (folder / "model.safetensors").write_bytes(b"damaged")
    for path in (folder, other):
        with pytest.raises(ModelError, match="cannot be used as a backbone") as caught:
            network.fill(str(path))
        assert "\n" not in str(caught.value)


def test_weights_that_lack_tensors_are_refused(backbone_folder: Write):
    folder = backbone_folder("resnet")
    network = build(folder)
    state = safetensors.torch.load_file(folder / "model.safetensors")
    state = {name: value for name, value in state.items() if "stages.2" not in name}
    safetensors.torch.save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks \d+ of the backbone's tensors, the first encoder.stages.2"):
        network.fill(str(folder))


def test_weights_in_half_precision_are_computed_with_in_full(backbone_folder: Write):
    folder = backbone_folder("dinov2")
    state = safetensors.torch.load_file(folder / "model.safetensors")
    half = {name: value.half() for name, value in state.items()}
    safetensors.torch.save_file(half, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dtype": "float16"}))
    assert {value.dtype for value in build(folder).parameters()} == {torch.float32}


def test_a_hub_that_cannot_be_reached_is_told_in_one_line(
    backbone_folder: Write, monkeypatch: pytest.MonkeyPatch
):
    import transformers

    def unreachable(model: str, **options: object) -> None:
        assert options == {"local_files_only": False, "trust_remote_code": False}
        raise OSError("We couldn't connect to\nthe hub")

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", unreachable)
    with pytest.raises(ModelError) as caught:
        describe_backbone("transformers", "owner/name")
    assert str(caught.value) == (
        "owner/name is not a folder, and not had from the hub either (OSError: We couldn't connect to the "
        "hub); without a network give a folder that save_pretrained wrote"
    )


@pytest.mark.parametrize("library", ["transformers", "timm"])
def test_a_library_that_is_missing_is_told_with_what_to_install(
    library: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ModelError) as caught:
        describe_backbone(library, "anything")
    assert str(caught.value) == (
        f'a backbone of {library} needs that library; run pip install "acinus[{library}]"'
    )


@pytest.mark.parametrize(
    ("widths", "strides", "std", "message"),
    [
        ((8,), (), (1.0, 1.0, 1.0), r"strides is \[\]; expected a list of one or more whole numbers"),
        ((8,), (0,), (1.0, 1.0, 1.0), r"strides is \[0\]; expected a list of one or more whole numbers"),
        ((8,), (4, 8), (1.0, 1.0, 1.0), r"strides is \[4, 8\]; expected as many as widths, 1"),
        ((8,), (4,), (1.0, 1.0), r"std is \[1.0, 1.0\]; expected a list of 3 numbers above 0"),
        ((8,), (4,), (1.0, 0.0, 1.0), r"std is \[1.0, 0.0, 1.0\]; expected a list of 3 numbers above 0"),
    ],
)
def test_a_description_that_cannot_be_is_refused(
    widths: tuple[int, ...], strides: tuple[int, ...], std: tuple[float, ...], message: str
):
    with pytest.raises(UsageError, match=message):
        BackboneDescription("{}", widths=widths, strides=strides, std=std)
