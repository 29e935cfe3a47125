import msgspec

from modelnet.application.cli.news import News
from modelnet.core.card import Artifact, ModelCard
from modelnet.core.load import Load
from modelnet.resource.directory import (
    CardsAnnounced,
    Directory,
    LoadAnnounced,
    NodeJoined,
    NodeLeft,
    apply,
)

ME, BOB = "did:key:z6MkMe000000", "did:key:z6MkBob000002"


def card(name):
    return ModelCard(name=name, operations=("chat",), engine="scripted")


def tell(directory, *events):
    for event in events:
        directory = apply(directory, event)
    return directory


def test_a_node_comes_changes_and_goes():
    news = News(ME)
    directory = tell(Directory(ME), NodeJoined(ME, 0.0), CardsAnnounced(ME, "me", (card("x"),)))
    assert news.update(directory) == []
    directory = tell(directory, NodeJoined(BOB, 1.0))
    assert news.update(directory) == []
    directory = tell(directory, CardsAnnounced(BOB, "bob", (card("b"), card("a"))))
    assert news.update(directory) == ["bob joined with a, b."]
    directory = tell(directory, LoadAnnounced(BOB, Load()))
    assert news.update(directory) == []
    known = Artifact(digest="0" * 64, size_bytes=1, form="gguf")
    described = msgspec.structs.replace(card("a"), artifact=known)
    directory = tell(directory, CardsAnnounced(BOB, "bob", (card("b"), described)))
    assert news.update(directory) == []
    directory = tell(directory, CardsAnnounced(BOB, "bob", ()))
    assert news.update(directory) == ["bob now serves no models."]
    directory = tell(directory, NodeLeft(BOB))
    assert news.update(directory) == ["bob left."]


def test_a_node_that_left_and_came_back_between_two_looks():
    news = News(ME)
    before = tell(Directory(ME), NodeJoined(BOB, 1.0), CardsAnnounced(BOB, "bob", ()))
    assert news.update(before) == ["bob joined with no models."]
    after = tell(before, NodeLeft(BOB), NodeJoined(BOB, 2.0), CardsAnnounced(BOB, "bob", ()))
    assert news.update(after) == ["bob left and came back with no models."]
