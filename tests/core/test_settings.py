from __future__ import annotations

import copy
import json
import pickle
from abc import ABC, abstractmethod
from dataclasses import field, replace
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acinus.core.errors import UsageError
from acinus.core.limits import Count, Counts, Flag, Length, Limits, Name, Share, Switch, Weight
from acinus.core.settings import OneOf, apply_settings, formerly, refuse, settings_class, settings_to_plain


class Brew(ABC):
    @abstractmethod
    def brewed(self) -> str: ...


AnyBrew = Annotated[Brew, OneOf("acinus.core")]


@settings_class
class Green(Brew):
    minutes: Length = 2.0

    def brewed(self) -> str:
        return "green"


@settings_class
class Black(Brew):
    milk: Flag = False

    def brewed(self) -> str:
        return "black"


class Herbal(Brew):
    """Cannot be made: it does not say what it brews."""


@settings_class
class Blend(Brew):
    first: AnyBrew
    second: AnyBrew
    weakest: Share = 0.1
    strongest: Share = 0.9

    def __post_init__(self) -> None:
        if self.weakest > self.strongest:
            raise refuse("weakest", self.weakest, f"at most strongest, {self.strongest:g}")

    def brewed(self) -> str:
        return self.first.brewed() + self.second.brewed()


@settings_class
class Sugar:
    lumps: Annotated[Count, formerly("cubes")] = 1


@settings_class
class Pot:
    litres: Length = 1.0

    def __post_init__(self) -> None:
        if self.litres == 13.0:
            raise ValueError("pots of 13 litres bring bad luck")


@settings_class
class Tea:
    name: Name = "breakfast"
    cups: Count = 2
    strength: Weight = 1.0
    hot: Flag = True
    temperatures: Counts = (80, 95)
    shares: Annotated[tuple[Share, ...], Limits()] = ()
    size: Annotated[Literal[1, 2, 5], Limits()] = 1
    sugar: Annotated[Sugar | None, Switch] = None
    brew: AnyBrew = field(default_factory=Green)
    vessel: Pot = field(default_factory=Pot)


def applied(changes: Any) -> Tea:
    return apply_settings(Tea(), changes, where="tea.json")


counts, shares = st.integers(1, 99), st.floats(0.0, 1.0)
teas = st.builds(
    Tea,
    name=st.sampled_from(["x", "a b", '"µ"']),
    cups=counts,
    strength=st.floats(0.0, allow_nan=False, allow_infinity=False),
    hot=st.booleans(),
    temperatures=st.lists(counts, min_size=1).map(tuple),
    shares=st.lists(shares).map(tuple),
    size=st.sampled_from([1, 2, 5]),
    sugar=st.none() | st.builds(Sugar, counts),
    brew=st.recursive(
        st.builds(Green, shares) | st.builds(Black, st.booleans()),
        lambda brews: st.builds(Blend, brews, brews),
        max_leaves=4,
    ),
    vessel=st.builds(Pot, st.floats(0, 9)),
)


@settings(max_examples=25)
@given(teas, teas)
def test_settings_written_as_json_come_back_whatever_the_defaults(tea: Tea, other: Tea):
    written = json.loads(json.dumps(settings_to_plain(tea)))
    assert apply_settings(other, written) == tea


def test_plain_settings_name_the_kind_of_every_object():
    plain = settings_to_plain(Tea(sugar=Sugar(2)))
    assert plain["kind"] == "Tea"
    assert plain["temperatures"] == [80, 95]
    assert plain["sugar"] == {"kind": "Sugar", "lumps": 2}
    assert plain["brew"] == {"kind": "Green", "minutes": 2.0}
    assert settings_to_plain(Tea())["sugar"] is None


def test_an_empty_file_changes_nothing():
    assert applied({}) == Tea()


def test_what_is_not_named_keeps_its_value():
    tea = apply_settings(Tea(cups=5, brew=Green(3.0)), {"brew": {"minutes": 4.0}})
    assert tea == Tea(cups=5, brew=Green(4.0))


def test_an_object_that_files_cannot_name_stays_where_no_file_changes_it():
    class Secret(Brew):
        def brewed(self) -> str:
            return "secret"

    secret = Secret()
    assert apply_settings(Tea(brew=secret), {"cups": 3}).brew is secret


def test_another_kind_starts_from_its_own_defaults():
    assert applied({"brew": {"kind": "Black"}}).brew == Black(milk=False)


def test_a_kind_whose_fields_have_no_default_is_made_of_what_the_file_says():
    changes = {
        "brew": {"kind": "Blend", "first": {"kind": "Green"}, "second": {"kind": "Black", "milk": True}}
    }
    assert applied(changes).brew == Blend(Green(2.0), Black(True))


def test_an_object_in_place_of_none_needs_no_kind_where_only_one_fits():
    assert applied({"sugar": {"lumps": 3}}).sugar == Sugar(3)
    assert applied({"sugar": {}}).sugar == Sugar(1)


@pytest.mark.parametrize("nothing", [None, False])
def test_null_and_false_empty_what_may_be_empty(nothing: object):
    assert apply_settings(Tea(sugar=Sugar()), {"sugar": nothing}) == Tea()


def test_a_field_is_read_by_the_name_it_had_and_written_by_the_one_it_has():
    assert applied({"sugar": {"cubes": 3}}).sugar == Sugar(lumps=3)
    assert apply_settings(Tea(sugar=Sugar(5)), {"sugar": {"cubes": 3}}).sugar == Sugar(lumps=3)
    assert settings_to_plain(Sugar(3)) == {"kind": "Sugar", "lumps": 3}
    with pytest.raises(UsageError, match=r"tea.json: sugar.lumps is 0; expected a whole number"):
        applied({"sugar": {"cubes": 0}})


def test_a_whole_number_is_good_for_a_real_one():
    tea = applied({"strength": 2, "shares": [1, 0.5]})
    assert tea == Tea(strength=2.0, shares=(1.0, 0.5))
    assert isinstance(tea.strength, float)
    assert isinstance(tea.shares[0], float)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([], "tea.json: all of it is []; expected a table of settings"),
        ("x", 'tea.json: all of it is "x"; expected a table of settings'),
        ({"cup": 1}, "tea.json: cup is not a setting; there are brew, cups, hot, name, shares, size"),
        ({"brew": {"milk": True}}, "tea.json: brew.milk is not a setting; brew has minutes"),
        ({"cups": None}, "tea.json: cups is null; expected a whole number of at least 1"),
        ({"cups": 0}, "tea.json: cups is 0; expected a whole number of at least 1"),
        ({"cups": True}, "tea.json: cups is true; expected a whole number of at least 1"),
        ({"cups": 2.0}, "tea.json: cups is 2.0; expected a whole number of at least 1"),
        ({"cups": "2"}, 'tea.json: cups is "2"; expected a whole number of at least 1'),
        ({"cups": {"kind": "Pot"}}, "tea.json: cups is a table; expected a whole number of at least 1"),
        ({"strength": False}, "tea.json: strength is false; expected a number of at least 0"),
        ({"strength": -0.5}, "tea.json: strength is -0.5; expected a number of at least 0"),
        ({"strength": float("nan")}, "tea.json: strength is NaN; expected a number of at least 0"),
        ({"strength": float("inf")}, "tea.json: strength is Infinity; expected a number of at least 0"),
        ({"hot": 1}, "tea.json: hot is 1; expected true or false"),
        ({"name": 1}, "tea.json: name is 1; expected a text"),
        ({"name": ""}, 'tea.json: name is ""; expected a text'),
        ({"size": 3}, "tea.json: size is 3; expected one of 1, 2, 5"),
        ({"temperatures": 80}, "tea.json: temperatures is 80; expected a list of one or more whole numbers"),
        ({"temperatures": []}, "tea.json: temperatures is []; expected a list of one or more whole numbers"),
        ({"temperatures": [80, 9.5]}, "tea.json: temperatures is [80, 9.5]; expected a list of one or more"),
        ({"shares": [0.5, 2]}, "tea.json: shares is [0.5, 2]; expected a list of numbers from 0 to 1"),
        ({"shares": [{}]}, "tea.json: shares is [{}]; expected a list of numbers from 0 to 1"),
        ({"brew": "Black"}, 'tea.json: brew is "Black"; expected one of Black, Blend, Green, with its'),
        ({"brew": None}, "tea.json: brew is null; expected one of Black, Blend, Green, with its settings"),
        ({"sugar": 3}, "tea.json: sugar is 3; expected a table of settings"),
        ({"sugar": True}, "tea.json: sugar is true; expected a table of settings"),
        ({"vessel": {"litres": 13.0}}, "tea.json: vessel: pots of 13 litres bring bad luck"),
        ({"kind": "Pot"}, 'tea.json: there is no kind "Pot"; choose one of Tea'),
        ({"vessel": {"kind": "Sugar"}}, 'tea.json: vessel: there is no kind "Sugar"; choose one of Pot'),
        ({"brew": {"kind": "Pot"}}, 'tea.json: brew: there is no kind "Pot"; choose one of Black, Blend'),
        ({"brew": {"kind": "Herbal"}}, 'tea.json: brew: there is no kind "Herbal"; choose one of Black,'),
        ({"brew": {"kind": None}}, "tea.json: brew: it needs a kind; choose one of Black, Blend, Green"),
        ({"brew": {"kind": ["Black"]}}, 'tea.json: brew: there is no kind ["Black"]; choose one of'),
        ({"brew": {"kind": "Blend"}}, "tea.json: brew has no default for first, second; give a value"),
        (
            {"brew": {"kind": "Blend", "first": {}, "second": {"kind": "Green"}}},
            "tea.json: brew.first: it needs a kind; choose one of Black, Blend, Green",
        ),
        (
            {"brew": {"kind": "Blend", "first": {"kind": "Green", "minutes": -1}, "second": {}}},
            "tea.json: brew.first.minutes is -1; expected a number of at least 0 (and 1 more)",
        ),
        (
            {
                "brew": {
                    "kind": "Blend",
                    "first": {"kind": "Green"},
                    "second": {"kind": "Green"},
                    "weakest": 0.95,
                }
            },
            "tea.json: brew.weakest is 0.95; expected at most strongest, 0.9",
        ),
    ],
)
def test_a_mistake_is_named_with_its_path_the_limit_and_the_value(changes: Any, message: str):
    with pytest.raises(UsageError) as caught:
        applied(changes)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_long_value_is_shortened_in_the_message():
    with pytest.raises(UsageError) as caught:
        applied({"cups": "many " * 1000})
    assert len(str(caught.value)) < 160


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Tea(cups=0), "Tea.cups is 0; expected a whole number of at least 1"),
        (lambda: Tea("x", 0), "Tea.cups is 0; expected a whole number of at least 1"),
        (lambda: Tea(cup=1), "Tea.cup is not a setting; Tea has brew, cups"),  # type: ignore[call-arg]
        (lambda: Tea(brew=Green), "Tea.brew is <class"),  # type: ignore[arg-type]
        (lambda: Tea(vessel=Sugar()), "Tea.vessel is Sugar; expected a table of settings"),  # type: ignore[arg-type]
        (lambda: Blend(), "Blend has no default for first, second; give a value"),  # type: ignore[call-arg]
        (lambda: Blend(Green(), Green(), 0.95), "Blend.weakest is 0.95; expected at most strongest, 0.9"),
        (lambda: Blend(Green(), Green(), 0.5, 0.4), "Blend.weakest is 0.5; expected at most strongest, 0.4"),
        (lambda: Pot(13.0), "Pot: pots of 13 litres bring bad luck"),
        (lambda: replace(Tea(), cups=-1), "Tea.cups is -1; expected a whole number of at least 1"),
    ],
)
def test_a_constructor_refuses_what_a_file_may_not_say_either(make: Any, message: str):
    with pytest.raises(UsageError) as caught:
        make()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_numbers_of_numpy_and_lists_become_python_s_numbers_and_tuples():
    tea = Tea(cups=np.int64(3), strength=np.float32(0.5), temperatures=[1, 2])  # type: ignore[arg-type]
    assert tea == Tea(cups=3, strength=0.5, temperatures=(1, 2))
    assert (type(tea.cups), type(tea.strength), type(tea.temperatures)) == (int, float, tuple)


def test_settings_are_frozen_and_can_be_copied_pickled_compared_and_hashed():
    tea = Tea(sugar=Sugar(2))
    with pytest.raises(AttributeError):
        tea.cups = 3  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(tea)) == copy.deepcopy(tea) == tea
    assert hash(tea) == hash(Tea(sugar=Sugar(2)))
    assert tea != Tea(sugar=Sugar(3))


def test_a_kind_from_anywhere_can_be_chosen_once_it_is_defined():
    assert set(OneOf("acinus.core").kinds(Brew)) == {"Black", "Blend", "Green"}

    @settings_class
    class White(Brew):
        def brewed(self) -> str:
            return "white"

    assert applied({"brew": {"kind": "White"}}).brew.brewed() == "white"
