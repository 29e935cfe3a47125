import msgspec
import pytest

from modelnet.core.chunk import Chunk, ToolCall, Usage
from modelnet.core.identity import NodeId, RequestId
from modelnet.core.request import Chat, Message
from modelnet.core.task import Contribution, Task, Voice
from modelnet.interaction.recollection import Listener, Memory, Share
from modelnet.service.analysis import TaskFeatures
from modelnet.service.kind import TaskKind
from modelnet.service.verifier import MAX_CHARACTERS
from modelnet.service.verifier.program import MAX_CHARACTERS as MAX_CODE_CHARACTERS

ALICE, BOB = NodeId("alice"), NodeId("bob")
KIND = TaskKind.certain("arithmetic")
SUM = TaskFeatures(kind=KIND)


def task(number: int = 1, owner: str = "") -> Task:
    return Task(
        id=RequestId(f"{number:032x}"),
        request=Chat((Message("user", "2+2="),)),
        deadline=9e9,
        owner=owner,
    )


def by(node: NodeId, model: str = "m", *others: Voice) -> Contribution:
    return Contribution(node=node, model=model, because="best", others=others)


END = Chunk(finish="stop", usage=Usage(5, 7))


def heard(*steps: Chunk | Contribution, number: int = 1, now: float = 100.0, **who):
    listener = Listener(task(number, **who), now - 2.5)
    for step in steps:
        assert not listener.is_whole
        listener.take(step)
    assert listener.is_whole
    return listener.recollection(SUM, now)


def test_one_who_said_all():
    one = heard(by(ALICE), Chunk("4"), END)
    assert one.shares == (Share(ALICE, "m", 1.0),)
    assert (one.text, one.latency_s, one.usage, one.is_cut) == ("4", 2.5, Usage(5, 7), False)


def test_each_by_what_it_said():
    one = heard(by(ALICE), Chunk("a" * 30), by(BOB), Chunk("b" * 9, reasoning="?"), END)
    assert one.shares == (Share(ALICE, "m", 0.75), Share(BOB, "m", 0.25))


def test_one_that_came_back():
    one = heard(by(ALICE), Chunk("aa"), by(BOB), Chunk("bb"), by(ALICE), Chunk("aaaa"), END)
    assert one.shares == (Share(ALICE, "m", 0.75), Share(BOB, "m", 0.25))


def test_one_who_said_nothing_before_it_failed_has_no_part():
    assert heard(by(ALICE), by(BOB), Chunk("b"), END).shares == (Share(BOB, "m", 1.0),)


def test_where_nothing_was_said_it_is_the_last_ones():
    assert heard(by(ALICE), by(BOB), END).shares == (Share(BOB, "m", 1.0),)


def test_calls_of_tools_are_said_too():
    call = Chunk(tool_calls=(ToolCall("1", "add", "{}"),), finish="tool_calls")
    one = heard(by(ALICE), Chunk("abcde"), by(BOB), call)
    assert one.shares == (Share(ALICE, "m", 0.5), Share(BOB, "m", 0.5))
    assert one.is_cut


def test_who_agreed_learns_as_well():
    others = (
        Voice(node=BOB, model="x", what="agreed"),
        Voice(node=BOB, model="y", what="differed"),
        Voice(node=ALICE, model="m", what="agreed"),
    )
    one = heard(by(ALICE, "m", *others), Chunk("4"), END)
    assert one.shares == (Share(ALICE, "m", 1.0), Share(BOB, "x", 1.0))


@pytest.mark.parametrize(
    ("length", "is_kept"), [(MAX_CHARACTERS, True), (MAX_CHARACTERS + 1, False)]
)
def test_long_answers_are_not_kept(length, is_kept):
    one = heard(by(ALICE), *(Chunk("x") for _ in range(length)), END)
    assert (one.text is not None) == is_kept


def test_memory_is_bounded():
    memory = Memory(most=3)
    for number in range(5):
        memory.add(heard(by(ALICE), END, number=number))
        memory.judge(task(number).id)
    assert [memory.find(task(number).id, 100.0) is not None for number in range(5)] == [
        *(False, False),
        *(True, True, True),
    ]
    assert not memory.is_judged(task(0).id)
    assert memory.is_judged(task(4).id)


def test_memory_fades():
    memory = Memory(for_s=10.0)
    memory.add(heard(by(ALICE), END, now=100.0))
    assert memory.find(task().id, 110.0) is not None
    assert memory.find(task().id, 110.1) is None
    assert memory.find(task().id, 100.0) is None


def test_forgetting():
    memory = Memory()
    for number in range(4):
        memory.add(heard(by(ALICE), END, number=number, now=100.0 + number))
    memory.forget(before=101.0)
    memory.forget(task=task(3).id)
    assert [memory.find(task(n).id, 104.0) is not None for n in range(4)] == [
        *(False, True, True, False),
    ]
    memory.forget()
    assert memory.find(task(1).id, 104.0) is None


def test_code_that_has_tests_may_be_long_but_is_not_remembered():
    long = "x" * (MAX_CHARACTERS + 1)
    plain = Listener(task(), 0.0)
    tested = Listener(msgspec.structs.replace(task(), tests="assert f()"), 0.0)
    for listener in (plain, tested):
        for step in (by(ALICE), Chunk(long), END):
            listener.take(step)
        assert listener.recollection(SUM, 1.0).text is None
    assert plain.text is None
    assert tested.text == long
    tested.take(Chunk("x" * MAX_CODE_CHARACTERS))
    assert tested.text is None
