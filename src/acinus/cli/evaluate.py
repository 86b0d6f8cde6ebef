"""``acinus evaluate``."""

from __future__ import annotations

from pathlib import Path

from acinus.cli.output import say, say_error
from acinus.core.files import to_json
from acinus.core.naming import plural

__all__ = ["evaluate"]

_ROWS = (
    ("pooled mIoU, label-free", "miou_label_free", 4),
    ("pooled mIoU, oracle mapping", "miou_oracle", 4),
    ("mean of per-image mIoU", "miou_label_free_image_mean", 4),
    ("F1 (challenge)", "detection_f1", 4),
    ("object Dice", "object_dice", 4),
    ("object Hausdorff, px", "object_hausdorff_px", 1),
    ("object Hausdorff, µm", "object_hausdorff_um", 1),
    ("F1 at IoU 0.5", "f1_iou50", 4),
    ("panoptic quality", "panoptic_quality", 4),
)


def evaluate(predictions: Path, truth: Path, /, *, mpp: float | None = None, json: bool = False) -> int:
    """Compare predicted label maps with true ones.

    Example: acinus evaluate results/ truth/

    Maps are matched by the stem of their image: <stem>/labels.png, <stem>/labels.zarr, <stem>.png,
    <stem>_anno.png and the like. The truth may also be annotations exported from QuPath, <stem>.geojson
    (.gz): each area of class Region* is then scored as an image of its own, or the whole image where there is
    none; other classes whose name ends in *, such as Ignore*, are left out.

    Parameters
    ----------
    predictions
        Folder of predicted label maps, such as acinus segment writes, or one file.
    truth
        Folder of true label maps or annotations, or one file.
    mpp
        µm per pixel of the maps; overrides the image.json beside a prediction. Where neither gives it,
        distances are reported in pixels only.
    json
        Print all metrics as JSON, including those of each image.
    """
    from acinus.pipeline.evaluate import evaluate_folders

    found = evaluate_folders(predictions, truth, mpp=mpp)
    for notice in found.notices:
        say_error(notice)
    pooled = found.pooled.as_dict()
    if json:
        plain = {"pooled": pooled, "images": [image.as_dict() for image in found.images]}
        say(to_json(plain, indented=True).decode())
        return 0
    say(plural(len(found.images), "image"))
    for name, key, digits in _ROWS:
        if key in pooled:
            say(f"{name:<30} {pooled[key]:.{digits}f}")
    return 0
