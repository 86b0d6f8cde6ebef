from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from PIL import Image

from acinus.benchmark.picture_grid import write_grid


def test_a_method_whose_masks_were_deleted_keeps_its_line_without_pictures(tmp_path, splits):
    samples = splits.held_out
    folders = {name: tmp_path / name for name in ("kept", "lost")}
    for folder in folders.values():
        (folder / "masks" / "0").mkdir(parents=True)
        for sample in samples:
            labels = Image.fromarray(np.ones((128, 128), np.uint16))
            labels.save(folder / "masks" / "0" / f"{sample.name}.png")
    rows = [SimpleNamespace(method=name, title=name, number=0) for name in folders]

    def drawn() -> np.ndarray:
        write_grid(tmp_path / "grid.png", samples, rows, lambda row, image: folders[row.method])
        return np.asarray(Image.open(tmp_path / "grid.png"))

    whole = drawn()
    (folders["lost"] / "masks" / "0" / f"{samples[0].name}.png").unlink()
    partly = drawn()
    assert partly.shape == whole.shape
    step = len(whole) // 4  # image, truth, kept, lost
    assert np.array_equal(partly[: 3 * step], whole[: 3 * step])
    pictures = slice(210, None)  # right of the names
    assert (partly[3 * step :, pictures] == 255).all()
    assert not (whole[3 * step :, pictures] == 255).all()
    assert (partly[3 * step :, :210] < 100).sum() > (whole[3 * step :, :210] < 100).sum()  # more is said
