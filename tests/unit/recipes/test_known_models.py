"""The recipe of what is bundled: counts, centres, and what follows where nobody was asked."""

import numpy as np
import pytest

from modelnet.service.known import Known
from recipes.known_models.__main__ import nearest, report
from recipes.known_models.data import Recorded
from recipes.known_models.fit import counted, expected, fitted

LAW, SUMS = np.eye(2, 384)


def recorded(kinds, models, right) -> Recorded:
    where = {"law": 0, "sums": 1}
    return Recorded(
        kinds=tuple(kinds),
        models=tuple(models),
        right=np.array(right, dtype=float),
        meaning=np.eye(2, 384)[[where[kind] for kind in kinds]],
        words=np.eye(2, 256)[[where[kind] for kind in kinds]],
    )


ONE = recorded(["law"] * 40 + ["sums"] * 40, ["a", "a", "b"], [[1, 0, 0]] * 40 + [[0, 1, 0]] * 40)
TWO = recorded(["law"] * 40, ["b", "c"], [[1, 1]] * 30 + [[0, 1]] * 10)


def test_of_variants_the_best_on_the_whole_counts():
    lopsided = ONE._replace(right=ONE.right * np.array([0.5, 1.0, 1.0]))
    counts = counted([lopsided], ["a", "b"], ["law", "sums"])
    assert counts.right.tolist() == [[0.0, 40.0], [0.0, 0.0]]
    assert counts.asked.tolist() == [[40.0, 40.0], [40.0, 40.0]]


def test_sets_are_pooled_by_name_and_kind():
    table = fitted([ONE, TWO])
    assert table.kinds == ("law", "sums")
    assert [*table.models] == ["a", "b", "c"]
    law, sums = table.shares()[1]
    assert law == pytest.approx(30 / 80, abs=0.05)
    assert sums < 0.1


def test_who_was_not_asked_is_expected_to_be_as_able_as_elsewhere():
    counts = counted([ONE, TWO], ["a", "b", "c"], ["law", "sums"])
    shares = expected(counts)
    assert counts.asked[2].tolist() == [40.0, 0.0]
    assert shares[2, 1] > shares[1, 1]
    assert ((shares > 0.0) & (shares < 1.0)).all()


def test_centres_lie_where_their_questions_do():
    table = fitted([ONE, TWO])
    assert table.centres(384) == pytest.approx(np.stack([LAW, SUMS]))
    assert nearest(table, {"one": ONE, "two": TWO}) == {"meaning": 1.0, "words": 1.0}


def test_it_says_what_it_wrote_and_what_it_wrote_is_read():
    table = fitted([ONE, TWO])
    told = report(table, {"one": ONE, "two": TWO}, 123)
    assert "120 questions, 3 models by plain name, 2 kinds, 123 bytes" in told
    assert "| c | " in told
    assert Known(lambda: table).saw
