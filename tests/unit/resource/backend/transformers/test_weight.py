"""Headers of safetensors files: counted, and believed only where the file bears them out."""

import json
from pathlib import Path

import pytest

from modelnet.core.error import ModelFileError
from modelnet.resource.backend.transformers.weight import count_weights, weight_files


def safetensors(tensors: dict[str, tuple[str, list[int], list[int]]], data: bytes) -> bytes:
    entries = {
        name: {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        for name, (dtype, shape, offsets) in tensors.items()
    }
    header = json.dumps({"__metadata__": {"format": "pt"}} | entries).encode()
    return len(header).to_bytes(8, "little") + header + data


GOOD = safetensors({"a": ("F32", [2, 3], [0, 24]), "b": ("BF16", [4], [24, 32])}, bytes(32))


def folder_with(tmp_path: Path, **files: bytes) -> Path:
    for name, data in files.items():
        (tmp_path / name.replace("__", ".").replace("_of_", "-of-")).write_bytes(data)
    return tmp_path


def test_weights_are_counted(tmp_path: Path):
    assert count_weights(folder_with(tmp_path, model__safetensors=GOOD)) == 10


def test_weights_in_several_files_are_counted(tmp_path: Path):
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    folder_with(tmp_path, one__safetensors=GOOD, two__safetensors=GOOD)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert count_weights(tmp_path) == 20


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"1234567",
        GOOD[:4],
        GOOD[:30],
        GOOD[:-1],
        (1 << 63).to_bytes(8, "little") + GOOD[8:],
        (2).to_bytes(8, "little") + b"[]",
        (4).to_bytes(8, "little") + b"nope",
        (4).to_bytes(8, "little") + b"\xff\xff\xff\xff",
        safetensors({"a": ("F32", [2], [8, 0])}, bytes(8)),
        safetensors({"a": ("F32", [2], [0, 4])}, bytes(8)),
        safetensors({"a": ("F32", [-2], [0, 8])}, bytes(8)),
        safetensors({"a": ("F32", [2], [0, 1 << 62])}, bytes(8)),
        (2000).to_bytes(8, "little") + b"[" * 2000,
    ],
    ids=range(14),
)
def test_a_corrupt_file_is_refused(tmp_path: Path, data: bytes):
    with pytest.raises(ModelFileError, match="corrupt"):
        count_weights(folder_with(tmp_path, model__safetensors=data))


def test_a_type_we_do_not_know_is_left_to_the_library(tmp_path: Path):
    data = safetensors({"a": ("F6_NEW", [3], [0, 2])}, bytes(2))
    assert count_weights(folder_with(tmp_path, model__safetensors=data)) == 3


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth"])
def test_pickled_weights_are_refused(tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(b"\x80\x04.")
    with pytest.raises(ModelFileError, match="pickled"):
        weight_files(tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path: Path):
    with pytest.raises(ModelFileError, match="holds no"):
        weight_files(tmp_path)


def test_a_file_that_the_index_names_and_nobody_has_is_refused(tmp_path: Path):
    index = {"weight_map": {"a": "one.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelFileError, match="cannot be read"):
        count_weights(tmp_path)


@pytest.mark.parametrize(
    "index", ["", "[]", "{}", '{"weight_map": {}}', '{"weight_map": {"a": "../b.safetensors"}}']
)
def test_an_index_that_makes_no_sense_is_refused(tmp_path: Path, index: str):
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ModelFileError, match="corrupt"):
        weight_files(tmp_path)
