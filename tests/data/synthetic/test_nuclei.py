"""Bodies cover what an ellipse covers, wherever the sheet begins."""

import numpy as np
import pytest

from acinus.data.synthetic.nuclei import Bodies, make_bodies, stamp


def bodies(x_um: list[float], y_um: list[float], angle: float = 0.0) -> Bodies:
    count = len(x_um)
    return make_bodies(
        np.random.default_rng(0),
        np.array(x_um),
        np.array(y_um),
        np.full(count, angle),
        length_um=16.0,
        width_um=8.0,
        haematoxylin=0.7,
        eosin=0.5,
        spread=0.0,
    )


def test_a_nucleus_covers_the_area_of_its_ellipse() -> None:
    h, e = np.zeros((2, 200, 200), np.float32)
    stamp(h, e, bodies([25.0], [25.0]), x_px=0, y_px=0, mpp=0.25)
    area_um2 = e.sum() / 0.5 * 0.25**2
    assert area_um2 == pytest.approx(np.pi * 8 * 4, rel=0.12)


def test_an_upright_nucleus_is_taller_than_wide() -> None:
    h, e = np.zeros((2, 100, 100), np.float32)
    stamp(h, e, bodies([25.0], [25.0], np.pi / 2), x_px=0, y_px=0, mpp=0.5)
    rows, columns = np.nonzero(e > 0.25)
    assert np.ptp(rows) > 1.6 * np.ptp(columns)


def test_a_nucleus_hides_what_it_lies_on() -> None:
    h, e = np.full((2, 100, 100), 9.0, np.float32)
    stamp(h, e, bodies([25.0], [25.0]), x_px=0, y_px=0, mpp=0.5)
    assert e[50, 50] == pytest.approx(0.5, abs=1e-4)


def test_sheets_that_begin_elsewhere_show_the_same_nuclei() -> None:
    where = bodies([10.0, 26.0, 49.0, 31.0], [12.0, 25.0, 30.0, 24.0], 0.7)
    whole_h, whole_e = np.zeros((2, 100, 100), np.float32)
    part_h, part_e = np.zeros((2, 40, 50), np.float32)
    stamp(whole_h, whole_e, where, x_px=0, y_px=0, mpp=0.5)
    stamp(part_h, part_e, where, x_px=45, y_px=20, mpp=0.5)
    np.testing.assert_array_equal(whole_h[20:60, 45:95], part_h)
    np.testing.assert_array_equal(whole_e[20:60, 45:95], part_e)


def test_no_nuclei_change_nothing() -> None:
    h, e = np.ones((2, 10, 10), np.float32)
    stamp(h, e, bodies([], []), x_px=0, y_px=0, mpp=0.5)
    assert np.all(h == 1)
