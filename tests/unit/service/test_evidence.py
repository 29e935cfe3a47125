"""Which reports count: not those of just anybody."""

from modelnet.core.card import ModelCard
from modelnet.core.identity import NodeId
from modelnet.core.standing import Standing, Tally
from modelnet.resource.directory import (
    CardsAnnounced,
    Directory,
    NodeEntry,
    NodeLeft,
    StandingAnnounced,
)
from modelnet.service.evidence import TOLERATED, evidence_in
from modelnet.service.exam import examiners, is_examiner

ME, OWNER = NodeId("did:key:me"), NodeId("did:key:owner")
CROWD = [NodeId(f"did:key:{number}") for number in range(40)]
CARD = ModelCard(name="calc", operations=("chat",), engine="scripted")


def directory(*standings: Standing) -> Directory:
    told: dict[NodeId, tuple[Standing, ...]] = {}
    for standing in standings:
        told[standing.examiner] = (*told.get(standing.examiner, ()), standing)
    nodes = [ME, OWNER, *CROWD]
    entries = {
        node: NodeEntry(
            node=node,
            since=0,
            cards=(CARD,) if node == OWNER else (),
            standings=told.get(node, ()),
        )
        for node in nodes
    }
    return Directory(ME, entries)


def report(examiner: NodeId, node: NodeId = OWNER, model: str = "calc") -> Standing:
    return Standing(
        examiner=examiner,
        node=node,
        model=model,
        skills={"arithmetic": Tally(1, 1)},
        latency_s=0.1,
        tokens_per_answer=3,
        measured_at=1.0,
    )


def heard(standing: Standing) -> bool:
    event = StandingAnnounced(standing.examiner, (standing,))
    return bool(evidence_in(directory(standing), event))


def test_only_the_few_in_line_for_a_model_are_believed():
    entitled = set(examiners(OWNER, "calc", [ME, OWNER, *CROWD], TOLERATED))
    assert {node for node in CROWD if heard(report(node))} == entitled - {ME}


def test_what_this_node_measured_always_counts():
    assert heard(report(ME))


def test_reports_on_models_nobody_serves_do_not_count():
    entitled = examiners(OWNER, "calc", [ME, OWNER, *CROWD])[0]
    assert not heard(report(entitled, node=NodeId("did:key:invented")))
    assert not heard(report(entitled, model="invented"))


def test_a_report_told_before_its_model_was_known_is_heard_later():
    entitled = next(n for n in examiners(OWNER, "calc", [ME, OWNER, *CROWD]) if n != ME)
    standing = report(entitled)
    known = directory(standing)
    assert evidence_in(known, CardsAnnounced(OWNER, "owner", (CARD,))) == (standing,)
    assert evidence_in(known, NodeLeft(OWNER)) == ()


def test_the_quick_way_to_tell_an_examiner_agrees_with_the_list():
    nodes = [OWNER, *CROWD]
    for count in (1, 3, 6):
        chosen = set(examiners(OWNER, "calc", nodes, count))
        assert {n for n in nodes if is_examiner(n, OWNER, "calc", nodes, count)} == chosen
    assert is_examiner(OWNER, OWNER, "calc", [OWNER])
    assert not is_examiner(OWNER, OWNER, "calc", nodes)
