"""Who dies when, and what is proof that the answer survived."""

import pytest

from modelnet.application.demo.asking import Piece
from modelnet.application.demo.death import Witness
from modelnet.application.reply import Provenance
from modelnet.core.task import Contribution

WHOLE = "abcdefghij"


def origin(*nodes):
    told = tuple(Contribution(node=node, model="zoo:text", because="it is good") for node in nodes)
    return Provenance(told)


def watched(pieces):
    kills = []

    def kill():
        kills.append(len(witness.text))
        return 10.0

    witness = Witness(WHOLE, kill)
    for piece in pieces:
        witness.see(piece)
    return witness, kills


def test_the_node_is_killed_once_in_the_middle():
    _, kills = watched([Piece(letter, 9.0) for letter in WHOLE])
    assert kills == [4]


def test_the_gap_is_from_the_kill_to_the_next_piece():
    pieces = [Piece("abcd", 9.9), Piece("e", 10.05), Piece("f", 17.0)]
    witness, _ = watched(pieces)
    assert witness.gap_ms == 50.0
    assert witness.text == "abcdef"


@pytest.mark.parametrize(
    ("nodes", "has_changed"),
    [(("dan", "bob"), True), (("dan",), False), (("bob", "dan"), False), ((), False)],
)
def test_hands_changed_only_if_the_victim_began_and_another_ended(nodes, has_changed):
    witness, _ = watched([Piece(WHOLE, 9.0), Piece("", 10.1, origin(*nodes))])
    assert witness.has_changed_hands("dan") is has_changed
