"""Reading the headers of safetensors files: how many weights there are, and whether all are there.

Format: https://github.com/huggingface/safetensors#format. Nothing here needs torch.
"""

import math
from pathlib import Path
from typing import Annotated, Any

import msgspec

from modelnet.core.error import ModelFileError

ONE_FILE = "model.safetensors"
INDEX = "model.safetensors.index.json"

_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 100_000_000
_METADATA = "__metadata__"
_ITEM_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "U16": 16, "I16": 16, "F16": 16,
    "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64, "C64": 64,
}  # fmt: skip

_Size = Annotated[int, msgspec.Meta(ge=0)]


class _Tensor(msgspec.Struct):
    dtype: str
    shape: list[_Size]
    data_offsets: tuple[_Size, _Size]


class _Index(msgspec.Struct):
    weight_map: dict[str, str]


def count_weights(folder: Path) -> int:
    """Return the number of weights in a folder, having checked that every file is whole.

    Raises:
        ModelFileError: there are none, they are pickled, or a file is missing or corrupt.
    """
    return sum(_count(path) for path in weight_files(folder))


def weight_files(folder: Path) -> list[Path]:
    """Return the files that hold the weights.

    Raises:
        ModelFileError: there are none, or only pickled ones, or their index is corrupt.
    """
    if (folder / INDEX).is_file():
        return [folder / name for name in sorted(_indexed(folder / INDEX))]
    if (folder / ONE_FILE).is_file():
        return [folder / ONE_FILE]
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt*")):
        raise ModelFileError(
            f"{folder} holds pickled weights, which may run any code as they are loaded; "
            "convert them to safetensors."
        )
    raise ModelFileError(f"{folder} holds no {ONE_FILE}; download the whole model.")


def _indexed(path: Path) -> set[str]:
    try:
        names = set(msgspec.json.decode(path.read_bytes(), type=_Index).weight_map.values())
    except (msgspec.DecodeError, OSError) as error:
        raise _corrupt(path, "it lists no files") from error
    if not names or any(Path(name).name != name for name in names):
        raise _corrupt(path, "it lists files that cannot be")
    return names


def _count(path: Path) -> int:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            if length > min(_MAX_HEADER_BYTES, size - _LENGTH_BYTES):
                raise _corrupt(path, "it ends within its header")
            header = file.read(length)
    except OSError as error:
        raise ModelFileError(
            f"{path} cannot be read ({error.strerror}); download the whole model."
        ) from error
    return _count_in(path, header, size - _LENGTH_BYTES - length)


def _count_in(path: Path, header: bytes, room: int) -> int:
    try:
        entries = msgspec.json.decode(header, type=dict[str, Any])
        entries.pop(_METADATA, None)
        tensors = [msgspec.convert(entry, _Tensor) for entry in entries.values()]
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise _corrupt(path, "its header is not what safetensors has") from error
    if any(not _fits(tensor, room) for tensor in tensors):
        raise _corrupt(path, "weights are missing at its end")
    return sum(math.prod(tensor.shape) for tensor in tensors)


def _fits(tensor: _Tensor, room: int) -> bool:
    begin, end = tensor.data_offsets
    # A type that is newer than this table is the library's to judge.
    bits = _ITEM_BITS.get(tensor.dtype)
    due = None if bits is None else math.prod(tensor.shape) * bits // 8
    return begin <= end <= room and due in {None, end - begin}


def _corrupt(path: Path, what: str) -> ModelFileError:
    return ModelFileError(f"{path} is corrupt: {what}; download it again.")
