"""The copies on this machine: bounded, the least used goes first, never what is in use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelnet.core.card import ModelCard
from modelnet.core.error import OverloadedError, StorageError
from modelnet.resource.copy.manifest import Manifest, digest_of, encode_manifest, manifest_of
from modelnet.resource.copy.store import Store

PIECE = 1 << 16
SIZE = 4 * PIECE
CARD = ModelCard(name="m", operations=("chat",), engine="llama.cpp", licence="MIT")


class File:
    """A file of this size, by its content."""

    def __init__(self, folder: Path, fill: int) -> None:
        self.content = bytes([fill]) * SIZE
        path = folder / f"source-{fill}"
        path.write_bytes(self.content)
        self.manifest: Manifest = manifest_of(path, PIECE)
        self.digest = digest_of(encode_manifest(self.manifest))


@pytest.fixture
def files(tmp_path: Path) -> list[File]:
    return [File(tmp_path, fill) for fill in range(1, 5)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Room for two of the files."""
    return Store(tmp_path / "copies", 2 * SIZE + PIECE)


def add(store: Store, file: File, used_at: float | None = None) -> None:
    arriving = store.begin(file.digest, file.manifest, CARD)
    try:
        for index in range(file.manifest.count):
            at = file.manifest.offset(index)
            arriving.part.put(index, file.content[at : at + PIECE])
        arriving.finish()
    finally:
        arriving.close()
    if used_at is not None:
        os.utime(store._folder / file.digest / "used", (used_at, used_at))


def digests(store: Store) -> set[str]:
    return {copy.digest for copy in store.copies()}


def test_a_copy_is_found_with_its_card(store, files):
    assert store.copies() == []
    add(store, files[0])
    copy = store.find(files[0].digest)
    assert copy is not None
    assert (copy.card, copy.manifest) == (CARD, files[0].manifest)
    assert copy.path.read_bytes() == files[0].content
    assert store.copies() == [copy]
    assert store.find(files[1].digest) is None


def test_what_is_not_whole_is_not_found(store, files):
    arriving = store.begin(files[0].digest, files[0].manifest, CARD)
    arriving.part.put(0, files[0].content[:PIECE])
    arriving.close()
    assert store.find(files[0].digest) is None
    again = store.begin(files[0].digest, files[0].manifest, CARD)
    assert again.part.here(0, 4) == [0]
    again.close()


def test_a_copy_that_was_cut_short_or_whose_manifest_changed_is_not_found(store, files):
    add(store, files[0])
    add(store, files[1])
    os.truncate(store._folder / files[0].digest / "model", 10)
    (store._folder / files[1].digest / "manifest").write_bytes(b"\x94")
    assert store.copies() == []


def test_the_least_recently_used_goes_first(store, files):
    add(store, files[0], used_at=2000)
    add(store, files[1], used_at=1000)
    add(store, files[2])
    assert digests(store) == {files[0].digest, files[2].digest}


def test_use_counts(store, files):
    add(store, files[0], used_at=1000)
    add(store, files[1], used_at=2000)
    lock = store.hold(files[0].digest)
    assert lock is not None
    lock.release()
    add(store, files[2])
    assert digests(store) == {files[0].digest, files[2].digest}


def test_what_is_in_use_stays_whatever_its_age(store, files):
    add(store, files[0], used_at=1000)
    add(store, files[1], used_at=2000)
    lock = store.hold(files[0].digest)
    os.utime(store._folder / files[0].digest / "used", (1000, 1000))
    add(store, files[2])
    assert digests(store) == {files[0].digest, files[2].digest}
    other = store.hold(files[2].digest)
    with pytest.raises(StorageError, match="copies_gb"):
        store.begin(files[3].digest, files[3].manifest, CARD)
    for held in (lock, other):
        held.release()
    add(store, files[3])
    assert files[3].digest in digests(store)


def test_what_can_never_fit_removes_nothing_in_vain(store, files, tmp_path):
    add(store, files[0])
    small = Store(tmp_path / "copies", SIZE // 2)
    with pytest.raises(StorageError, match="no room"):
        small.begin(files[1].digest, files[1].manifest, CARD)
    assert digests(store) == {files[0].digest}


def test_one_process_at_a_time_fetches_a_file(store, files):
    arriving = store.begin(files[0].digest, files[0].manifest, CARD)
    with pytest.raises(OverloadedError, match="Another process"):
        store.begin(files[0].digest, files[0].manifest, CARD)
    arriving.close()
    store.begin(files[0].digest, files[0].manifest, CARD).close()


def test_the_locks_of_a_killed_process_are_free_at_once(store, files):
    add(store, files[0], used_at=1000)
    script = (
        "import sys, time; from pathlib import Path\n"
        "from modelnet.resource.copy.store import Store\n"
        "lock = Store(Path(sys.argv[1]), 1).hold(sys.argv[2])\n"
        "print(lock is not None, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(store._folder), files[0].digest]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"True\n"
        add(store, files[1], used_at=2000)
        add(store, files[2])
        assert digests(store) == {files[0].digest, files[2].digest}
        process.kill()
    add(store, files[3])
    assert files[0].digest not in digests(store)


def test_nobody_else_can_read_it(store, files):
    add(store, files[0])
    folder = store._folder
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in folder.rglob("*")} == {0}


def test_what_is_gone_cannot_be_held(store, files):
    assert store.hold(files[0].digest) is None
    store.begin(files[0].digest, files[0].manifest, CARD).close()
    assert store.hold(files[0].digest) is None


def test_a_folder_that_cannot_be_made_is_named(tmp_path, files):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written"):
        Store(tmp_path / "file" / "copies", 1 << 30).begin(files[0].digest, files[0].manifest, CARD)


def test_strangers_in_the_folder_are_left_alone(store, files):
    add(store, files[0])
    (store._folder / "notes.txt").write_text("mine")
    add(store, files[1])
    add(store, files[2])
    assert (store._folder / "notes.txt").read_text() == "mine"


def test_what_may_remove_nothing_takes_only_what_is_free(store, files):
    add(store, files[0])
    store.begin(files[1].digest, files[1].manifest, CARD, may_remove=False).close()
    with pytest.raises(StorageError, match="no room"):
        store.begin(files[2].digest, files[2].manifest, CARD, may_remove=False)
    assert digests(store) == {files[0].digest}
