"""What estimators read is found out from what they were fitted on."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from modelnet.core.error import InvalidRequestError, ModelFileError
from modelnet.core.tensor import TensorSpec
from modelnet.resource.backend.sklearn.column import table_of

TEXTS = ["rain and wind", "sun and sand", "more rain", "more sun"]
LABELS = [0, 1, 0, 1]
NUMBERS = np.arange(12.0).reshape(4, 3)


def mixed() -> np.ndarray:
    table = np.empty((4, 3), object)
    table[:, :2] = NUMBERS[:, :2]
    table[:, 2] = ["x", "y", "x", "y"]
    return table


def encoded(columns):
    parts = [("numbers", StandardScaler(), [0, 1]), ("kinds", OneHotEncoder(), columns)]
    return make_pipeline(ColumnTransformer(parts), LogisticRegression()).fit(mixed(), LABELS)


def told(estimator):
    return [(one.name, one.datatype, one.shape) for one in table_of(estimator).inputs]


def test_numbers_without_names_are_one_table():
    assert told(StandardScaler().fit(NUMBERS)) == [("X", "FP64", (-1, 3))]
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(NUMBERS, LABELS)
    assert told(pipeline) == [("X", "FP64", (-1, 3))]


@pytest.mark.parametrize("vectoriser", [TfidfVectorizer(), CountVectorizer(), HashingVectorizer()])
def test_documents_are_one_column_of_text(vectoriser):
    fitted = make_pipeline(vectoriser, LogisticRegression()).fit(TEXTS, LABELS)
    assert told(fitted) == [("X", "BYTES", (-1,))]
    joined = table_of(fitted).joined({"X": np.array(["é".encode(), b"b"], object)})
    assert joined == ["é", "b"]


def test_a_search_reads_what_the_best_it_found_reads():
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression())
    search = GridSearchCV(pipeline, {"logisticregression__C": [1.0]}, cv=2).fit(TEXTS, LABELS)
    assert told(search) == [("X", "BYTES", (-1,))]


@pytest.mark.parametrize(
    "columns", [[2], slice(2, 3), np.array([False, False, True]), [-1]], ids=str
)
def test_a_table_of_numbers_and_kinds_is_a_tensor_a_column(columns):
    assert told(encoded(columns)) == [
        ("x0", "FP64", (-1,)),
        ("x1", "FP64", (-1,)),
        ("x2", "BYTES", (-1,)),
    ]


def test_a_vectoriser_may_read_a_column_of_a_table():
    table = np.empty((4, 2), object)
    table[:, 0], table[:, 1] = [1.0, 2.0, 3.0, 4.0], TEXTS
    parts = [("number", StandardScaler(), [0]), ("text", TfidfVectorizer(), 1)]
    fitted = ColumnTransformer(parts).fit(table)
    assert told(fitted) == [("x0", "FP64", (-1,)), ("x1", "BYTES", (-1,))]


def test_examples_are_the_categories_that_are_known():
    examples = table_of(encoded([2])).examples
    assert examples["x2"] == (b"x", b"y")
    assert min(examples["x0"]) < 0 < max(examples["x0"])
    numbers = OrdinalEncoder().fit([[3.0], [4.0]])
    assert table_of(numbers).examples == {"x0": (3.0, 4.0)}
    assert set(table_of(StandardScaler().fit(NUMBERS)).examples) == {"X"}


def test_numbers_stay_numbers_beside_text():
    joined = table_of(encoded([2])).joined(
        {
            "x0": np.array([1.0]),
            "x1": np.array([2.0]),
            "x2": np.array([b"x"], object),
        }
    )
    assert joined.tolist() == [[1.0, 2.0, "x"]]
    assert joined.dtype == object


def named(**fields):
    """Return what looks like an estimator fitted on a table with names."""
    return SimpleNamespace(
        n_features_in_=2, feature_names_in_=np.array(["age", "city"], object), **fields
    )


def test_names_are_those_of_the_tensors():
    kinds = ColumnTransformer([("kinds", OneHotEncoder(), ["city"])])
    kinds.transformers_ = [("kinds", OneHotEncoder().fit([["Rome"]]), ["city"])]
    assert table_of(named()).inputs == (
        TensorSpec("age", "FP64", (-1,)),
        TensorSpec("city", "FP64", (-1,)),
    )
    assert table_of(named(steps=[("kinds", kinds)])).inputs[1] == TensorSpec("city", "BYTES", (-1,))


def test_a_table_with_names_is_handed_over_as_one():
    pandas = pytest.importorskip("pandas")
    joined = table_of(named()).joined({"age": np.array([1.0]), "city": np.array([2.0])})
    assert isinstance(joined, pandas.DataFrame)
    assert list(joined.columns) == ["age", "city"]


def test_columns_of_other_lengths_and_text_that_is_none_are_refused():
    table = table_of(encoded([2]))
    column, text = np.array([1.0]), np.array([b"x"], object)
    with pytest.raises(InvalidRequestError, match="equally long"):
        table.joined({"x0": column, "x1": np.array([1.0, 2.0]), "x2": text})
    with pytest.raises(InvalidRequestError, match="UTF-8"):
        table.joined({"x0": column, "x1": column, "x2": np.array([b"\xff"], object)})


def test_what_is_not_fitted_is_refused():
    with pytest.raises(ModelFileError, match="fit it first"):
        table_of(LogisticRegression())
