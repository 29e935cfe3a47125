"""Whatever is given to be served becomes a model."""

import pytest

from modelnet.application.specified import as_model
from modelnet.core.error import SetupError
from modelnet.resource.backend.scripted import ScriptedModel
from modelnet.resource.backend.sklearn import EstimatorModel


def test_a_model_is_itself():
    model = ScriptedModel()
    assert as_model(model) is model


def test_a_function_becomes_a_model():
    def greet(prompt: str) -> str:
        return prompt

    assert as_model(greet).card.name == "greet"


def test_a_specification_is_read():
    assert hasattr(as_model("zoo:calc"), "run")
    with pytest.raises(SetupError):
        as_model("nonsense")


def test_an_estimator_becomes_a_model():
    linear = pytest.importorskip("sklearn.linear_model")
    fitted = linear.LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    assert isinstance(as_model(fitted), EstimatorModel)
