"""Values on their way from the code to its tests."""

import json
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.resource.sandbox.inside.value import decode, encode, is_builtin, replace


class NotPlainError(Exception):
    pass


def hold(value):
    raise NotPlainError(type(value).__name__)


def find(kind, parts):
    raise KeyError(kind, parts)


def sent(value):
    return decode(json.loads(json.dumps(encode(value, hold))), find)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.binary() | st.decimals(allow_nan=False) | st.fractions() | st.dates() | st.timedeltas(),
    lambda inner: st.lists(inner, max_size=4)
    | st.tuples(inner, inner)
    | st.dictionaries(st.text() | st.integers() | st.tuples(st.booleans()), inner, max_size=4)
    | st.sets(st.integers() | st.text(), max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(PLAIN)
def test_plain_values_arrive_as_they_were(value):
    arrived = sent(value)
    assert arrived == value
    assert type(arrived) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        frozenset({1}), bytearray(b"x"), 1 - 2j, range(3, 1, -1), Counter("aab"),
        deque([1, 2], maxlen=3), deque([1]), datetime(2026, 1, 2, tzinfo=UTC), date(2026, 1, 2),
        time(3, 4), timedelta(days=-1, microseconds=5), Decimal("-0.10"), 10**4000, -(10**4000),
         float("inf"), "\ud800", {"": "int", "v": ["0x1"]}, [[], {}], Fraction(1, 3),
    ],
)  # fmt: skip
def test_the_standard_librarys_own_arrive(value):
    arrived = sent(value)
    assert type(arrived) is type(value)
    assert arrived == value


def test_what_derives_from_them_arrives_as_what_it_is():
    class Always(int):
        def __eq__(self, _):
            return True

        __hash__ = int.__hash__

    class Loud(str):
        __slots__ = ()

        def __eq__(self, _):
            return True

        __hash__ = str.__hash__

    class Level(IntEnum):
        LOW = 1

    Point = namedtuple("Point", "x y")  # noqa: PYI024
    assert sent(Always(2)) != 1
    assert sent(Loud("a")) != "b"
    assert sent(Level.LOW) == 1
    assert sent(Point(1, 2)) == (1, 2)
    assert sent(Point(1, 2)).y == 2
    assert sent(defaultdict(list, a=[1])) == sent(OrderedDict(a=[1])) == {"a": [1]}


def test_other_objects_are_held():
    with pytest.raises(NotPlainError):
        sent([object()])
    with pytest.raises(NotPlainError):
        sent(int)
    loop = []
    loop.append(loop)
    with pytest.raises(RecursionError):
        sent(loop)


@pytest.mark.parametrize(
    "told",
    [
        {}, {"": "int"}, {"": "exec", "v": ["1"]}, {"": "int", "v": ["x"]}, {"": "set", "v": [[1]]},
        {"": "Fraction", "v": [1, 0]}, {"": "named", "v": ["import", 1]}, {"": "named", "v": []},
        {"": "date", "v": ["soon"]}, {"": "dict", "v": [1]}, {"": [], "v": []}, {"": "int", "v": 1},
        {"": "bytes", "v": [1]}, {"": "range", "v": []}, {"": "Decimal", "v": ["x"]},
    ],
)  # fmt: skip
def test_nonsense_is_refused(told):
    with pytest.raises((ValueError, TypeError, ArithmeticError, LookupError)):
        decode(told, find)


@pytest.mark.parametrize(
    ("old", "new"),
    [([1, 2], [3]), ({1: 2}, {}), ({1}, {2, 3}), (bytearray(b"a"), bytearray(b"bc")),
     (deque([1]), deque([2, 3]))],
)  # fmt: skip
def test_what_was_changed_is_changed_in_place(old, new):
    kept = old
    replace(old, new)
    assert kept == new
    replace(old, new=(1,))
    assert kept == new


def test_classes_everybody_knows_have_names():
    assert is_builtin(int)
    assert is_builtin(ValueError)
    assert not is_builtin(print)
    assert not is_builtin(Counter)
    assert not is_builtin(type("int", (), {}))
