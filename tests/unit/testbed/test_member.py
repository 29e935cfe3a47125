"""What a member of a crowd says it knows."""

from modelnet.core.identity import short_node_id
from modelnet.resource.directory import CardsAnnounced, Directory, NodeJoined, apply
from modelnet.testbed.member import known_in

ME, OTHER = "did:key:me-myself", "did:key:the-other"


def test_a_node_is_known_once_its_announcement_arrived():
    directory = apply(Directory(ME), NodeJoined(ME, 0.0))
    directory = apply(directory, CardsAnnounced(ME, "me", ()))
    directory = apply(directory, NodeJoined(OTHER, 1.0))
    assert short_node_id(OTHER) == directory.entries[OTHER].name
    assert known_in(directory) == frozenset()
    directory = apply(directory, CardsAnnounced(OTHER, "other", ()))
    assert known_in(directory) == {OTHER}
