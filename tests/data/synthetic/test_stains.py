"""Beer–Lambert by hand, and dyes that vary as asked."""

import numpy as np
import pytest

from acinus.data.synthetic.stains import EOSIN, HAEMATOXYLIN, Stains, absorb, draw_stains, optical_density


def test_a_pixel_worked_out_by_hand() -> None:
    stains = Stains(haematoxylin=(0.6, 0.7, 0.3), eosin=(0.1, 0.9, 0.4), white=(240.0, 250.0, 200.0))
    half, quarter = np.full((1, 1), 0.5, np.float32), np.full((1, 1), 0.25, np.float32)
    light = absorb(half, quarter, stains)[0, 0]
    # Densities 0.5·0.6 + 0.25·0.1 = 0.325, 0.35 + 0.225 = 0.575, 0.15 + 0.1 = 0.25.
    assert light == pytest.approx([240 * 0.473151, 250 * 0.266073, 200 * 0.562341], rel=1e-4)


def test_density_read_back_from_the_light_is_the_density_put_in() -> None:
    rng = np.random.default_rng(0)
    h, e = rng.uniform(0, 1.2, (2, 5, 7)).astype(np.float32)
    stains = draw_stains(rng, spread=1.0)
    back = -np.log10(absorb(h, e, stains) / np.array(stains.white))
    np.testing.assert_allclose(back, optical_density(h, e, stains), atol=1e-5)
    amounts = np.linalg.lstsq(
        np.array([stains.haematoxylin, stains.eosin]).T, back.reshape(-1, 3).T, rcond=None
    )[0]
    np.testing.assert_allclose(amounts, [h.ravel(), e.ravel()], atol=1e-4)


def test_glass_is_white() -> None:
    nothing = np.zeros((2, 2), np.float32)
    assert np.all(absorb(nothing, nothing, Stains()) == np.float32(Stains().white))


def test_without_spread_every_laboratory_has_the_same_dyes() -> None:
    one, other = (draw_stains(np.random.default_rng(seed), spread=0.0) for seed in (1, 2))
    assert one == other
    for drawn, mean in ((one.haematoxylin, HAEMATOXYLIN), (one.eosin, EOSIN)):
        assert drawn == pytest.approx(np.array(mean) / np.linalg.norm(mean))
    assert draw_stains(np.random.default_rng(1), spread=1.0) != one
