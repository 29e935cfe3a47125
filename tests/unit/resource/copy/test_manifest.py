"""A file by its content: what is not that file is told from it."""

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.error import MalformedError, ModelFileError
from modelnet.resource.copy.manifest import (
    Manifest,
    digest_of,
    encode_manifest,
    hashing,
    manifest_of,
    read_manifest,
)

PIECES = [b"aaaa", b"bbbb", b"cc"]


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"".join(PIECES))
    return manifest_of(path, piece_bytes=4)


def test_a_file_is_cut_into_pieces(manifest):
    hashes = b"".join(hashlib.sha256(piece).digest() for piece in PIECES)
    assert manifest == Manifest(1, 10, 4, hashes)
    assert [manifest.size_of(index) for index in range(manifest.count)] == [4, 4, 2]
    assert [manifest.offset(index) for index in range(manifest.count)] == [0, 4, 8]


def test_its_bytes_and_its_name_are_pinned(manifest):
    encoded = encode_manifest(manifest)
    assert encoded[:5] == b"\x94\x01\x0a\x04\xc4"
    assert digest_of(encoded) == "5ec5c9d380f93fcf9732f0f4fd71546b7d7d906a675f363cfe1dadc18acb21a1"


def test_only_the_right_bytes_are_a_piece(manifest):
    assert all(manifest.is_piece(index, piece) for index, piece in enumerate(PIECES))
    assert not manifest.is_piece(0, b"aaab")
    assert not manifest.is_piece(0, b"aaaaa")
    assert not manifest.is_piece(2, b"c")
    assert not manifest.is_piece(1, PIECES[0])


def test_it_comes_back(manifest):
    encoded = encode_manifest(manifest)
    assert read_manifest(encoded, digest_of(encoded)) == manifest


def test_another_s_manifest_is_refused(manifest):
    encoded = encode_manifest(manifest)
    with pytest.raises(MalformedError, match="another file"):
        read_manifest(encoded, "0" * 64)


@pytest.mark.parametrize(
    "wrong",
    [
        [1, 10, 4, b"\0" * 64],
        [1, 10, 4, b"\0" * 97],
        [1, 0, 4, b""],
        [1, 10, 0, b""],
        [1, 1 << 62, 1, b"\0" * 32],
        [1, 10, 1 << 40, b"\0" * 32],
        [2, 10, 4, b"\0" * 96],
        [1, -10, 4, b""],
        ["1", 10, 4, b"\0" * 96],
        {},
    ],
)
def test_one_that_makes_no_sense_is_refused_even_under_its_own_name(wrong):
    encoded = msgspec.msgpack.encode(wrong)
    with pytest.raises(MalformedError):
        read_manifest(encoded, digest_of(encoded))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_by_name(data):
    with pytest.raises(MalformedError):
        read_manifest(b"\xc1" + data, digest_of(b"\xc1" + data))


def test_files_that_are_none_are_named(tmp_path):
    with pytest.raises(ModelFileError, match="cannot be read"):
        manifest_of(tmp_path / "missing")
    (tmp_path / "empty").touch()
    with pytest.raises(ModelFileError, match="empty"):
        manifest_of(tmp_path / "empty")


def test_hashing_a_large_file_can_be_stopped_in_between(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(130 * 4))
    steps = list(hashing(path, piece_bytes=4))
    assert steps[:-1] == [None, None]
    assert steps[-1] == manifest_of(path, piece_bytes=4)
