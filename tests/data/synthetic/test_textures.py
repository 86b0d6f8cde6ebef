"""The easy picture is easy."""

import numpy as np

from acinus.data.synthetic import two_texture_tile


def test_darkness_alone_separates_the_two_textures() -> None:
    for seed in range(3):
        tile = two_texture_tile(seed, height_px=200, width_px=240)
        grey = tile.image.rgb.mean(axis=2)
        blob = tile.labels > 0
        assert 0.1 < blob.mean() < 0.75
        cut = (np.median(grey[blob]) + np.median(grey[~blob])) / 2
        assert np.mean((grey < cut) == blob) > 0.95


def test_blobs_are_numbered_and_repeat_with_the_seed() -> None:
    one, again = (two_texture_tile(4, height_px=150, width_px=150) for _ in range(2))
    np.testing.assert_array_equal(one.image.rgb, again.image.rgb)
    np.testing.assert_array_equal(np.unique(one.labels), np.arange(one.labels.max() + 1))
