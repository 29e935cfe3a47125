"""scikit-learn estimators and pipelines as typed models."""

from modelnet.resource.backend.sklearn.model import EstimatorModel, is_estimator

__all__ = ["EstimatorModel", "is_estimator"]
