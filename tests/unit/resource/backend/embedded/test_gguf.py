"""Headers of GGUF files, whole and broken."""

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelnet.core.error import ModelFileError
from modelnet.resource.backend.embedded.gguf import read_header
from tests.conformance.tiny_gguf import VOCABULARY, write_tiny_gguf


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_tiny_gguf(tmp_path_factory.mktemp("gguf") / "whole.gguf").read_bytes()


def test_the_header_says_what_the_model_is(tmp_path: Path):
    header = read_header(write_tiny_gguf(tmp_path / "a.gguf", context_length=128))
    assert header.architecture == "llama"
    assert header.context_length == 128
    assert header.parameters > 10_000
    assert header.text("general.license") == "apache-2.0"
    assert header.text("no.such.key") == ""
    assert header.metadata["tokenizer.ggml.tokens"] == len(VOCABULARY)
    assert not header.is_embedder
    assert read_header(write_tiny_gguf(tmp_path / "b.gguf", is_embedder=True)).is_embedder


def refused(tmp_path: Path, raw: bytes) -> str:
    path = tmp_path / "broken.gguf"
    path.write_bytes(raw)
    with pytest.raises(ModelFileError) as caught:
        read_header(path)
    assert str(path) in caught.value.message
    return caught.value.message


def test_files_that_are_none(tmp_path: Path, whole: bytes):
    assert "empty" in refused(tmp_path, b"")
    assert "not a GGUF file" in refused(tmp_path, b"PK\x03\x04" + whole[4:])
    assert "version 9" in refused(tmp_path, whole[:4] + struct.pack("<I", 9) + whole[8:])
    with pytest.raises(ModelFileError, match="No such file"):
        read_header(tmp_path / "missing.gguf")
    with pytest.raises(ModelFileError, match="directory"):
        read_header(tmp_path)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path, whole: bytes, share):
    assert "download it again" in refused(tmp_path, whole[: int(len(whole) * share)])


def test_counts_beyond_reason_are_refused_at_once(tmp_path: Path, whole: bytes):
    assert "entries" in refused(tmp_path, whole[:8] + struct.pack("<Q", 1 << 60) + whole[16:])
    assert "entries" in refused(tmp_path, whole[:16] + struct.pack("<Q", 1 << 60) + whole[24:])


def test_what_llama_cpp_would_abort_on_is_refused(tmp_path: Path, whole: bytes):
    """Found by loading thousands of damaged files: each of these ended the process."""
    one, other = b"\x01\x00\x00\x00\x00\x00\x00\x00A", b"\x01\x00\x00\x00\x00\x00\x00\x00B"
    assert "tokens are the same" in refused(tmp_path, whole.replace(one, other, 1))
    key = b"layer_norm_rms_epsilon" + struct.pack("<I", 6)
    at = whole.index(key) + len(key)
    negative = whole[:at] + struct.pack("<f", -1.0) + whole[at + 4 :]
    assert "negative" in refused(tmp_path, negative)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=4))
def test_damage_never_raises_anything_else(tmp_path: Path, whole: bytes, damage):
    raw = bytearray(whole)
    for place, value in damage:
        raw[place] = value
    path = tmp_path / "damaged.gguf"
    path.write_bytes(raw)
    try:
        header = read_header(path)
    except ModelFileError:
        return
    assert header.architecture is not None
