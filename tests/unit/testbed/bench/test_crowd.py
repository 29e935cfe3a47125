"""What is noted of what members say."""

from modelnet.testbed.bench.crowd import Member
from modelnet.testbed.member import Ready, Sight

ME, A, B = "did:key:me", "did:key:a", "did:key:b"


def test_a_member_knows_who_joined_until_it_loses_them():
    member = Member(None, Ready(ME, (), 0.0))
    member.take(Sight(1.0, joined=(A, B)))
    member.take(Sight(2.0, left=(A,)))
    assert member.known == {B: 1.0}
    assert member.lost == {A: 2.0}


def test_one_that_comes_back_is_not_lost_any_more():
    member = Member(None, Ready(ME, (), 0.0))
    member.take(Sight(1.0, joined=(A,)))
    member.take(Sight(2.0, left=(A,)))
    member.take(Sight(3.0, joined=(A,)))
    assert member.known == {A: 3.0}
    assert member.lost == {}
