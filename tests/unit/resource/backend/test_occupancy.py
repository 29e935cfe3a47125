"""Slots of llama.cpp, metrics of vLLM and SGLang: how busy they say they are."""

from typing import Any

import pytest

from modelnet.core.error import EngineError
from modelnet.core.load import EngineLoad
from modelnet.resource.backend.occupancy import MAX_TOLD, read_metrics, read_slots

VLLM = b"""\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="Qwen/Qwen3-8B"} 3.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="Qwen/Qwen3-8B"} 12.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="Qwen/Qwen3-8B",reason="capacity"} 12.0
vllm:num_requests_swapped{engine="0",model_name="Qwen/Qwen3-8B"} 5.0
vllm:request_success_total{finished_reason="stop",model_name="Qwen/Qwen3-8B"} 1.3e+06
"""
SGLANG = b"""\
# TYPE sglang:num_running_reqs gauge
sglang:num_running_reqs{model_name="meta-llama/Llama-3.1-8B-Instruct"} 162.0
# TYPE sglang:num_queue_reqs gauge
sglang:num_queue_reqs{model_name="meta-llama/Llama-3.1-8B-Instruct"} 2826.0
sglang:num_grammar_queue_reqs{model_name="meta-llama/Llama-3.1-8B-Instruct"} 7.0
"""


def slot(*, is_processing: bool) -> dict[str, Any]:
    return {"id": 0, "n_ctx": 256, "is_processing": is_processing, "params": {"n_probs": 0}}


def test_busy_slots_are_counted():
    told = [slot(is_processing=busy) for busy in (True, False, True)]
    assert read_slots("m", told) == EngineLoad(2, 0, 3)


@pytest.mark.parametrize("told", [None, {}, [1], [{"id": 0}], [{"is_processing": "yes"}], "slots"])
def test_what_lists_no_slots_is_refused(told: Any):
    with pytest.raises(EngineError):
        read_slots("m", told)


def test_no_slots_are_no_places():
    assert read_slots("m", []) == EngineLoad()


@pytest.mark.parametrize(
    ("told", "load"),
    [
        (VLLM, EngineLoad(3, 12)),
        (SGLANG, EngineLoad(162, 2826)),
        (b"vllm:num_requests_running 4\n", EngineLoad(4, 0)),
        (b'vllm:num_requests_running{m="a} 7 \\"b"} 1.0\n', EngineLoad(1, 0)),
        (b"sglang:num_running_reqs{} 1e+01 1395066363000\n", EngineLoad(10, 0)),
        (b"vllm:num_requests_running 1e300\n", EngineLoad(MAX_TOLD, 0)),
    ],
)
def test_requests_are_read_out_of_metrics(told: bytes, load: EngineLoad):
    assert read_metrics("m", told) == load


def test_engines_are_added_up_and_devices_are_not():
    several = b"".join(b'vllm:num_requests_running{engine="%d"} 2.0\n' % n for n in range(3))
    assert read_metrics("m", several) == EngineLoad(6, 0)
    ranks = b"".join(
        b'sglang:num_running_reqs{dp_rank="%d",tp_rank="%d"} 5.0\n' % (dp, tp)
        for dp in range(2)
        for tp in range(4)
    )
    assert read_metrics("m", ranks) == EngineLoad(10, 0)


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"<html>",
        b"llamacpp:requests_processing 1\n",
        b"vllm:num_requests_running NaN\n",
        b"vllm:num_requests_running -3\n",
        b"vllm:num_requests_running 1e.5\n",
        b"# vllm:num_requests_running 3.0\n",
        b"\xff" * 100,
    ],
)
def test_metrics_without_requests_are_refused(told: bytes):
    with pytest.raises(EngineError):
        read_metrics("m", told)
