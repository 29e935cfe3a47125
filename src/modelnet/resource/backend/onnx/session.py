"""A graph loaded by ONNX Runtime: named arrays in, named arrays out, from any thread."""

import ctypes
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from modelnet.core.error import EngineError, InvalidRequestError, ModelFileError, SettingsError
from modelnet.core.tensor import ANY, Datatype, TensorSpec
from modelnet.resource.backend.batching import Abandonment
from modelnet.resource.backend.typed.array import Array, Arrays

PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
"""Where a graph runs, best first; those that this build of ONNX Runtime has are used."""

_SILENT = 4
"""The log level at which ONNX Runtime only tells that the process ends: failures are raised too."""

_DATATYPES: dict[str, Datatype] = {
    "bool": "BOOL", "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32", "uint64": "UINT64",
    "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64",
    "float16": "FP16", "bfloat16": "BF16", "float": "FP32", "double": "FP64", "string": "BYTES",
}  # fmt: skip
_BFLOAT16 = 16
"""Its number among the element types of ONNX."""

_log = logging.getLogger(__name__)


class Session:
    """A loaded graph. `run` blocks and may be called from many threads at once."""

    def __init__(self, path: Path, *, threads: int, providers: Sequence[str] = PROVIDERS) -> None:
        """Load a graph.

        Args:
            path: its file.
            threads: cores for one run.
            providers: where it may run, best first; those that are here are used.

        Raises:
            SettingsError: ONNX Runtime is not installed.
            ModelFileError: the file is missing, corrupt, or of a kind that this version lacks.
        """
        self._runtime = _import_runtime()
        self._failures = _failures(self._runtime)
        try:
            self._session = self._load(path, threads, providers)
            self.inputs = self._specs(path, self._session.get_inputs(), is_needed=True)
            self.outputs = self._specs(path, self._session.get_outputs(), is_needed=False)
            about = self._session.get_modelmeta()
            self.metadata: Mapping[str, str] = about.custom_metadata_map
            self.description: str = about.description or about.graph_description
        except self._failures as error:
            raise ModelFileError(
                f"ONNX Runtime cannot load {path} ({_said(error)}); check that it is a whole graph."
            ) from error
        if not self.inputs or not self.outputs:
            raise ModelFileError(f"{path} takes or gives no tensors; export another graph.")
        self._has_bfloat16 = any(s.datatype == "BF16" for s in (*self.inputs, *self.outputs))

    def run(self, arrays: Arrays, outputs: Sequence[str], abandonment: Abandonment) -> Arrays:
        """Return the named outputs; an abandoned run ends before its next node.

        Raises:
            InvalidRequestError: the graph refuses the inputs.
            EngineError: the graph failed.
        """
        options = self._runtime.RunOptions()
        options.log_severity_level = _SILENT
        abandonment.on(lambda: setattr(options, "terminate", True))
        feed = {name: _fed(name, array) for name, array in arrays.items()}
        try:
            if self._has_bfloat16:
                return self._run_values(feed, outputs, options)
            return dict(
                zip(outputs, self._session.run([*outputs], feed, options), strict=True),
            )
        except self._runtime.capi.onnxruntime_pybind11_state.InvalidArgument as error:
            raise InvalidRequestError(
                f"The graph refuses these tensors: {_said(error)}."
            ) from error
        except self._failures as error:
            raise EngineError(f"ONNX Runtime failed: {_said(error)}; ask another model.") from error

    def _load(self, path: Path, threads: int, wanted: Sequence[str]) -> Any:
        options = self._runtime.SessionOptions()
        options.log_severity_level = _SILENT
        options.intra_op_num_threads = threads
        # A thread that spins while it waits is quicker by microseconds, and takes a core for it.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        has = self._runtime.get_available_providers()
        providers = [provider for provider in wanted if provider in has]
        # Its own way of falling back prints on the screen.
        make = partial(self._runtime.InferenceSession, str(path), options, enable_fallback=False)
        try:
            return make(providers=providers)
        except self._failures as error:
            if len(providers) == 1:
                raise
            _log.warning("%s does not run on %s: %s", path, providers[0], _said(error))
            return make(providers=providers[-1:])

    def _specs(self, path: Path, told: Sequence[Any], *, is_needed: bool) -> tuple[TensorSpec, ...]:
        specs: list[TensorSpec] = []
        for one in told:
            datatype = _DATATYPES.get(one.type.removeprefix("tensor(").removesuffix(")"))
            if datatype is not None:
                shape = (size if isinstance(size, int) else ANY for size in one.shape)
                specs.append(TensorSpec(one.name, datatype, tuple(shape)))
            elif is_needed:
                raise ModelFileError(f"{path} takes {one.name!r} as {one.type}; export it anew.")
            else:
                _log.warning("%s gives %r as %s, which no tensor is", path, one.name, one.type)
        return tuple(specs)

    def _run_values(self, feed: Arrays, outputs: Sequence[str], options: Any) -> Arrays:
        """Run where numpy lacks a type: `BF16` go in and come out as the bits they are."""
        types = {spec.name: spec.datatype for spec in (*self.inputs, *self.outputs)}
        make = self._runtime.OrtValue
        values = {
            name: make.ortvalue_from_numpy_with_onnx_type(array, _BFLOAT16)
            if types[name] == "BF16"
            else make.ortvalue_from_numpy(array)
            for name, array in feed.items()
        }
        made = self._session.run_with_ort_values([*outputs], values, options)
        return {
            name: _bits(value) if types[name] == "BF16" else value.numpy()
            for name, value in zip(outputs, made, strict=True)
        }


def _import_runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise SettingsError(
            "ONNX Runtime is not installed; run: pip install 'ai-modelnet[onnx]'."
        ) from error
    return onnxruntime


def _failures(runtime: Any) -> tuple[type[Exception], ...]:
    """Return what ONNX Runtime raises: its errors have no ancestor of their own."""
    state = runtime.capi.onnxruntime_pybind11_state
    known = (getattr(state, name) for name in dir(state))
    own = (one for one in known if isinstance(one, type) and issubclass(one, Exception))
    return (*own, RuntimeError, ValueError)


def _fed(name: str, array: Array) -> Array:
    """Return an array as ONNX Runtime takes it: its strings are text."""
    if array.dtype.kind != "O":
        return array
    import numpy as np

    texts = np.empty(array.shape, object)
    try:
        texts.ravel()[:] = [item.decode() for item in array.ravel()]
    except UnicodeDecodeError as error:
        raise InvalidRequestError(
            f"The strings of {name!r} are not UTF-8; encode them so."
        ) from error
    return texts


def _bits(value: Any) -> Array:
    """Return a copy of a `BF16` value in the processor's memory, as the bits of its elements."""
    import numpy as np

    shape = tuple(value.shape())
    count = int(np.prod(shape))
    raw = ctypes.string_at(value.data_ptr(), 2 * count)
    return np.frombuffer(raw, np.uint16).reshape(shape)


def _said(error: Exception) -> str:
    """Return the words of ONNX Runtime without its code, and its full stop."""
    return str(error).rpartition(" : ")[2].strip().rstrip(".")
