"""Pieces on the disk: only right ones, found again after a crash, and a full disk is named."""

import os
import resource
from pathlib import Path

import pytest

from modelnet.core.error import MalformedError, StorageError
from modelnet.resource.copy.manifest import manifest_of
from modelnet.resource.copy.part import Part

PIECE = 4096
CONTENT = b"".join(bytes([n]) * PIECE for n in range(1, 6)) + b"end"
PIECES = [CONTENT[at : at + PIECE] for at in range(0, len(CONTENT), PIECE)]


@pytest.fixture
def manifest(tmp_path: Path):
    (tmp_path / "file").write_bytes(CONTENT)
    return manifest_of(tmp_path / "file", PIECE)


@pytest.fixture
def open_part(tmp_path: Path, manifest):
    parts: list[Part] = []

    def start() -> Part:
        parts.append(Part(tmp_path / "part", tmp_path / "marks", manifest))
        return parts[-1]

    yield start
    for part in parts:
        part.close()


def test_a_whole_file_gets_its_name(open_part, tmp_path: Path):
    part = open_part()
    for index in (5, 3, 0, 1, 2, 4):
        part.put(index, PIECES[index])
    part.finish(tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == CONTENT
    assert (tmp_path / "model").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "part").exists()


def test_a_wrong_piece_is_not_written(open_part, tmp_path: Path):
    part = open_part()
    with pytest.raises(MalformedError, match="Piece 1"):
        part.put(1, PIECES[2])
    assert part.here(0, 9) == []
    assert PIECES[2] not in (tmp_path / "part").read_bytes()


def test_what_was_written_is_found_again(open_part):
    part = open_part()
    part.put(0, PIECES[0])
    part.put(5, memoryview(PIECES[5]))
    part.close()
    again = open_part()
    assert again.here(0, 9) == [0, 5]
    assert (again.here(0, 1), again.here(1, 4), again.here(4, 64)) == ([0], [], [5])


def test_a_torn_piece_is_noticed(open_part, tmp_path: Path):
    part = open_part()
    for index in (0, 1, 2):
        part.put(index, PIECES[index])
    part.close()
    with (tmp_path / "part").open("r+b") as file:
        file.seek(PIECE + 100)
        file.write(b"\xff")
    again = open_part()
    assert again.here(0, 9) == [0, 2]
    again.put(1, PIECES[1])
    assert again.here(0, 9) == [0, 1, 2]


def test_a_mark_without_its_piece_counts_nothing(open_part, tmp_path: Path):
    """After a power failure the marks may be on the disk and the pieces not."""
    open_part().close()
    (tmp_path / "marks").write_bytes(b"\1" * 6)
    assert open_part().here(0, 9) == []


def test_marks_that_are_garbage_do_no_harm(open_part, tmp_path: Path):
    open_part().put(2, PIECES[2])
    (tmp_path / "marks").write_bytes(os.urandom(4000).replace(b"\0", b"\1"))
    assert open_part().here(0, 9) == [2]


def test_a_file_cut_short_is_made_whole_again(open_part, tmp_path: Path):
    part = open_part()
    part.put(5, PIECES[5])
    part.close()
    os.truncate(tmp_path / "part", 10)
    assert open_part().here(0, 9) == []


def test_a_full_disk_is_named(open_part):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        with pytest.raises(StorageError, match="free some space"):
            open_part()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_folder_that_is_gone_is_named(tmp_path: Path, manifest):
    with pytest.raises(StorageError, match="cannot be written"):
        Part(tmp_path / "no" / "part", tmp_path / "no" / "marks", manifest)
