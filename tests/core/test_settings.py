from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acinus.core.errors import UsageError
from acinus.core.settings import apply_settings, settings_to_plain


class Brew(Protocol):
    def __call__(self, leaves: int) -> str: ...


class Serve(Protocol):
    def __call__(self, cup: str) -> str: ...


@dataclass(frozen=True)
class Green:
    minutes: float = 2.0

    def __call__(self, leaves: int) -> str:
        return f"green {leaves}"


@dataclass(frozen=True)
class Black:
    milk: bool = False

    def __call__(self, leaves: int) -> str:
        return f"black {leaves}"


@dataclass(frozen=True)
class Blend:
    first: Brew
    second: Brew

    def __call__(self, leaves: int) -> str:
        return self.first(leaves) + self.second(leaves)


@dataclass(frozen=True)
class Saucer:
    def __call__(self, cup: str) -> str:
        return cup


@dataclass(frozen=True)
class Pot:
    litres: float = 1.0


@dataclass(frozen=True)
class Kettle:
    watts: int = 2000


@dataclass(frozen=True)
class Sugar:
    lumps: int = 1

    def __post_init__(self) -> None:
        if self.lumps < 0:
            raise ValueError(f"lumps is {self.lumps}, expected 0 or more")


@dataclass(frozen=True)
class Tea:
    name: str = "breakfast"
    cups: int = 2
    strength: float = 1.0
    hot: bool = True
    temperatures: tuple[int, ...] = (80, 95)
    shares: tuple[float, ...] = ()
    note: str | None = None
    sugar: Sugar | None = None
    brew: Brew = field(default_factory=Green)
    serve: Serve = field(default_factory=Saucer)
    vessel: Pot | Kettle = field(default_factory=Pot)


KINDS: dict[str, type] = {kind.__name__: kind for kind in (Green, Black, Blend, Saucer, Pot, Kettle, Sugar)}


def applied(changes: Any) -> Tea:
    return apply_settings(Tea(), changes, kinds=KINDS)


teas = st.builds(
    Tea,
    name=st.sampled_from(["", "a b", '"µ"']),
    cups=st.integers(),
    strength=st.floats(allow_nan=False),
    hot=st.booleans(),
    temperatures=st.lists(st.integers()).map(tuple),
    shares=st.lists(st.floats(allow_nan=False, allow_infinity=False)).map(tuple),
    note=st.sampled_from([None, "", "µ"]),
    sugar=st.none() | st.builds(Sugar, st.integers(0, 9)),
    brew=st.recursive(
        st.builds(Green, st.floats(0, 9)) | st.builds(Black, st.booleans()),
        lambda brews: st.builds(Blend, brews, brews),
        max_leaves=4,
    ),
    vessel=st.builds(Pot, st.floats(0, 9)) | st.builds(Kettle, st.integers()),
)


@settings(max_examples=25)
@given(teas, teas)
def test_settings_written_as_json_come_back_whatever_the_defaults(tea: Tea, other: Tea):
    written = json.loads(json.dumps(settings_to_plain(tea)))
    assert apply_settings(other, written, kinds=KINDS) == tea


def test_plain_settings_name_the_kind_of_every_object():
    plain = settings_to_plain(Tea(sugar=Sugar(2)))
    assert plain["kind"] == "Tea"
    assert plain["temperatures"] == [80, 95]
    assert plain["note"] is None
    assert plain["sugar"] == {"kind": "Sugar", "lumps": 2}
    assert plain["brew"] == {"kind": "Green", "minutes": 2.0}


def test_an_empty_file_changes_nothing():
    assert applied({}) == Tea()


def test_what_is_not_named_keeps_its_value():
    tea = apply_settings(Tea(cups=5, brew=Green(3.0)), {"brew": {"minutes": 4.0}}, kinds=KINDS)
    assert tea == Tea(cups=5, brew=Green(4.0))


def test_another_kind_starts_from_its_own_defaults():
    assert applied({"brew": {"kind": "Black"}}).brew == Black(milk=False)
    assert applied({"vessel": {"kind": "Kettle", "watts": 900}}).vessel == Kettle(900)


def test_a_kind_whose_fields_have_no_default_is_made_of_what_the_file_says():
    changes = {
        "brew": {"kind": "Blend", "first": {"kind": "Green"}, "second": {"kind": "Black", "milk": True}}
    }
    assert applied(changes).brew == Blend(Green(2.0), Black(True))


def test_an_object_in_place_of_null_needs_no_kind_where_only_one_fits():
    assert applied({"sugar": {"lumps": 3}}).sugar == Sugar(3)
    assert applied({"sugar": {}}).sugar == Sugar(1)


def test_null_empties_what_may_be_empty():
    assert apply_settings(Tea(sugar=Sugar(), note="x"), {"sugar": None, "note": None}, kinds=KINDS) == Tea()


def test_a_whole_number_is_good_for_a_real_one():
    tea = applied({"strength": 2, "shares": [1, 0.5]})
    assert tea == Tea(strength=2.0, shares=(1.0, 0.5))
    assert isinstance(tea.strength, float)
    assert isinstance(tea.shares[0], float)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([], "settings: expected an object with fields, got []"),
        ({"cup": 1}, "settings.cup is not a setting; settings has brew, cups, hot, name, note"),
        ({"brew": {"milk": True}}, "settings.brew.milk is not a setting; settings.brew has minutes"),
        ({"cups": None}, "settings.cups cannot be null"),
        ({"brew": None}, "settings.brew cannot be null"),
        ({"cups": True}, "settings.cups: expected int, got True"),
        ({"cups": 2.0}, "settings.cups: expected int, got 2.0"),
        ({"cups": "2"}, "settings.cups: expected int, got '2'"),
        ({"cups": {"kind": "Pot"}}, "settings.cups: expected int, got an object"),
        ({"strength": False}, "settings.strength: expected float, got False"),
        ({"strength": "strong"}, "settings.strength: expected float, got 'strong'"),
        ({"hot": 1}, "settings.hot: expected bool, got 1"),
        ({"name": 1}, "settings.name: expected str, got 1"),
        ({"note": 1}, "settings.note: expected str or null, got 1"),
        ({"temperatures": 80}, "settings.temperatures: expected a list of int, got 80"),
        ({"temperatures": "80"}, "settings.temperatures: expected a list of int, got '80'"),
        ({"temperatures": [80, 9.5]}, "settings.temperatures[1]: expected int, got 9.5"),
        ({"temperatures": [None]}, "settings.temperatures[0] cannot be null"),
        ({"temperatures": [{}]}, "settings.temperatures[0]: expected int, got an object"),
        ({"brew": "Black"}, "settings.brew: expected Brew, got 'Black'"),
        ({"sugar": 3}, "settings.sugar: expected Sugar or null, got 3"),
        ({"sugar": {"lumps": -1}}, "settings.sugar: lumps is -1, expected 0 or more"),
        ({"vessel": 3}, "settings.vessel: expected Pot or Kettle, got 3"),
        ({"kind": "Pot"}, "settings: there is no kind 'Pot'; choose one of Tea"),
        (
            {"brew": {"kind": "Oolong"}},
            "settings.brew: there is no kind 'Oolong'; choose one of Black, Blend,",
        ),
        ({"brew": {"kind": None}}, "settings.brew: it needs a kind; choose one of Black, Blend, Green"),
        ({"brew": {"kind": ["Black"]}}, "settings.brew: there is no kind ['Black']; choose one of"),
        ({"brew": {"kind": "Blend"}}, "settings.brew: Blend has no default for first, second; give a value"),
        (
            {"brew": {"kind": "Blend", "first": {}, "second": {}}},
            "settings.brew.first: it needs a kind; choose one of Black, Blend, Green",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_the_remedy(changes: Any, message: str):
    with pytest.raises(UsageError) as caught:
        applied(changes)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("place", "kind"), [("brew", "Saucer"), ("serve", "Green"), ("brew", "Pot"), ("vessel", "Sugar")]
)
def test_a_kind_that_belongs_elsewhere_is_refused(place: str, kind: str):
    with pytest.raises(UsageError, match=f"settings.{place}: there is no kind '{kind}'; choose one of"):
        applied({place: {"kind": kind}})


def test_messages_name_the_file_they_are_told():
    with pytest.raises(
        UsageError, match=r"^tea\.json\.sugar\.salt is not a setting; tea\.json\.sugar has lumps$"
    ):
        apply_settings(Tea(), {"sugar": {"salt": 1}}, kinds=KINDS, where="tea.json")
