"""Multinomial logistic regression, its temperature, and its packing into bytes."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from modelnet.service.kind import KINDS
from modelnet.service.kind.classifier import ZERO, Weights
from modelnet.service.kind.feature import BUCKETS, buckets
from recipes.task_kind.data import N_FOLDS, Example


def matrix(examples: Sequence[Example]) -> csr_matrix:
    """Return the features as (examples, BUCKETS) float32, every row of Euclidean length one."""
    places = [sorted(buckets(example.text)) for example in examples]
    lengths = np.array([len(row) for row in places])
    values = np.repeat(1.0 / np.sqrt(lengths), lengths).astype(np.float32)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    return csr_matrix((values, np.concatenate(places), ends), shape=(len(examples), BUCKETS))


def labels(examples: Sequence[Example]) -> np.ndarray:
    """Return the place in KINDS of every example, (examples,) int64."""
    return np.array([KINDS.index(example.kind) for example in examples])


def fit(x: csr_matrix, y: np.ndarray, inverse_penalty: float) -> LogisticRegression:
    """Fit with every kind weighing the same."""
    model = LogisticRegression(C=inverse_penalty, class_weight="balanced", max_iter=300)
    return model.fit(x, y)


def unseen_wordings(
    x: csr_matrix, y: np.ndarray, folds: np.ndarray, inverse_penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return logits (n, kinds) and labels (n,) of examples whose wording was left out of the fit.

    `folds` is -1 where an example is always part of the fit.
    """
    logits, truth = [], []
    for fold in range(N_FOLDS):
        out = folds == fold
        model = fit(x[~out], y[~out], inverse_penalty)
        logits.append(model.decision_function(x[out]))
        truth.append(y[out])
    return np.concatenate(logits), np.concatenate(truth)


def temperature(logits: np.ndarray, y: np.ndarray) -> float:
    """Return what logits must be divided by to be calibrated (Guo et al. 2017)."""

    def loss(log_t: float) -> float:
        return log_loss(logits / np.exp(log_t), y)

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def log_loss(logits: np.ndarray, y: np.ndarray) -> float:
    """Return the mean negative log-probability of the truth, in nats, every kind the same."""
    losses = -log_softmax(logits, axis=1)[np.arange(len(y)), y]
    return float(np.mean([losses[y == kind].mean() for kind in np.unique(y)]))


def packed(model: LogisticRegression, divisor: float) -> Weights:
    """Round the weights to bytes with one step for all; the temperature goes in as well."""
    weights = model.coef_ / divisor
    step = float(np.abs(weights).max() / 127)
    columns = (np.round(weights / step) + ZERO).astype(np.uint8)
    return Weights(
        kinds=KINDS,
        columns=tuple(column.tobytes() for column in columns),
        step=step,
        biases=tuple(float(bias) for bias in model.intercept_ / divisor),
    )
