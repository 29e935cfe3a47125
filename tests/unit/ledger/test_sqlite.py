"""The file of outcomes: killed, damaged, read-only, deleted from."""

import logging
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs

from modelnet.core.error import StorageError
from modelnet.core.identity import NodeId, RequestId
from modelnet.ledger.database import SIDES, Database
from modelnet.ledger.outcome import Entry
from modelnet.ledger.sqlite import FILE, MAX_WAITING, SqliteStore

pytestmark = pytest.mark.anyio


def entry(number: int, model: str = "zoo:calc") -> Entry:
    return Entry(
        task=RequestId(f"{number:032x}"), at=float(number), kind="arithmetic",
        node=NodeId("did:key:z6MkAlice"), model=model, verdict=1.0, source="user",
    )  # fmt: skip


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / FILE


async def kept(path: Path) -> list[float]:
    store = SqliteStore(path)
    try:
        return [one.at for one in await store.recent(100_000)]
    finally:
        await store.close()


async def keep(path: Path, *entries: Entry) -> None:
    store = SqliteStore(path)
    for one in entries:
        store.add(one)
    await store.close()


async def test_entries_outlive_the_store(path):
    await keep(path, entry(1), entry(2))
    assert await kept(path) == [1.0, 2.0]


async def test_only_its_owner_may_read_the_file(path):
    store = SqliteStore(path)
    store.add(entry(1))
    await store.recent(1)
    for side in SIDES:
        mode = Path(f"{path}{side}").stat().st_mode  # noqa: ASYNC240
        assert stat.S_IMODE(mode) == 0o600
    await store.close()


KILLED = """
import asyncio, sys
from pathlib import Path
from modelnet.ledger.sqlite import SqliteStore
from modelnet.ledger.outcome import Entry
async def main():
    store = SqliteStore(Path(sys.argv[1]))
    number = 0
    while True:
        store.add(Entry(task=f"{number:032x}", at=number, kind="k", node="n", model="m",
                        verdict=1.0, source="user"))
        number += 1
        if number % 100 == 0:
            await store.recent(1)
            print(number, flush=True)
asyncio.run(main())
"""


@pytest.mark.live
async def test_what_was_written_outlives_sigkill(path):
    with subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        told = [int(process.stdout.readline()) for _ in range(5)][-1]
        process.send_signal(signal.SIGKILL)
        told = max([told, *map(int, process.stdout.read().split())])
    found = await kept(path)
    assert found == [float(number) for number in range(len(found))]
    assert len(found) >= told


@pytest.mark.parametrize("content", [b"not a database", b"SQLite format 3\x00" + b"\xff" * 4096])
async def test_a_file_that_is_no_database_is_set_aside(path, caplog, content):
    path.write_bytes(content)
    await keep(path, entry(1))
    assert await kept(path) == [1.0]
    assert path.with_name(f"{FILE}.damaged").read_bytes() == content
    assert "set aside" in caplog.text


async def test_damage_in_the_middle_is_found_while_it_runs(path, caplog):
    await keep(path, *(entry(number) for number in range(2000)))
    whole = path.read_bytes()
    store = SqliteStore(path)
    await store.recent(1)
    # Every page but the first: the tables are gone, and the connection is open.
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (len(whole) - 4096))
    with pytest.raises(StorageError):
        await store.recent(2000)
    store.add(entry(1))
    assert [one.at for one in await store.recent(10)] == [1.0]
    await store.close()
    assert "set aside" in caplog.text


async def test_a_file_of_a_later_version_is_set_aside_not_spoilt(path, caplog):
    await keep(path, entry(1))
    with sqlite3.connect(path) as later:
        later.execute("PRAGMA user_version = 2")
    later.close()
    assert await kept(path) == []
    assert "newer" in caplog.text
    aside = sqlite3.connect(f"{path}.damaged")
    assert aside.execute("SELECT count(*) FROM outcome").fetchone() == (1,)
    aside.close()


async def test_a_table_of_another_shape_is_set_aside(path):
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE outcome (task TEXT)")
    other.close()
    await keep(path, entry(1))
    assert await kept(path) == [1.0]


async def test_rows_that_make_no_sense_are_passed_over(path):
    await keep(path, entry(1), entry(2), entry(3))
    with sqlite3.connect(path) as edited:
        edited.execute("UPDATE outcome SET verdict = 7 WHERE at = 1")
        edited.execute("UPDATE outcome SET source = 'hearsay' WHERE at = 2")
    edited.close()
    assert await kept(path) == [3.0]


async def test_without_a_place_to_write_the_node_goes_on(tmp_path, caplog):
    store = SqliteStore(tmp_path / "missing" / FILE)
    store.add(entry(1))
    assert [one.at for one in await store.recent(1)] == [1.0]
    await store.close()
    assert "not kept" in caplog.text


async def test_a_folder_in_its_place(path, caplog):
    path.mkdir()
    store = SqliteStore(path)
    store.add(entry(1))
    assert [one.at for one in await store.recent(1)] == [1.0]
    await store.close()
    assert path.is_dir()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
async def test_a_file_that_may_not_be_written(path):
    await keep(path, entry(1))
    path.chmod(0o400)
    store = SqliteStore(path)
    store.add(entry(2))
    assert [one.at for one in await store.recent(1)] == [2.0]
    await store.close()


async def test_what_is_deleted_is_in_no_file(path):
    store = SqliteStore(path)
    for number in range(500):
        store.add(entry(number, model=f"secret-model-{number}"))
    assert await store.delete(before=400.0) == 400
    left = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"secret-model-399" not in left
    assert b"secret-model-400" in left
    assert await store.delete() == 100
    left = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"secret-model" not in left
    await store.close()


async def test_a_number_that_is_none_is_dropped_alone(path):
    nan = Entry(
        task=RequestId("9"), at=9.0, kind="k", node=NodeId("n"), model="m", verdict=float("nan"),
        source="user",
    )  # fmt: skip
    await keep(path, entry(1), nan, entry(2))
    assert await kept(path) == [1.0, 2.0]


@pytest.mark.parametrize("broken", [{"tokens": 2**64}, {"model": "\ud800"}])
async def test_what_sqlite_has_no_room_for_is_dropped_alone(path, broken):
    store = SqliteStore(path)
    store.add(entry(1))
    store.add(structs.replace(entry(2), **broken))
    store.add(entry(3))
    assert [one.at for one in await store.recent(10)] == [1.0, 3.0]
    await store.close()


async def test_a_disk_that_hangs_fills_no_memory(path, caplog):
    await keep(path, entry(0))
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    store = SqliteStore(path)
    for number in range(3 * MAX_WAITING):
        store.add(entry(number))
    assert store._jobs.qsize() <= MAX_WAITING
    holder.close()
    await store.close()
    assert len(await kept(path)) >= MAX_WAITING
    assert caplog.text.count("too slow") == 1


def test_the_file_stays_bounded(path):
    sizes = []
    for start in range(0, 10_000, 1000):
        database = Database.open(path, 500)
        for first in range(start, start + 1000, 100):
            database.add([entry(number) for number in range(first, first + 100)])
        database.close()
        sizes.append(path.stat().st_size)
    assert sizes[-1] <= 1.2 * sizes[1]


def test_a_full_disk_loses_entries_and_nothing_else(path, caplog):
    caplog.set_level(logging.WARNING)
    database = Database.open(path, 10_000)
    database.add([entry(1)])
    database._connection.execute("PRAGMA max_page_count = 10")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        database.add([entry(number) for number in range(5000)])
    database._connection.execute("PRAGMA max_page_count = 100000")
    database.add([entry(2)])
    assert [one.at for one in database.recent(10)] == [1.0, 2.0]
    database.close()
