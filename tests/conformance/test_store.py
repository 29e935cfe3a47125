"""What every store of outcomes promises."""

from contextlib import aclosing

import anyio
import pytest

from modelnet.core.error import StorageError
from modelnet.core.identity import NodeId, RequestId
from modelnet.ledger.memory import MemoryStore
from modelnet.ledger.outcome import Entry
from modelnet.ledger.sqlite import FILE, SqliteStore
from modelnet.ledger.store import LIMIT, Store

pytestmark = pytest.mark.anyio

NODE = NodeId("did:key:z6MkAlice")


def entry(number: int, **changes) -> Entry:
    told = {"verdict": 1.0, "source": "user", "kind": "arithmetic", "model": "zoo:calc"}
    return Entry(
        **{
            "task": RequestId(f"{number:032x}"),
            "at": float(number),
            "node": NODE,
            **told,
            **changes,
        }
    )


@pytest.fixture(params=["memory", "sqlite"])
def make(request, tmp_path):
    if request.param == "memory":
        return lambda limit=LIMIT: MemoryStore(limit)
    return lambda limit=LIMIT: SqliteStore(tmp_path / FILE, limit)


@pytest.fixture
async def store(make):
    store = make()
    yield store
    await store.close()


async def exported(store: Store) -> list[Entry]:
    async with aclosing(store.export()) as entries:
        return [entry async for entry in entries]


async def test_an_empty_store(store):
    assert await store.recent(10) == ()
    assert await exported(store) == []
    assert await store.delete() == 0


async def test_every_field_comes_back(store):
    whole = entry(
        1, operation="complete", verdict=0.25, source="verifier", weight=0.5, latency_s=0.125,
        tokens=7, cost_usd=0.002, embedding=b"\x00\x3c" * 384,
    )  # fmt: skip
    store.add(whole)
    assert await store.recent(1) == (whole,)


async def test_what_was_added_is_there_at_once_and_in_order(store):
    entries = [entry(number) for number in range(600)]
    for one in entries:
        store.add(one)
    assert await exported(store) == entries
    assert await store.recent(3) == tuple(entries[-3:])
    assert await store.recent(0) == ()
    assert len(await store.recent(10_000)) == 600


async def test_the_same_verdict_is_kept_once(store):
    store.add(entry(1))
    store.add(entry(1, verdict=0.0))
    store.add(entry(1, source="verifier"))
    store.add(entry(1, model="zoo:facts"))
    assert [(e.verdict, e.source, e.model) for e in await exported(store)] == [
        (1.0, "user", "zoo:calc"),
        (1.0, "verifier", "zoo:calc"),
        (1.0, "user", "zoo:facts"),
    ]


async def test_the_oldest_go_first(make):
    store = make(limit=10)
    for number in range(25):
        store.add(entry(number))
    assert [e.at for e in await exported(store)] == [float(n) for n in range(15, 25)]
    await store.delete(task=entry(20).task)
    store.add(entry(30))
    store.add(entry(31))
    assert [e.at for e in await exported(store)][:2] == [16.0, 17.0]
    await store.close()


async def test_deleting_some(store):
    for number in range(10):
        store.add(entry(number))
    assert await store.delete(before=3.0) == 3
    assert await store.delete(task=entry(5).task) == 1
    assert await store.delete(task=RequestId("unknown")) == 0
    assert await store.delete(before=8.0, task=entry(9).task) == 0
    assert [e.at for e in await exported(store)] == [3.0, 4.0, 6.0, 7.0, 8.0, 9.0]
    store.add(entry(5))
    assert len(await exported(store)) == 7
    assert await store.delete() == 7


async def test_an_export_goes_on_while_others_delete_and_add(store):
    for number in range(1000):
        store.add(entry(number))
    seen = []
    async with aclosing(store.export()) as entries:
        async for one in entries:
            seen.append(one.at)
            if len(seen) == 300:
                await store.delete(before=900.0)
    assert seen == sorted(set(seen))
    assert len(seen) >= 400


async def test_several_ask_at_once(store):
    async def one(number: int) -> None:
        store.add(entry(number))
        assert entry(number) in await exported(store)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(one, number)


async def test_one_who_leaves_takes_nothing_with_it(store):
    store.add(entry(1))
    with anyio.CancelScope() as scope:
        scope.cancel()
        await store.recent(1)
    assert await store.recent(1) == (entry(1),)


async def test_closed(store):
    await store.close()
    await store.close()
    store.add(entry(1))
    with pytest.raises(StorageError):
        await store.recent(1)
    with pytest.raises(StorageError):
        await exported(store)
    with pytest.raises(StorageError):
        await store.delete()
