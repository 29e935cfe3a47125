"""What can be handed on, and that no file is hashed twice for nothing."""

import os
from pathlib import Path

import pytest

from modelnet.core.error import ModelFileError, UnknownModelError
from modelnet.resource.copy.giving import open_held
from modelnet.resource.copy.shelf import Shelf, held_as


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "hashed")


def test_a_file_is_known_once_it_was_hashed(shelf, path, tmp_path):
    assert shelf.known(path) is None
    held = shelf.hash(path)
    assert shelf.known(path) == held
    assert Shelf(tmp_path / "hashed").known(path) == held


def test_a_changed_file_is_another(shelf, path):
    before = shelf.hash(path)
    path.write_bytes(b"changed")
    os.utime(path, ns=(0, before.fingerprint.changed_ns + 1))
    assert shelf.known(path) is None
    assert shelf.hash(path).digest != before.digest


def test_an_index_that_is_garbage_only_costs_time(shelf, path, tmp_path):
    digest = shelf.hash(path).digest
    (tmp_path / "hashed" / "hashed.json").write_bytes(b"\xff{")
    assert shelf.known(path) is None
    assert shelf.hash(path).digest == digest
    (tmp_path / "hashed" / digest).write_bytes(b"other")
    assert shelf.known(path) is None


def test_only_what_was_put_there_is_handed_on(shelf, path):
    held = shelf.hash(path)
    with pytest.raises(UnknownModelError):
        shelf.get(held.digest)
    shelf.put(held)
    assert shelf.get(held.digest) == held
    shelf.remove(held.digest)
    with pytest.raises(UnknownModelError):
        shelf.get(held.digest)


def test_a_file_changed_behind_our_back_is_not_sent(shelf, path):
    held = shelf.hash(path)
    path.write_bytes(b"something longer")
    with pytest.raises(UnknownModelError, match="changed"):
        open_held(held)
    path.unlink()
    with pytest.raises(ModelFileError, match="no longer") as raised:
        open_held(held)
    assert str(path) not in str(raised.value)


def test_a_copy_needs_no_hashing(shelf, path):
    held = shelf.hash(path)
    assert held_as(path, held.manifest) == held
    with pytest.raises(OSError, match="missing"):
        held_as(path.with_name("missing"), held.manifest)


def test_a_missing_file_is_named(shelf, tmp_path):
    with pytest.raises(ModelFileError, match="cannot be read"):
        shelf.hash(tmp_path / "missing")
