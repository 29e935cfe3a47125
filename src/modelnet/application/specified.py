"""What people give to be served: a specification, a model, an estimator, or their function."""

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from modelnet.resource.model import Model
from modelnet.resource.specification import model_from

Specified: TypeAlias = str | Model | Callable[..., Any]


def as_model(specified: Specified) -> Model:
    """Return the model that was meant, not yet started.

    Raises:
        SetupError: the specification makes no sense.
    """
    if isinstance(specified, str):
        return model_from(specified)
    # Not the object: asking one that is not started for its card raises.
    if hasattr(type(specified), "run"):
        return cast("Model", specified)
    from modelnet.resource.backend.function import model
    from modelnet.resource.backend.sklearn import EstimatorModel, is_estimator

    if is_estimator(specified):
        return EstimatorModel(specified)
    return model()(cast("Callable[..., Any]", specified))
