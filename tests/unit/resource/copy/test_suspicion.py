"""Liars are remembered, for a while, and not without bound."""

from modelnet.core.identity import NodeId
from modelnet.resource.copy.suspicion import BARRED_S, MAX_SUSPECTS, Suspicion

LIAR = NodeId("liar")


def test_a_liar_is_barred_for_a_while():
    suspicion = Suspicion()
    assert not suspicion.bars(LIAR, 0.0)
    suspicion.add(LIAR, 0.0)
    assert suspicion.bars(LIAR, BARRED_S - 1)
    assert not suspicion.bars(LIAR, BARRED_S)


def test_a_crowd_of_liars_takes_no_more_memory():
    suspicion = Suspicion()
    for number in range(MAX_SUSPECTS + 1):
        suspicion.add(NodeId(str(number)), 0.0)
    assert not suspicion.bars(NodeId("0"), 1.0)
    assert suspicion.bars(NodeId(str(MAX_SUSPECTS)), 1.0)
