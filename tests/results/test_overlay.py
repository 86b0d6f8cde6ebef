import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from acinus.results.overlay import draw_outlines, draw_polygons

WHITE = 255


def changed(labels: np.ndarray, *, mpp: float = 1.25) -> np.ndarray:
    rgb = np.full((*labels.shape, 3), WHITE, np.uint8)
    return (draw_outlines(rgb, labels, mpp=mpp) != WHITE).any(axis=2)


def two_squares() -> np.ndarray:
    labels = np.zeros((40, 60), np.int32)
    labels[10:30, 10:30] = 1
    labels[10:30, 30:50] = 2
    return labels


def test_lines_lie_inside_glands_only():
    labels = two_squares()
    assert not changed(labels)[labels == 0].any()


def test_the_middle_of_a_gland_keeps_its_colour():
    marked = changed(two_squares())
    assert not marked[14:26, 14:26].any()
    assert not marked[14:26, 34:46].any()


def test_every_edge_pixel_of_a_gland_is_marked():
    labels = two_squares()
    marked = changed(labels)
    for number in (1, 2):
        rows, columns = np.nonzero(labels == number)
        edge = (rows == 10) | (rows == 29) | np.isin(columns, (10, 29, 30, 49))
        assert marked[rows[edge], columns[edge]].all()


def test_two_glands_that_touch_keep_a_line_each():
    marked = changed(two_squares())
    assert marked[20, 27:33].all()  # three pixels on each side: two of line, one of shadow
    assert not marked[20, 26]
    assert not marked[20, 33]


def test_a_line_is_bright_outside_and_dark_inside():
    rgb = np.full((40, 60, 3), WHITE, np.uint8)
    row = draw_outlines(rgb, two_squares(), mpp=1.25)[20].astype(int)
    assert row[10:12, 1].min() > 200
    assert row[12].sum() < 100


@pytest.mark.parametrize(("mpp", "width_px"), [(0.25, 10), (0.5, 5), (1.25, 2), (2.5, 2), (4.0, 2)])
def test_lines_are_as_wide_in_micrometres_on_every_image_and_never_below_two_pixels(
    mpp: float, width_px: int
):
    labels = np.zeros((80, 80), np.int32)
    labels[10:70, 10:70] = 1
    assert changed(labels, mpp=mpp)[40, 10:40].sum() == width_px + 1  # and the shadow


def test_the_side_of_the_image_is_no_edge():
    labels = np.zeros((40, 40), np.int32)
    labels[:20] = 1
    marked = changed(labels)
    assert not marked[:15].any()
    assert marked[19].all()


def test_the_image_given_is_not_drawn_on():
    rgb = np.full((40, 60, 3), WHITE, np.uint8)
    drawn = draw_outlines(rgb, two_squares(), mpp=1.25)
    assert (rgb == WHITE).all()
    assert (drawn != WHITE).any()


def test_numbers_above_those_of_16_bits_are_told_apart():
    labels = two_squares()
    labels[labels == 1] = 65_536 + 2
    assert np.array_equal(changed(labels), changed(two_squares()))


@settings(max_examples=25)
@given(arrays(np.int32, (3, 3), elements=st.sampled_from([0, 0, 1, 2])))
def test_the_pixels_of_glands_within_three_pixels_of_another_value_are_marked(values: np.ndarray):
    labels = np.kron(values, np.ones((8, 8), np.int32))
    places = np.argwhere(np.ones(labels.shape, bool))
    squared = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    squared[labels.ravel()[:, None] == labels.ravel()[None]] = 10_000
    distance = np.sqrt(squared.min(axis=1)).reshape(labels.shape)  # to the nearest pixel of another value
    marked = changed(labels)
    gland = labels > 0
    assert not marked[~gland].any()
    assert marked[gland & (distance <= 3)].all()  # two of line, one of shadow
    assert not marked[gland & (distance >= 3.5)].any()


def test_polygons_are_drawn_where_they_lie_with_their_holes_and_no_shadow_on_a_neighbour_s_line():
    rgb = np.full((200, 300, 3), WHITE, np.uint8)
    ring = shapely.box(100, 40, 200, 140).difference(shapely.box(130, 70, 170, 110))
    beside = shapely.box(200, 40, 300, 140)  # in µm, touching the first one
    picture = draw_polygons(rgb, [ring, beside], mpp=1.25, corner_um=(60.0, 0.0)).astype(int)
    green = (picture == (38, 230, 60)).all(axis=2)
    for x_um, y_um in ((100, 90), (150, 40), (130, 90), (150, 110), (200, 90), (299, 139)):
        x, y = (x_um - 60) / 1.25, y_um / 1.25
        assert green[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].any()
    assert not green[80, 50:55].any()  # within the ring's wall
    assert green[72, 110:114].sum() >= 2  # the side that both have in common, at (200 − 60) / 1.25 = 112
