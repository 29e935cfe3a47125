"""What is counted in a query, whatever the query holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelnet.service.prediction.surface import TEXT_FEATURES, TOOL_FEATURES, surface

NAMES = TEXT_FEATURES + TOOL_FEATURES
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "parameters", "properties", "required", "type"]), inner
        )
    ),
    max_leaves=12,
)


def counted(text, tools=()):
    return dict(zip(NAMES, surface(text, tools), strict=True))


def test_a_text_is_counted():
    seen = counted("What is 3 + 4?\nA. 7\nB) 8")
    assert seen["length"] == pytest.approx(np.log1p(24))
    assert seen["lines"] == pytest.approx(np.log1p(2))
    assert seen["choices"] == 2
    assert seen["asks"] == seen["question"] == 1
    assert seen["numbers"] == pytest.approx(np.log1p(4))
    assert seen["tools"] == 0


def test_tools_are_counted():
    tool = {
        "name": "weather.find",
        "description": "Finds the weather of a city",
        "parameters": {
            "type": "dict",
            "properties": {"city": {"type": "string"}, "days": {"type": "array"}},
            "required": ["city"],
        },
    }
    seen = counted("I want the weather in Rome", [tool])
    assert seen["tools"] == seen["one tool"] == 1
    assert seen["parameters"] == pytest.approx(np.log1p(2))
    assert seen["required"] == pytest.approx(np.log1p(1))
    assert seen["array"] == seen["dotted names"] == seen["first person"] == 1
    assert seen["nested"] == seen["many tools"] == 0
    assert seen["words known to tools"] > 0.0
    assert counted("", [tool, tool])["two tools"] == counted("", [tool] * 3)["many tools"] == 1


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60), st.lists(st.dictionaries(st.text(max_size=3), JSON), max_size=3))
def test_whatever_it_holds_its_features_are_finite(text, tools):
    features = surface(text, tools)
    assert features.shape == (len(NAMES),)
    assert np.isfinite(features).all()


@settings(max_examples=40, deadline=None)
@given(JSON)
def test_parameters_may_be_anything(parameters):
    assert np.isfinite(surface("x", [{"name": 1, "parameters": parameters}])).all()


def test_only_the_beginning_of_a_long_text_is_read():
    assert surface("a" * 10**6).tolist() == surface("a" * 20_000).tolist()


def test_deep_schemas_are_read_to_a_depth():
    schema = {"type": "tuple"}
    for _ in range(5000):
        schema = {"items": schema}
    assert counted("x", [{"name": "f", "parameters": schema}])["tuple"] == 0
