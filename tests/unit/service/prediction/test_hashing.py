"""Texts that share words point the same way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.service.prediction.hashing import SIZE, hashed


def test_alike_texts_are_alike():
    bread, loaf, train = hashed(["How do I bake bread?", "How do I bake a bread", "x^2 = 9, x < 0"])
    assert bread @ loaf > 0.5 > abs(bread @ train)


def test_case_is_no_difference_but_digits_are():
    one, same, other = hashed(["Add 12", "ADD 12", "Add 77"])
    assert one == pytest.approx(same)
    assert one @ other < 0.9


@given(st.lists(st.text(max_size=40), max_size=4))
def test_any_text_will_do(texts):
    rows = hashed(texts)
    lengths = np.linalg.norm(rows, axis=1)
    assert rows.shape == (len(texts), SIZE)
    assert ((np.abs(lengths - 1.0) < 1e-9) | (lengths == 0.0)).all()


def test_a_long_text_costs_no_more_than_its_beginning():
    assert hashed(["ab " * 2_000_000])[0] == pytest.approx(hashed(["ab " * 2_000])[0])
