"""Estimators of every kind as functions of arrays: what they can do is tried."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.cluster import DBSCAN, KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC

from modelnet.core.error import EngineError, InvalidRequestError, ModelFileError
from modelnet.resource.backend.batching import Abandonment
from modelnet.resource.backend.sklearn.estimator import ROWS_AT_ONCE, Estimator

RNG = np.random.default_rng(0)
TABLE = RNG.standard_normal((30, 3))
NAMES = np.array(["red", "green", "blue"])[np.arange(30) % 3]
TEXTS = ["rain and wind", "sun and sand", "more rain"] * 10


def outputs_of(estimator):
    return {one.name: (one.datatype, one.shape) for one in Estimator(estimator).outputs}


def test_a_classifier_tells_labels_and_how_sure_it_is():
    made = Estimator(LogisticRegression().fit(TABLE, NAMES))
    assert {one.name: (one.datatype, one.shape) for one in made.outputs} == {
        "predict": ("BYTES", (-1,)),
        "predict_proba": ("FP64", (-1, 3)),
        "decision_function": ("FP64", (-1, 3)),
    }
    assert made.description == "LogisticRegression of scikit-learn; classes: blue, green, red."
    assert made.is_row_by_row


@pytest.mark.parametrize(
    ("estimator", "outputs"),
    [
        (LinearRegression().fit(TABLE, TABLE[:, 0]), {"predict": ("FP64", (-1,))}),
        (LinearRegression().fit(TABLE, TABLE[:, :2]), {"predict": ("FP64", (-1, 2))}),
        (
            KMeans(2, n_init=1, random_state=0).fit(TABLE),
            {"predict": ("INT32", (-1,)), "transform": ("FP64", (-1, 2))},
        ),
        (StandardScaler().fit(TABLE), {"transform": ("FP64", (-1, 3))}),
        (
            make_pipeline(StandardScaler(), SVC()).fit(TABLE, np.arange(30) % 2),
            {"predict": ("INT64", (-1,)), "decision_function": ("FP64", (-1,))},
        ),
        (
            MultiOutputClassifier(LogisticRegression()).fit(TABLE, np.stack([NAMES, NAMES], 1)),
            {"predict": ("BYTES", (-1, 2))},
        ),
        (OrdinalEncoder().fit([["a"], ["b"]]), {"transform": ("FP64", (-1, 1))}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_works_is_what_it_gives(estimator, outputs):
    assert outputs_of(estimator) == outputs


def test_trees_are_seen_to_work_row_by_row_wherever_they_branch():
    ages = [[20.0], [30.0], [40.0], [50.0]] * 5
    forest = RandomForestClassifier(5, random_state=0).fit(ages, [0, 1, 0, 1] * 5)
    assert Estimator(forest).is_row_by_row


def test_text_goes_in_and_sparse_numbers_come_out_dense():
    made = Estimator(TfidfVectorizer().fit(TEXTS))
    answer = made.run({"X": np.array([b"rain"], object)}, ["transform"], Abandonment())
    assert answer["transform"].shape == (1, made.outputs[0].shape[1])
    assert answer["transform"].max() == pytest.approx(1.0)


def test_a_table_of_numbers_and_kinds_is_answered():
    table = np.empty((30, 2), object)
    table[:, 0], table[:, 1] = TABLE[:, 0], NAMES
    parts = [("number", StandardScaler(), [0]), ("kind", OneHotEncoder(), [1])]
    pipeline = make_pipeline(ColumnTransformer(parts), LogisticRegression()).fit(table, NAMES)
    made = Estimator(pipeline)
    assert made.is_row_by_row
    arrays = {"x0": np.array([0.0, 0.0]), "x1": np.array([b"red", b"blue"], object)}
    answer = made.run(arrays, ["predict"], Abandonment())
    assert answer["predict"].tolist() == ["red", "blue"]
    with pytest.raises(InvalidRequestError, match="unknown categories"):
        made.run(arrays | {"x1": np.array([b"pink"] * 2, object)}, ["predict"], Abandonment())


def test_values_it_cannot_work_with_are_the_askers_fault():
    made = Estimator(LogisticRegression().fit(TABLE, NAMES))
    with pytest.raises(InvalidRequestError, match="NaN"):
        made.run({"X": np.full((1, 3), np.nan)}, ["predict"], Abandonment())
    with pytest.raises(InvalidRequestError, match="0 sample"):
        made.run({"X": np.empty((0, 3))}, ["predict"], Abandonment())


class Counting(BaseEstimator):
    """Predicts the first column, and counts how many rows it is handed at once."""

    n_features_in_ = 1

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.sizes: list[int] = []

    def fit(self) -> None: ...

    def predict(self, table):
        self.sizes.append(len(table))
        if self.failure is not None and table.max() > 100:
            raise self.failure
        return table[:, 0]


def test_many_rows_are_computed_in_parts_and_joined():
    counting = Counting()
    made = Estimator(counting)
    counting.sizes.clear()
    column = np.arange(2.0 * ROWS_AT_ONCE + 1)[:, None]
    answer = made.run({"X": column}, ["predict"], Abandonment())
    assert counting.sizes == [ROWS_AT_ONCE, ROWS_AT_ONCE, 1]
    np.testing.assert_array_equal(answer["predict"], column[:, 0])


def test_nothing_more_is_computed_once_everybody_left():
    counting = Counting()
    made = Estimator(counting)
    counting.sizes.clear()
    abandonment = Abandonment()
    abandonment.set()
    with pytest.raises(EngineError):
        made.run({"X": np.zeros((1, 1))}, ["predict"], abandonment)
    assert counting.sizes == []


def test_what_an_estimator_raises_is_its_own_fault():
    made = Estimator(Counting(RuntimeError("It broke.")))
    with pytest.raises(EngineError, match=r"RuntimeError: It broke"):
        made.run({"X": np.full((1, 1), 101.0)}, ["predict"], Abandonment())


class Careless(Counting):
    """Writes into what it is handed."""

    def predict(self, table):
        table += 1
        return table[:, 0]


def test_an_estimator_may_write_into_what_it_is_handed_and_the_askers_tensor_stays():
    given = np.ones((2, 1))
    given.flags.writeable = False
    made = Estimator(Careless())
    assert made.run({"X": given}, ["predict"], Abandonment())["predict"].tolist() == [2, 2]
    assert (given == 1).all()


@pytest.mark.parametrize(
    "estimator",
    [DBSCAN().fit(TABLE), LogisticRegression(), object()],
    ids=lambda one: type(one).__name__,
)
def test_what_does_nothing_that_is_known_here_is_refused(estimator):
    with pytest.raises(ModelFileError):
        Estimator(estimator)
