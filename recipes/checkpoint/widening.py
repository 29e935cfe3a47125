"""Rewrite a GGUF file in full precision, so that llama.cpp multiplies the very numbers others do.

With 8-bit weights llama.cpp rounds what it multiplies them with to 8 bits as well.
"""

from pathlib import Path

import gguf
import numpy as np

_WRITTEN_BY_THE_WRITER = {"general.architecture", "general.file_type"}


def widen(source: Path, path: Path) -> Path:
    """Write `source` to `path` with every weight in FP32, and return the path."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(path, reader.fields["general.architecture"].contents())
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    for name, field in reader.fields.items():
        if not name.startswith("GGUF.") and name not in _WRITTEN_BY_THE_WRITER:
            _copy(writer, field)
    for tensor in reader.tensors:
        weight = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        writer.add_tensor(tensor.name, np.ascontiguousarray(weight, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _copy(writer: gguf.GGUFWriter, field: gguf.ReaderField) -> None:
    kind, *items = field.types
    writer.add_key_value(field.name, field.contents(), kind, items[0] if items else None)
