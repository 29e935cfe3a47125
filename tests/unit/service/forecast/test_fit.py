"""Fitting: from verdicts as they come, also such as nothing can be learnt from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelnet.service.forecast import FitError, fit
from modelnet.service.forecast.fit import Known, _rates
from modelnet.service.forecast.trial import WORTHS
from modelnet.service.neighbourhood import SIZE
from tests.unit.service.forecast.topics import NOW, known, lessons, question


def test_it_finds_out_who_knows_what():
    rng = np.random.default_rng(1)
    fitted = fit(lessons(rng, 300), NOW)
    first, second, stranger = fitted.added(question(rng, 0), ["0", "1", "vanished"])
    assert first > 0.2
    assert second < -0.2
    assert abs(stranger) < 0.1
    assert fitted.finding.worth in WORTHS
    assert fitted.verdicts == 300
    assert "300 verdicts on 2 models, each forecast counting" in str(fitted)


def test_what_was_believed_need_not_be_remembered():
    fitted = fit(lessons(np.random.default_rng(1), 300, believed=None), NOW)
    assert fitted.finding.worth in WORTHS


def test_where_there_is_nothing_to_know_it_has_no_say():
    rng = np.random.default_rng(2)
    told = [known(question(rng, 0), "0", float(rng.random() < 0.5)) for _ in range(200)]
    fitted = fit(told, NOW)
    assert fitted.finding.worth == 0.0
    assert "not better" in str(fitted)


def test_a_world_that_turned_is_no_longer_forecast():
    rng = np.random.default_rng(3)
    before, after = lessons(rng, 300), lessons(rng, 150, swapped=True)
    was = fit(before, NOW).finding
    fitted = fit(before + after, NOW)
    assert fitted.finding.sure < was.sure / 2
    turned = fit(before + lessons(rng, 600, swapped=True), NOW)
    assert turned.process.surprise(question(rng, 0), 2)[turned.names["0"]] < 0.0


@pytest.mark.parametrize("verdict", [0.0, 1.0])
def test_one_class_only(verdict):
    rng = np.random.default_rng(4)
    told = [known(question(rng, 0), "0", verdict, believed=None) for _ in range(100)]
    assert np.isfinite(fit(told, NOW).process.surprise(question(rng, 0), 1)).all()


def hostile() -> list[Known]:
    place = question(np.random.default_rng(5), 0)
    none, broken = np.zeros(SIZE), np.full(SIZE, np.nan)
    return [
        known(none, "0", 1.0),
        known(broken, "0", 1.0),
        known(place[:10], "0", 1.0),
        known(place, "0", float("nan")),
        known(place, "0", 7.0),
        known(place, "0", 1.0, at=float("nan")),
        known(place, "0", 1.0, at=NOW - 1e9),
    ]


def test_of_what_cannot_be_true_nothing_is_fitted():
    for told in ([], hostile()):
        with pytest.raises(FitError, match="nothing to fit"):
            fit(told, NOW)


def test_what_cannot_be_true_spoils_nothing_else():
    good = lessons(np.random.default_rng(1), 100)
    spoilt = fit([*hostile(), *good], NOW)
    assert spoilt.verdicts == 100
    assert spoilt.finding == fit(good, NOW).finding


def test_one_verdict_is_enough_to_fit_and_too_little_to_be_heard():
    fitted = fit(lessons(np.random.default_rng(6), 1), NOW)
    assert fitted.finding.worth == 0.0


def test_it_stops_when_its_time_is_over():
    asked: list[int] = []

    def is_over() -> bool:
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(FitError, match="given up"):
        fit(lessons(np.random.default_rng(7), 50), NOW, is_over)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1), st.floats(0.01, 1)), min_size=2),
    data=st.data(),
)
def test_what_comes_later_changes_no_rate_of_before(rows, data):
    models, right, weight = (np.array(part) for part in zip(*rows, strict=True))
    place = data.draw(st.integers(0, len(rows) - 1))
    rates = _rates(models, right, weight)
    assert ((rates > 0.0) & (rates < 1.0)).all()
    changed = right.copy()
    changed[place:] = 1.0 - changed[place:]
    assert (_rates(models, changed, weight)[: place + 1] == rates[: place + 1]).all()
