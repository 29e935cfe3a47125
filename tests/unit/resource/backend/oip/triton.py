"""A server of the Open Inference Protocol written from its documents, without our codec.

It serves one model: `rows` FP32[-1, 2] and `word` BYTES[1] in; `sum` FP32[-1] and `loud` BYTES[1]
out.
"""

import json
from typing import Any

import numpy as np

from tests.conformance.bad_server import GONE, Received, Reply, answer

SPECS = {
    "inputs": [
        {"name": "rows", "datatype": "FP32", "shape": [-1, 2]},
        {"name": "word", "datatype": "BYTES", "shape": [1]},
    ],
    "outputs": [
        {"name": "sum", "datatype": "FP32", "shape": [-1]},
        {"name": "loud", "datatype": "BYTES", "shape": [1]},
    ],
}
LENGTH = "Inference-Header-Content-Length"


class Triton:
    """What the server says; tests change it."""

    def __init__(self, *, has_binary: bool = True) -> None:
        self.server: Any = {"name": "triton", "version": "2", "extensions": []}
        if has_binary:
            self.server["extensions"] = ["binary_tensor_data", "model_configuration"]
        self.metadata: Any = {"name": "add", "versions": ["1", "10", "9"], **SPECS}
        self.config: Any = {"max_batch_size": 0}
        self.index: Any = [{"name": "add", "version": "1", "state": "READY", "reason": ""}]
        self.ready = answer({"name": "add", "ready": True})
        self.tampered: dict[str, Any] = {}
        """What the response says otherwise than it should."""

    def __call__(self, asked: Received) -> Reply:
        if asked.path == "/v2":
            return answer(self.server)
        if asked.path == "/v2/repository/index":
            return GONE if self.index is None else answer(self.index)
        path = asked.path.removeprefix("/v2/models/add").removeprefix("/versions/9")
        known = {"/ready": self.ready, "": answer(self.metadata), "/config": answer(self.config)}
        if path == "/infer":
            return self._infer(asked)
        return known.get(path, answer({"error": f"no {asked.path}"}, status=400))

    def _infer(self, asked: Received) -> Reply:
        size = int(asked.headers.get(LENGTH.lower(), len(asked.body)))
        body, tail = json.loads(asked.body[:size]), asked.body[size:]
        given = {}
        for one in body["inputs"]:
            if "data" in one:
                given[one["name"]] = one["data"]
                continue
            end = one["parameters"]["binary_data_size"]
            given[one["name"]], tail = tail[:end], tail[end:]
        rows, word = given["rows"], given["word"]
        is_binary = isinstance(rows, bytes)
        numbers = np.frombuffer(rows, "<f4") if is_binary else np.array(rows, "<f4")
        sums = numbers.reshape(-1, 2).sum(1, dtype="<f4")
        loud = word[4:].upper() if is_binary else word[0].upper()
        outputs = [self._output("sum", "FP32", [len(sums)]), self._output("loud", "BYTES", [1])]
        if is_binary:
            raws = [sums.tobytes(), len(loud).to_bytes(4, "little") + loud]
        else:
            raws = [b"", b""]
            outputs[0]["data"], outputs[1]["data"] = sums.tolist(), [loud]
        return self._response(outputs, raws, [one["name"] for one in body.get("outputs", [])])

    def _output(self, name: str, datatype: str, shape: list[int]) -> dict[str, Any]:
        return {"name": name, "datatype": datatype, "shape": shape, **self.tampered}

    def _response(self, outputs: list[Any], raws: list[bytes], names: list[str]) -> Reply:
        pairs = [
            (output, raw)
            for output, raw in zip(outputs, raws, strict=True)
            if not names or output["name"] in names
        ]
        for output, raw in pairs:
            if raw:
                output["parameters"] = {"binary_data_size": len(raw)}
        told = json.dumps({"model_name": "add", "outputs": [one for one, _ in pairs]}).encode()
        tail = b"".join(raw for _, raw in pairs)
        headers = {LENGTH: str(len(told))} if tail else {}
        return answer(told + tail, headers=headers, media="octet-stream" if tail else "json")
