"""Outcomes: what fits together is taken, what does not is refused and said why."""

import numpy as np
import pytest

from modelnet.service.prediction.log import DataError, OutcomeLog, columns
from tests.unit.service.prediction.world import two_kinds


def log(right, kinds=None, x=None, models=("a", "b"), n_surface=None):
    right = np.array(right, dtype=float)
    n = len(right)
    return OutcomeLog(
        models=models,
        x=np.zeros((n, 1)) if x is None else np.array(x, dtype=float),
        right=right,
        kinds=np.zeros(n, dtype=np.int64) if kinds is None else np.array(kinds),
        n_surface=n_surface,
    )


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"right": np.zeros((0, 2))}, "must be"),
        ({"right": [0.0, 1.0]}, "must be"),
        ({"right": [[0.0]]}, "must be"),
        ({"right": [[0.0, 1.0]], "x": np.zeros((2, 1))}, "must be"),
        ({"right": [[0.0, 1.0]], "kinds": [0, 1]}, "must be"),
        ({"right": [[0.0, 1.0]], "x": [[np.inf]]}, "finite"),
        ({"right": [[0.0, 1.0]], "x": [[np.nan]]}, "finite"),
        ({"right": [[0.0, 1.0]], "n_surface": 2}, "surface"),
        ({"right": [[0.0, 1.0]], "n_surface": 0}, "surface"),
        ({"right": [[np.nan, np.nan]]}, "nothing to learn"),
        ({"right": [[0.0, 1.5]]}, "between 0"),
        ({"right": [[-0.1, 1.0]]}, "between 0"),
        ({"right": [[np.inf, 1.0]]}, "between 0"),
    ],
)
def test_outcomes_that_do_not_fit_are_refused(parts, said):
    with pytest.raises(DataError, match=said):
        log(**parts)


def test_a_model_that_was_not_asked_has_the_mean_of_all():
    few = log([[1.0, np.nan], [0.0, np.nan], [1.0, np.nan], [1.0, np.nan]])
    assert few.means[1] == pytest.approx(0.75)
    assert few.filled[:, 1] == pytest.approx(0.75)
    assert few.asked.tolist() == [[True, False]] * 4


def test_means_are_drawn_a_little_to_that_of_all():
    means = log([[1.0, 0.0]] * 8).means
    assert means == pytest.approx([(8 + 1) / 10, 1 / 10])


def test_kinds_are_counted_where_they_are_known():
    assert log([[0.0, 1.0]] * 3, kinds=[-1, 2, 0]).n_kinds == 3
    assert log([[0.0, 1.0]], kinds=[-1]).n_kinds == 0


def test_rows_are_picked_by_mask_or_index():
    whole = two_kinds(6).log
    mask = np.array([True, False, True, False, False, True])
    assert np.array_equal(whole.rows(mask).x, whole.rows(np.array([0, 2, 5])).x)
    assert whole.rows(mask).right.shape == (3, 4)


def test_columns_pick_all_models_or_some():
    row = np.array([[1, 2, 3]])
    assert row[:, columns(None)].tolist() == [[1, 2, 3]]
    assert row[:, columns((2, 0))].tolist() == [[3, 1]]
