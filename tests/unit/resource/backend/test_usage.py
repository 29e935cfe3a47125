"""Numbers of engines that can be true are believed, others are ours."""

import pytest

from modelnet.core.chunk import Usage
from modelnet.resource.backend.usage import MOST_TOKENS, believed

COUNTED = Usage(5, 7)


@pytest.mark.parametrize("told", [None, 0, -1, MOST_TOKENS + 1, 1 << 70, 2.5, "3", [3], {}, True])
def test_what_cannot_be_true_is_replaced(told: object):
    assert believed(told, told, COUNTED) == COUNTED


def test_each_number_is_believed_for_itself():
    assert believed(3, None, COUNTED) == Usage(3, 7)
    assert believed(-3, MOST_TOKENS, COUNTED) == Usage(5, MOST_TOKENS)
