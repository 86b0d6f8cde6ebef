from __future__ import annotations

from collections import Counter

import numpy as np

from acinus.mining.regions.choose import choose_regions
from acinus.mining.regions.describe import Description
from acinus.mining.regions.settings import RegionSettings


def region(*, rings: int = 0, look: float = 0.0, focus: float = 0.5, tissue: float = 1.0) -> Description:
    return Description(rings=rings, ring_share=rings / 20, focus=focus, tissue=tissue, look=(look,) * 8)


def chosen(
    shown: list[Description], count: int, slides: list[int] | None = None, **changes: float
) -> set[int]:
    return set(choose_regions(shown, slides or [0] * len(shown), RegionSettings(count=count, **changes)))


def test_the_budget_is_kept_and_shared_between_regions_with_and_without_rings():
    shown = [region(rings=number % 2, look=number) for number in range(40)]
    for count in (1, 4, 12, 20):
        found = chosen(shown, count, ringless=0.25)
        assert len(found) == count
        assert sum(shown[each].rings == 0 for each in found) == round(0.25 * count)


def test_where_one_kind_is_short_the_other_fills_the_budget():
    few_rings = [region(rings=1, look=0), *(region(look=number) for number in range(9))]
    assert len(chosen(few_rings, 6)) == 6
    only_rings = [region(rings=1, look=number) for number in range(9)]
    assert len(chosen(only_rings, 6)) == 6


def test_fewer_candidates_than_the_budget_are_all_taken():
    assert chosen([region(rings=1), region(), region(rings=2)], 200) == {0, 1, 2}
    assert chosen([], 200) == set()


def test_blurred_and_empty_regions_are_not_learnt_from():
    shown = [region(rings=3), region(rings=3, focus=0.01), region(rings=3, tissue=0.05)]
    assert chosen(shown, 3) == {0}


def test_regions_unlike_each_other_go_before_copies():
    shown = [
        *(region(rings=2, look=0.0) for _ in range(20)),
        region(rings=2, look=5.0),
        region(rings=2, look=-5.0),
    ]
    assert {20, 21} <= chosen(shown, 3, ringless=0.0)


def test_of_regions_equally_unlike_those_with_more_rings_go_first():
    shown = [region(rings=1 + 9 * (number % 2), look=number // 2) for number in range(8)]
    assert all(shown[each].rings == 10 for each in chosen(shown, 4, ringless=0.0))


def test_slides_share_the_budget_though_one_offers_most_of_the_candidates():
    rng = np.random.default_rng(1)
    slides = [0] * 90 + [1] * 10
    shown = [region(rings=2, look=float(rng.normal())) for _ in slides]
    found = Counter(slides[each] for each in chosen(shown, 10, slides, ringless=0.0))
    assert found[1] >= 3  # their share of the candidates would be 1


def test_the_choice_does_not_depend_on_stain_strength_alone():
    rng = np.random.default_rng(2)
    looks = rng.normal(size=30)
    weak = [region(rings=1, look=float(look)) for look in looks]
    strong = [region(rings=1, look=float(2 * look + 3)) for look in looks]
    assert chosen(weak, 8) == chosen(strong, 8)
